/** Options that several commands take. */
import { message, text } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { GRID_FORMATS } from "../../report/grid.ts";
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

/** `--import`, of commands that train nothing. */
export const imports = withDefault(
  flag("--import", {
    description:
      message`Run the recipe's own files, such as those of its model: in a thread that may touch only what this needs.`,
  }),
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

/** `--format`, of commands that print a table. */
export const format = withDefault(
  option("--format", choice(GRID_FORMATS, { metavar: "FORMAT" }), {
    description: message`text, markdown, latex or csv (default: text).`,
  }),
  "text" as const,
);

/**
 * Options of commands that train several recipes over several seeds (`ablate`, `compare`).
 * @param out the folder of all runs where `--out` gives none, for the help @param steps what `--steps` does,
 * for the help
 */
export function trialOptions(out: string, steps: string) {
  return {
    seeds: withDefault(
      option("--seeds", string({ metavar: "LIST" }), {
        description: message`Seeds, separated by commas (default: 0,1,2).`,
      }),
      "0,1,2",
    ),
    steps: optional(option("--steps", integer({ metavar: "N", min: 1 }), {
      description: [text(steps)],
    })),
    jobs: withDefault(
      option("--jobs", integer({ metavar: "N", min: 1, max: 256 }), {
        description:
          message`Train so many at a time, each in a process with its share of the cores (default: 1).`,
      }),
      1,
    ),
    out: optional(option("--out", folderValue("FOLDER"), {
      description: [
        ...message`Where the runs lie (default: `,
        text(out),
        ...message`); what is finished there is kept.`,
      ],
    })),
    format,
    json: withDefault(
      flag("--json", { description: message`Print every evaluation as JSON instead of the table.` }),
      false,
    ),
  };
}
