import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";

/** `plca runs`. */
export const runList = command(
  "runs",
  object({
    command: constant("runs"),
    folder: optional(argument(string({ metavar: "FOLDER" }), {
      description: message`Where run folders lie, or one of them (default: runs).`,
    })),
    json: withDefault(flag("--json", { description: message`Print the list as JSON.` }), false),
  }),
  { brief: message`List runs: which go on, how far they are, how good.` },
);
