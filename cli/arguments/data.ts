import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, integer } from "@optique/core/valueparser";
import { DATASETS } from "../../config/recipe.ts";
import { force, sets } from "./shared.ts";
import { fileValue, recipeValue } from "./values.ts";

const recipe = argument(recipeValue, {
  description: message`A YAML file, or the name of an embedded recipe.`,
});

const check = command(
  "check",
  object({
    command: constant("data check"),
    recipe,
    split: multiple(option("--split", choice(DATASETS, { metavar: "DATASET" }), {
      description: message`Only this one: source, target, val or test; may be given again (default: all).`,
    })),
    limit: optional(option("--limit", integer({ metavar: "N", min: 1 }), {
      description: message`At most so many images of each (default: all).`,
    })),
    json: withDefault(
      flag("--json", { description: message`Print what was found as JSON, every broken file included.` }),
      false,
    ),
    set: sets,
  }),
  { brief: message`Read every image and label of a recipe and name what is broken.` },
);

const stats = command(
  "stats",
  object({
    command: constant("data stats"),
    recipe,
    out: optional(option("--out", fileValue("FILE"), {
      description: message`Where the statistics are written (default: NAME_classes.json, NAME the recipe's).`,
    })),
    force,
    set: sets,
  }),
  { brief: message`Count the classes in every source image, for input.rare_class_sampling.` },
);

/** `plca data check` and `plca data stats`. */
export const data = command(
  "data",
  or(check, stats, { errors: { noMatch: message`What of the data? Expected check or stats.` } }),
  {
    brief: message`Check the datasets of a recipe, or count their classes.`,
  },
);
