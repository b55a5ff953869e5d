import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { argument, command, constant } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { sets } from "./shared.ts";

/** `plca check`. */
export const check = command(
  "check",
  object({
    command: constant("check"),
    recipe: argument(string({ metavar: "RECIPE" }), {
      description: message`A YAML file, or the name of an embedded recipe.`,
    }),
    set: sets,
  }),
  { brief: message`Read a recipe and name every mistake in it.` },
);
