/** Options that several commands take. */
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";

/** `--set`, as often as wanted. */
export const sets = multiple(option("--set", string({ metavar: "PATH=VALUE" }), {
  description: message`Replace a value of the recipe, as in --set losses[1].weight=0.2; may be given again.`,
}));

/** `--runs`. */
export const runs = withDefault(
  option("--runs", string({ metavar: "FOLDER" }), {
    description: message`Where run folders lie (default: runs).`,
  }),
  "runs",
);
