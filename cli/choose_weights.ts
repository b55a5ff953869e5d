/**
 * Which weights a command uses, and the recipe of the network that they belong to. A file of weights does not
 * say how its network is built; a run folder does. So weights come from a run (the latest unless one is
 * named), from a file inside a run, or from a file with a recipe named beside it. When the newest checkpoint
 * of a run is damaged, an older one is taken, and that is said.
 */
import { join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { diskFiles } from "../datasets/files.ts";
import { CONFIG, LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { newestRun } from "../run_folder/newest.ts";
import { newestWhole } from "../train/resume.ts";
import { commandLine } from "./command_line.ts";
import type { Host } from "./host.ts";
import { neighbour } from "./neighbour.ts";
import { noFile, noLastWeights, runAround, shown, stat } from "./run_folder.ts";

/** What the person named, as `eval`, `predict` and `export` take it. */
export interface WeightsWanted {
  readonly run: string | undefined;
  readonly recipe: string | undefined;
  readonly checkpoint: string | undefined;
  /** Where run folders lie. */
  readonly runs: string;
}

/** A file of weights and its recipe. */
export interface Weights {
  /** A path, or the name of an embedded recipe. */
  readonly recipe: string;
  /** Absolute. */
  readonly checkpoint: string;
}

/**
 * The weights to use and their recipe. @throws UserError when a folder, a file or the recipe is missing, or
 * options contradict each other
 */
export async function chooseWeights(host: Host, wanted: WeightsWanted): Promise<Weights> {
  const { run, recipe, checkpoint, runs } = wanted;
  if (recipe !== undefined && run !== undefined) {
    throw new UserError(`--recipe ${recipe}: a run brings its own recipe; give --run or --recipe, not both`);
  }
  if (checkpoint === undefined) {
    if (recipe !== undefined) {
      throw new UserError(`--recipe ${recipe}: whose weights? name their file with --checkpoint`);
    }
    const folder = run === undefined ? await latestRun(host, runs) : resolve(host.cwd, run);
    if (!(await stat(folder))?.isDirectory) {
      throw new UserError(`--run ${run}: there is no such folder${await neighbour(folder, host.cwd)}`);
    }
    const config = await recipeIn(host, folder);
    const whole = await newestWhole(folder, diskFiles());
    if (!whole) throw await noLastWeights(host, folder, shown(host, folder));
    if (whole.damage !== "") host.stderr.write(`${whole.damage}\n`);
    return { recipe: config, checkpoint: whole.path };
  }
  const file = resolve(host.cwd, checkpoint);
  const missing = noFile(await stat(file));
  if (missing !== undefined) throw new UserError(`--checkpoint ${checkpoint}: ${missing}`);
  if (recipe !== undefined) return { recipe, checkpoint: file };
  if (run !== undefined) return { recipe: await recipeIn(host, resolve(host.cwd, run)), checkpoint: file };
  const owner = await runAround(file);
  if (owner !== undefined) return { recipe: join(owner, CONFIG), checkpoint: file };
  throw new UserError(
    `--checkpoint ${checkpoint}: it lies in no run folder; name the recipe of its network with --recipe, ` +
      "or a run with the same network with --run",
  );
}

/** The recipe of a run, `config.yaml` in its folder. @throws UserError when the folder is none of a run */
export async function recipeIn(host: Host, folder: string): Promise<string> {
  const config = join(folder, CONFIG);
  if (await stat(config)) return config;
  throw new UserError(`${shown(host, folder)} is no run folder: it has no ${CONFIG}; choose one with --run`);
}

/** The run with the newest last checkpoint. @throws UserError when there is none */
async function latestRun(host: Host, runs: string): Promise<string> {
  const latest = await newestRun(resolve(host.cwd, runs), runs, LAST_CHECKPOINT);
  if (latest !== undefined) return latest;
  throw new UserError(
    `there is no run with a checkpoint in ${runs}; train one first: ${commandLine(host, "train")}`,
  );
}
