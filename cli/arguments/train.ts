import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { quiet, runs, sets } from "./shared.ts";
import { folderValue, recipeValue } from "./values.ts";

/** `plca train`. */
export const train = command(
  "train",
  object({
    command: constant("train"),
    recipe: optional(argument(recipeValue, {
      description: message`A YAML file, or the name of an embedded recipe (default: street).`,
    })),
    set: sets,
    name: optional(option("--name", string({ metavar: "NAME" }), {
      description: message`Name of the run folder instead of the recipe's name.`,
    })),
    run: optional(option("--run", folderValue("FOLDER"), {
      description: message`Exactly this run folder; it must be empty or not exist.`,
    })),
    resume: optional(option("--resume", folderValue("RUN"), {
      description:
        message`Go on with this run folder where it stopped, as if it never had; beside it only --set of where data lies now.`,
    })),
    launch: optional(option("--launch", string({ metavar: "LINE" }), {
      description:
        message`Train in the processes that this launcher of MPI starts, as in "mpirun -n 4"; for --restarts.`,
    })),
    restarts: withDefault(
      option("--restarts", integer({ min: 0, metavar: "N" }), {
        description:
          message`With --launch: when a process dies, go on from the last checkpoint, up to N times.`,
      }),
      0,
    ),
    debugNumerics: withDefault(
      flag("--debug-numerics", {
        description: message`Stop at the first operator that makes NaN or infinity; many times slower.`,
      }),
      false,
    ),
    debugMemory: withDefault(
      flag("--debug-memory", {
        description:
          message`Tell after every step what left the heap for want of room, and how long it took.`,
      }),
      false,
    ),
    json: withDefault(
      flag("--json", {
        description: message`Print every event of the run as a line of JSON, and nothing else but errors.`,
      }),
      false,
    ),
    quiet,
    runs,
  }),
  { brief: message`Train a recipe and compare on the target domain.` },
);
