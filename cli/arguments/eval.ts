import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { command, constant, flag, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { runs, sets } from "./shared.ts";

/** `plca eval`. */
export const evaluate = command(
  "eval",
  object({
    command: constant("eval"),
    run: optional(option("--run", string({ metavar: "FOLDER" }), {
      description: message`The run (default: the latest one).`,
    })),
    checkpoint: optional(option("--checkpoint", string({ metavar: "FILE" }), {
      description: message`The weights (default: the last ones of the run).`,
    })),
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
    set: sets,
    runs,
  }),
  { brief: message`Evaluate a run.` },
);
