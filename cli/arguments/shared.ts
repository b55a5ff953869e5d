/** Options that several commands take. */
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { fileValue, folderValue, recipeValue, setValue } from "./values.ts";

/** `--set`, as often as wanted. */
export const sets = multiple(option("--set", setValue, {
  description: message`Replace a value of the recipe, as in --set losses[1].weight=0.2; may be given again.`,
}));

/** `--quiet`. */
export const quiet = withDefault(
  flag("--quiet", { description: message`Print nothing but the result, and errors.` }),
  false,
);

/** `--force`, of a command that writes one file. */
export const force = withDefault(
  flag("--force", { description: message`Overwrite a file that exists.` }),
  false,
);

/** `--runs`. */
export const runs = withDefault(
  option("--runs", folderValue("FOLDER"), {
    description: message`Where run folders lie (default: runs).`,
  }),
  "runs",
);

/** `--run`, `--recipe` and `--checkpoint`. */
export const weights = {
  run: optional(option("--run", folderValue("FOLDER"), {
    description: message`The run (default: the latest one).`,
  })),
  recipe: optional(option("--recipe", recipeValue, {
    description:
      message`The recipe of weights that lie in no run: a YAML file, or the name of an embedded recipe.`,
  })),
  checkpoint: optional(option("--checkpoint", fileValue("FILE"), {
    description: message`The weights (default: the last ones of the run).`,
  })),
};
