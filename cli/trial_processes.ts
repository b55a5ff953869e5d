/**
 * Trials in processes of their own, several at a time. A process has one backend, so trainings at the same
 * time need a process each; each gets its own part of the cores where the system allows that. A trial that
 * fails is named, and the others go on.
 *
 * How it works: `jobs` lanes take trials from one list. Each trial becomes an ordinary command line, `plca
 * train RECIPE --run FOLDER` or, where an earlier call began it, `plca train --resume FOLDER`; its recipe is
 * written beside the runs. So a trial can be looked at, resumed or repeated by hand, and nothing is lost when
 * this process ends.
 */
import { join } from "node:path";
import type { Evaluation } from "../core/events.ts";
import { UserError } from "../core/errors.ts";
import { meansText } from "../report/means.ts";
import { configText } from "../run_folder/config.ts";
import { COST, RECORD } from "../run_folder/layout.ts";
import { clearUnbegun } from "../run_folder/make.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import type { Host } from "./host.ts";
import { readResult } from "./results.ts";
import { shown, stat } from "./run_folder.ts";
import type { PlcaStart, StartedPlca } from "./start_plca.ts";
import { finishedTrials, interruptedText, type Trial } from "./trials.ts";

/** What running trials needs. */
export interface ProcessOptions {
  /** The folder of all runs, absolute; the recipes of the trials are written into it. */
  readonly out: string;
  /** How many run at a time. */
  readonly jobs: number;
  readonly trials: readonly Trial[];
  /** Whether only failures are told. */
  readonly quiet: boolean;
}

/** How the trials ended. */
export interface TrainedTrials {
  readonly done: ReadonlyMap<Trial, Evaluation>;
  /** Of those that failed, why: a line each. */
  readonly failures: ReadonlyMap<Trial, string>;
}

/** What is noted of a trial beside its run. */
export interface TrialCost {
  /** The most memory that its process held, in bytes; absent where the system does not tell. */
  readonly peakBytes?: number;
}

/**
 * Trains what no earlier call brought to its end. After Ctrl-C no further trial is begun, and those in work
 * stop after their step.
 * @returns undefined when it was interrupted before all were done
 * @throws UserError where no process may be started, or an earlier call began a trial with another recipe
 */
export async function trainTrials(host: Host, options: ProcessOptions): Promise<TrainedTrials | undefined> {
  const { jobs, trials, out, quiet } = options;
  const { processes } = host;
  if (processes === undefined) throw new UserError("no other process may be started from here");
  const tell = (line: string) => host.stderr.write(`${line}\n`);
  const write = (line: string) => quiet ? undefined : tell(line);
  const done = await finishedTrials(host, trials);
  if (done.size > 0) write(`${done.size} of ${trials.length} runs are finished already`);
  const open = trials.filter((trial) => !done.has(trial));
  const count = Math.min(jobs, open.length);
  const shares = count > 1 ? await processes.sharesOfCores(count) : undefined;
  if (count > 1 && shares === undefined) {
    write(`${count} processes share all cores: they cannot be held to parts of them here`);
  }
  await makeFolder(join(out, RECIPES));
  const failures = new Map<Trial, string>();
  const running = new Set<StartedPlca>();
  let interrupted = false, begun = done.size;
  const stopListening = host.onInterrupt((times) => {
    if (times > 1) host.exit(130);
    tell("Stopping after the step or image in work. Ctrl-C again stops at once.");
    interrupted = true;
    for (const child of running) child.interrupt();
  });
  const lane = async (cores: readonly number[] | undefined) => {
    for (let trial = open.shift(); trial !== undefined && !interrupted; trial = open.shift()) {
      const title = `${trial.variant}, seed ${trial.seed}`;
      write(`${++begun} of ${trials.length}: ${title}`);
      const child = processes.start({ args: await lineOf(trial, out), cwd: host.cwd, cores });
      running.add(child);
      const { code, stderr } = await child.ended;
      running.delete(child);
      await noteCost(trial, child.peakMemory());
      if (code === 0) {
        const evaluation = await readResult(trial.folder, shown(host, trial.folder));
        done.set(trial, evaluation);
        write(`  ${title}: ${meansText(evaluation)}`);
      } else if (!interrupted) {
        failures.set(trial, reasonIn(stderr, code));
        tell(`  ${title} failed: ${failures.get(trial)}`);
      }
    }
  };
  const lanes = Array.from({ length: count }, (_, k) => lane(shares?.[k]));
  try {
    await Promise.all(lanes);
  } catch (error) {
    // Nothing that this call started goes on after it.
    open.length = 0;
    for (const child of running) child.interrupt();
    await Promise.allSettled(lanes);
    throw error;
  } finally {
    stopListening();
  }
  if (interrupted && done.size < trials.length) {
    tell(interruptedText(done.size, trials.length));
    return undefined;
  }
  return { done, failures };
}

/** In the folder of all runs: holds the recipe of each trial. */
const RECIPES = "recipes";

/** The command line that trains a trial, or goes on with it. */
async function lineOf({ variant, seed, plan, folder }: Trial, out: string): Promise<PlcaStart["args"]> {
  if (await stat(join(folder, RECORD))) return ["train", "--resume", folder, "--quiet"];
  await clearUnbegun(folder);
  const recipe = join(out, RECIPES, `${variant}-${seed}.yaml`);
  await writeWhole(recipe, new TextEncoder().encode(configText(plan.resolved)));
  return ["train", recipe, "--run", folder, "--quiet"];
}

/** Notes the most memory that a trial took, over all calls that worked on it. */
async function noteCost({ folder }: Trial, peak: number | undefined): Promise<void> {
  if (peak === undefined || !await stat(folder)) return;
  const { peakBytes = 0 } = await readCost(folder);
  const cost: TrialCost = { peakBytes: Math.max(peak, peakBytes) };
  await writeWhole(join(folder, COST), new TextEncoder().encode(`${JSON.stringify(cost)}\n`));
}

/** What was noted of a run; empty where it was not trained in a process of its own. */
export async function readCost(folder: string): Promise<TrialCost> {
  try {
    return JSON.parse(await Deno.readTextFile(join(folder, COST)));
  } catch {
    return {};
  }
}

/** Why a process failed: the first line that it wrote to stderr. */
function reasonIn(stderr: string, code: number): string {
  const [line = ""] = stderr.trim().split("\n");
  return line === "" ? `its process ended with status ${code} without a word` : line;
}
