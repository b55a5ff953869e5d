/**
 * `plca ablate`: variants of an objective, each trained over several seeds, and a table of means like the
 * paper's Table 1. All variants are planned before the first is trained, so that a typo in the sixth recipe
 * does not show after a night. The trainings run one after the other in this process, or with `--jobs`
 * several at a time in processes of their own (trial_processes.ts); either way, what lies finished in the
 * folder is not trained again.
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { neededViews } from "../core/needs.ts";
import { lastPhase, type PlannedLoss, type RunPlan } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { ablationGrid, type Variant } from "../report/ablation.ts";
import { renderGrid } from "../report/grid.ts";
import { meansText } from "../report/means.ts";
import { type Progress, progress } from "../report/progress.ts";
import { RECORD } from "../run_folder/layout.ts";
import { readRecord, recordTrial } from "../run_folder/make.ts";
import { train } from "../train/mod.ts";
import { courseOf } from "./course.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { narrowly, type Planner } from "./narrow.ts";
import { planOf, planUnrun } from "./recipes.ts";
import { beginningOf, shown, stat } from "./run_folder.ts";
import { trainTrials } from "./trial_processes.ts";
import { finishedTrials, interruptedText, outOf, planTrials, recipeFiles, type Trial } from "./trials.ts";

/** Begins the name of the folder of all runs. */
const KIND = "ablation";

/** Table 1 of the paper. */
const TABLE_1 = fileURLToPath(new URL("../recipes/ablation", import.meta.url));

/**
 * Runs `plca ablate`. @returns the exit status: 0, 130 when interrupted, 2 when a training in a process of
 * its own failed
 * @throws UserError for recipes that cannot be planned, and for folders that hold other runs
 */
export async function ablateCommand(host: Host, args: CommandOf<"ablate">): Promise<number> {
  if (args.jobs > 1) return await ablateInProcesses(host, args);
  if (host.narrowed) {
    return await narrowly(host, {
      read: [rowsOf(host, args), outOf(host, args, KIND)],
      async intend(planned) {
        const trials = await trialsOf(host, args, planned);
        return { plans: trials.map(({ plan }) => plan), write: [outOf(host, args, KIND)] };
      },
    });
  }
  const trials = await trialsOf(host, args, (choice) => planOf(host, choice));
  const done = await finishedTrials(host, trials);
  const open = trials.filter((trial) => !done.has(trial));
  let view: Progress | undefined;
  const tell = (line: string) => view ? view.line(line) : host.stderr.write(`${line}\n`);
  const write = (line: string) => args.quiet ? undefined : tell(line);
  if (done.size > 0) write(`${done.size} of ${trials.length} runs are finished already`);
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    tell("Stopping after the step or image in work. Ctrl-C again stops at once.");
    abort.abort();
  });
  try {
    const backend = open.length > 0 ? await backendOf(host, open) : "";
    for (const trial of open) {
      write(`${done.size + 1} of ${trials.length}: ${trial.variant}, seed ${trial.seed}`);
      view = viewOf(host, args, trial.plan);
      const evaluation = await trainTrial(host, { trial, backend, view, signal: abort.signal });
      view = undefined;
      if (evaluation === undefined) {
        tell(interruptedText(done.size, trials.length));
        return 130;
      }
      done.set(trial, evaluation);
      write(`  ${meansText(evaluation)}`);
    }
  } finally {
    stopListening();
  }
  return report(host, { args, trials, done });
}

/** Trains several at a time. Plugin files of recipes are run by the processes that train, not here. */
async function ablateInProcesses(host: Host, args: CommandOf<"ablate">): Promise<number> {
  const trials = await trialsOf(host, args, (choice) => planUnrun(host, choice));
  const { jobs, quiet } = args;
  const trained = await trainTrials(host, { out: outOf(host, args, KIND), jobs, quiet, trials });
  if (trained === undefined) return 130;
  return Math.max(report(host, { args, trials, done: trained.done }), trained.failures.size > 0 ? 2 : 0);
}

/** What a table is made of. */
interface Ablation {
  readonly args: CommandOf<"ablate">;
  readonly trials: readonly Trial[];
  readonly done: ReadonlyMap<Trial, Evaluation>;
}

/** Prints the table, or JSON. @returns the exit status 0 */
function report(host: Host, { args, trials, done }: Ablation): number {
  if (!args.quiet) host.stderr.write(`The runs lie in ${shown(host, dirname(trials[0]!.folder))}\n`);
  host.stdout.write(
    args.json
      ? `${JSON.stringify(results(trials, done), null, 2)}\n`
      : `${renderGrid(ablationGrid(variantsOf(trials, done), args), args.format)}\n`,
  );
  return 0;
}

/** Plain lines of a trial where lines cannot be rewritten: there are many trials. */
const PLAIN_LINES = 4;

/** The display of one trial; with `--quiet` one that shows only what must be said. */
function viewOf(host: Host, { quiet }: CommandOf<"ablate">, plan: RunPlan): Progress {
  if (!quiet) return progress(host.stderr, { course: courseOf(plan), plainLines: PLAIN_LINES });
  return { event() {}, line: (text) => host.stderr.write(`${text}\n`), close() {} };
}

/** What `--json` prints: one entry for each trial, without an evaluation where it is not done. */
function results(trials: readonly Trial[], done: ReadonlyMap<Trial, Evaluation>) {
  return trials.map((trial) => ({ variant: trial.variant, seed: trial.seed, evaluation: done.get(trial) }));
}

/** All trials, planned. */
async function trialsOf(host: Host, args: CommandOf<"ablate">, planned: Planner): Promise<Trial[]> {
  const given = args.rows ?? TABLE_1;
  const files = await recipeFiles(rowsOf(host, args), `--rows ${given}`);
  const out = outOf(host, args, KIND);
  return await planTrials({ args, given, files, out, planned, stepsOf: "each phase" });
}

/** The folder of the variants' recipes, absolute: that of `--rows`, else the paper's Table 1. */
function rowsOf(host: Host, args: CommandOf<"ablate">): string {
  return args.rows === undefined ? TABLE_1 : resolve(host.cwd, args.rows);
}

/**
 * The one backend of all trials. A process has one, and numbers of several do not compare.
 * @throws UserError when variants, or what was begun before, have different ones
 */
async function backendOf(host: Host, trials: readonly Trial[]): Promise<string> {
  const [first, ...others] = trials;
  const { name } = await selectBackend(first!.plan.backend, first!.plan);
  for (const { variant, plan } of others) {
    if (plan.backend === first!.plan.backend) continue;
    throw new UserError(
      `${variant} has the backend ${plan.backend}, ${first!.variant} ${first!.plan.backend}; ` +
        "their numbers would not compare: give all of them one with --set backend=NAME",
    );
  }
  for (const { folder } of trials) {
    if (!await stat(join(folder, RECORD))) continue;
    const { backend } = await readRecord(folder, shown(host, folder));
    if (backend === name) continue;
    throw new UserError(
      `${shown(host, folder)} was begun with the backend ${backend}, this call has ${name}; ` +
        `go on with --set backend=${backend}, or choose another --out`,
    );
  }
  return name;
}

/** A trial about to be trained. */
interface Training {
  readonly trial: Trial;
  readonly backend: string;
  readonly signal: AbortSignal;
  readonly view: Progress;
}

/** Trains a trial, or resumes it where an earlier call began it. @returns undefined when the signal fired */
async function trainTrial(
  host: Host,
  { trial, backend, signal, view }: Training,
): Promise<Evaluation | undefined> {
  const { plan, folder } = trial;
  // An earlier call was stopped in the middle of it.
  const resume = await stat(join(folder, RECORD)) !== undefined;
  if (!resume) await recordTrial(await beginningOf(host, { folder, plan, backend, option: "--out" }));
  try {
    const result = await train(plan, {
      runDir: folder,
      resume,
      signal,
      files: diskFiles(),
      onEvent: view.event,
    });
    return result.interrupted ? undefined : result.final;
  } finally {
    view.close();
  }
}

/** The rows of the table: trials of one variant together. */
function variantsOf(trials: readonly Trial[], done: ReadonlyMap<Trial, Evaluation>): Variant[] {
  const names = [...new Set(trials.map(({ variant }) => variant))];
  const several = severalTaps(trials.flatMap(({ plan }) => lastPhase(plan).losses));
  return names.map((name) => {
    const own = trials.filter(({ variant }) => variant === name);
    return {
      name,
      parts: lastPhase(own[0]!.plan).losses.flatMap((loss) => partsOf(loss, several)),
      evaluations: own.flatMap((trial) => done.get(trial) ?? []),
    };
  });
}

/** The names of terms that some variant applies at several taps: they get a column for each. */
function severalTaps(losses: readonly PlannedLoss[]): ReadonlySet<string> {
  return new Set(losses.filter((loss) => tapsOf(loss).length > 1).map(({ name }) => name));
}

/** The columns that a term ticks: itself, or each of its taps. */
function partsOf(loss: PlannedLoss, several: ReadonlySet<string>): string[] {
  return several.has(loss.name) ? tapsOf(loss).map((tap) => `${loss.name} ${tap}`) : [loss.name];
}

/** The names of all taps that a term reads, each once. */
function tapsOf({ plan: { needs } }: PlannedLoss): readonly string[] {
  return [...new Set(neededViews(needs).flatMap(({ taps }) => taps.map(({ name }) => name)))];
}
