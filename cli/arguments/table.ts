import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag } from "@optique/core/primitives";
import { format } from "./shared.ts";
import { fileValue } from "./values.ts";

/** `plca table`. */
export const table = command(
  "table",
  object({
    command: constant("table"),
    results: multiple(
      argument(fileValue("RUN"), {
        description:
          message`A run folder that was trained to its end, or a file written by plca eval --json.`,
      }),
      { min: 1, errors: { tooFew: message`Which runs? Expected at least one run folder or file.` } },
    ),
    format,
    paper: withDefault(
      flag("--paper", { description: message`Add what the paper reports for the same classes.` }),
      false,
    ),
  }),
  { brief: message`Show the results of runs, a class a column.` },
);
