import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import { GRID_FORMATS } from "../../report/grid.ts";
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
    format: withDefault(
      option("--format", choice(GRID_FORMATS, { metavar: "FORMAT" }), {
        description: message`text, markdown, latex or csv (default: text).`,
      }),
      "text" as const,
    ),
    paper: withDefault(
      flag("--paper", { description: message`Add what the paper reports for the same classes.` }),
      false,
    ),
  }),
  { brief: message`Show the results of runs, a class a column.` },
);
