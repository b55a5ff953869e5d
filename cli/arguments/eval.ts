import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { command, constant, flag, option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import { imports, quiet, runs, sets, weights } from "./shared.ts";

/** `plca eval`. */
export const evaluate = command(
  "eval",
  object({
    command: constant("eval"),
    ...weights,
    split: withDefault(
      option("--split", choice(["train", "val", "test"], { metavar: "SPLIT" }), {
        description: message`val, test, or train, which is the labelled source (default: val).`,
      }),
      "val" as const,
    ),
    json: withDefault(
      flag("--json", { description: message`Print the evaluation as JSON, confusion matrix included.` }),
      false,
    ),
    quiet,
    set: sets,
    import: imports,
    runs,
  }),
  { brief: message`Evaluate a run, or weights of a recipe.` },
);
