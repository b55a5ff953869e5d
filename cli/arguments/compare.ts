import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { quiet, runs, sets, trialOptions } from "./shared.ts";
import { recipeValue } from "./values.ts";

/** `plca compare`. */
export const compare = command(
  "compare",
  object({
    command: constant("compare"),
    recipe: argument(recipeValue, {
      description: message`What every method is laid on: a YAML file, or the name of an embedded recipe.`,
    }),
    methods: optional(option("--methods", string({ metavar: "LIST" }), {
      description:
        message`Methods, separated by commas: names of recipes/methods (and of its folder mit, whose methods bring a network of their own) or YAML files (default: all of recipes/methods).`,
    })),
    ...trialOptions(
      "RUNS/comparison-RECIPE",
      "Train for so many steps instead of the recipe's; phases with a length have their share of them.",
    ),
    paper: withDefault(
      flag("--paper", { description: message`Add what the paper reports for the same classes.` }),
      false,
    ),
    quiet,
    set: sets,
    runs,
  }),
  { brief: message`Train several methods on one data recipe over several seeds and compare them.` },
);
