import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { quiet, runs, sets, trialOptions } from "./shared.ts";
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
    ...trialOptions(
      "RUNS/ablation-RECIPE",
      "Train each phase for so many steps instead of the recipe's.",
    ),
    paper: withDefault(
      flag("--paper", { description: message`Add what the paper's Table 1 reports for the same classes.` }),
      false,
    ),
    quiet,
    set: sets,
    runs,
  }),
  { brief: message`Train the variants of an objective over several seeds and compare them.` },
);
