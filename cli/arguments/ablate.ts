import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { GRID_FORMATS } from "../../report/grid.ts";
import { quiet, runs, sets } from "./shared.ts";
import { folderValue, recipeValue } from "./values.ts";

/** `plca ablate`. */
export const ablate = command(
  "ablate",
  object({
    command: constant("ablate"),
    recipe: argument(recipeValue, {
      description: message`What every variant is laid on: a YAML file, or the name of an embedded recipe.`,
    }),
    rows: optional(option("--rows", folderValue("FOLDER"), {
      description:
        message`The variants, one YAML file each, in the order of their names (default: Table 1's).`,
    })),
    seeds: withDefault(
      option("--seeds", string({ metavar: "LIST" }), {
        description: message`Seeds, separated by commas (default: 0,1,2).`,
      }),
      "0,1,2",
    ),
    steps: optional(option("--steps", integer({ metavar: "N", min: 1 }), {
      description: message`Train every variant for so many steps instead of the recipe's.`,
    })),
    out: optional(option("--out", folderValue("FOLDER"), {
      description:
        message`Where the runs lie (default: RUNS/ablation-RECIPE); what is finished there is kept.`,
    })),
    format: withDefault(
      option("--format", choice(GRID_FORMATS, { metavar: "FORMAT" }), {
        description: message`text, markdown, latex or csv (default: text).`,
      }),
      "text" as const,
    ),
    paper: withDefault(
      flag("--paper", { description: message`Add what the paper's Table 1 reports for the same classes.` }),
      false,
    ),
    json: withDefault(
      flag("--json", { description: message`Print every evaluation as JSON instead of the table.` }),
      false,
    ),
    quiet,
    set: sets,
    runs,
  }),
  { brief: message`Train the variants of an objective over several seeds and compare them.` },
);
