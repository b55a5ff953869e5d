import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag } from "@optique/core/primitives";
import { sets } from "./shared.ts";
import { recipeValue } from "./values.ts";

/** `plca check`. */
export const check = command(
  "check",
  object({
    command: constant("check"),
    recipe: argument(recipeValue, {
      description: message`A YAML file, or the name of an embedded recipe.`,
    }),
    set: sets,
    import: withDefault(
      flag("--import", {
        description: message`Run the files of losses of your own as well, so that their options are checked.`,
      }),
      false,
    ),
  }),
  { brief: message`Read a recipe and name every mistake in it.` },
);
