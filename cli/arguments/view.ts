import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { runs, sets } from "./shared.ts";
import { folderValue } from "./values.ts";

/** `plca view`. */
export const view = command(
  "view",
  object({
    command: constant("view"),
    run: optional(argument(folderValue("RUN"), {
      description: message`The run's folder, which may still be trained in (default: the latest run).`,
    })),
    port: withDefault(
      option("--port", integer({ metavar: "PORT", min: 0, max: 65535 }), {
        description: message`Of 127.0.0.1 (default: any that is free).`,
      }),
      0,
    ),
    set: sets,
    runs,
  }),
  { brief: message`Look at a run in a browser while it goes on, its associations included.` },
);
