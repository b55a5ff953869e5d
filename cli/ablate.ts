import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { neededViews } from "../core/needs.ts";
import { lastPhase, type PlannedLoss, type RunPlan } from "../core/plan.ts";
import { reason } from "../core/words.ts";
import { diskFiles } from "../datasets/files.ts";
import { ablationGrid, type Variant } from "../report/ablation.ts";
import { renderGrid } from "../report/grid.ts";
import { meansText } from "../report/means.ts";
import { type Progress, progress } from "../report/progress.ts";
import { configText } from "../run_folder/config.ts";
import { CONFIG, EVALUATION, RECORD } from "../run_folder/layout.ts";
import { readRecord, recordTrial } from "../run_folder/make.ts";
import { train } from "../train/mod.ts";
import { courseOf } from "./course.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { narrowly, type Planner } from "./narrow.ts";
import { planOf, readText } from "./recipes.ts";
import { readResult, requirePaper } from "./results.ts";
import { beginningOf, shown, stat } from "./run_folder.ts";

/** Table 1 of the paper. */
const TABLE_1 = fileURLToPath(new URL("../recipes/ablation", import.meta.url));

/** One training: a variant with a seed. */
interface Trial {
  readonly variant: string;
  readonly seed: number;
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
}

/**
 * `plca ablate`: returns the exit status. Every variant is planned before the first is trained; what an earlier call
 * finished in the same folder is not trained again, what it began goes on. @throws UserError
 */
export async function ablateCommand(host: Host, args: CommandOf<"ablate">): Promise<number> {
  if (host.narrowed) {
    return await narrowly(host, {
      read: [rowsOf(host, args), outOf(host, args)],
      async intend(planned) {
        const trials = await planTrials(host, args, planned);
        return { plans: trials.map(({ plan }) => plan), write: [outOf(host, args)] };
      },
    });
  }
  const trials = await planTrials(host, args, (choice) => planOf(host, choice));
  const done = new Map<Trial, Evaluation>();
  for (const trial of trials) {
    await requireSameRecipe(host, trial);
    if (!await stat(join(trial.folder, EVALUATION))) continue;
    done.set(trial, await readResult(trial.folder, shown(host, trial.folder)));
  }
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
        tell(`Interrupted with ${done.size} of ${trials.length} runs finished; the same command goes on.`);
        return 130;
      }
      done.set(trial, evaluation);
      write(`  ${meansText(evaluation)}`);
    }
  } finally {
    stopListening();
  }
  write(`The runs lie in ${shown(host, dirname(trials[0]!.folder))}`);
  host.stdout.write(
    args.json
      ? `${JSON.stringify(results(trials, done), null, 2)}\n`
      : `${renderGrid(ablationGrid(variantsOf(trials, done), args), args.format)}\n`,
  );
  return 0;
}

/** Plain lines of a trial where lines cannot be rewritten: there are many trials. */
const PLAIN_LINES = 4;

function viewOf(host: Host, { quiet }: CommandOf<"ablate">, plan: RunPlan): Progress {
  if (!quiet) return progress(host.stderr, { course: courseOf(plan), plainLines: PLAIN_LINES });
  return { event() {}, line: (text) => host.stderr.write(`${text}\n`), close() {} };
}

/** What `--json` prints. */
function results(trials: readonly Trial[], done: ReadonlyMap<Trial, Evaluation>) {
  return trials.map((trial) => ({ variant: trial.variant, seed: trial.seed, evaluation: done.get(trial) }));
}

/** The folder of all runs, absolute. */
function outOf(host: Host, args: CommandOf<"ablate">): string {
  const stem = basename(args.recipe).replace(/\.ya?ml$/, "");
  return resolve(host.cwd, args.out ?? join(args.runs, `ablation-${stem}`));
}

function rowsOf(host: Host, args: CommandOf<"ablate">): string {
  return args.rows === undefined ? TABLE_1 : resolve(host.cwd, args.rows);
}

async function planTrials(host: Host, args: CommandOf<"ablate">, planned: Planner): Promise<Trial[]> {
  const seeds = args.seeds.split(",").map((seed) => /^\d+$/.test(seed) ? Number(seed) : NaN);
  if (seeds.some(Number.isNaN) || new Set(seeds).size < seeds.length) {
    throw new UserError(`--seeds ${args.seeds}: expected different whole numbers from 0 on, as in 0,1,2`);
  }
  const folder = rowsOf(host, args);
  const out = outOf(host, args);
  const trials: Trial[] = [];
  for (const file of await rowFiles(folder, args.rows)) {
    for (const seed of seeds) {
      const plan = await planTrial(join(folder, file), { args, seed, planned });
      if (!plan.data.splits.val) {
        throw new UserError(`${args.recipe}: it has no val split, so variants cannot be compared`);
      }
      if (args.paper) requirePaper(plan.labelSpace.classes);
      const twin = trials.find(({ variant, seed: other }) => variant === plan.name && other === seed);
      if (twin) throw new UserError(`${args.rows ?? folder}: two variants are called "${plan.name}"`);
      trials.push({ variant: plan.name, seed, plan, folder: join(out, `${plan.name}-${seed}`) });
    }
  }
  // All variants of one seed first: an interrupted ablation can be read already.
  return seeds.flatMap((seed) => trials.filter((trial) => trial.seed === seed));
}

async function planTrial(
  path: string,
  { args, seed, planned }: { args: CommandOf<"ablate">; seed: number; planned: Planner },
): Promise<RunPlan> {
  const plan = (steps: readonly string[]) =>
    // A baseline is a variant of its own here.
    planned({ path, overrides: ["baseline=", ...args.set, ...steps, `seed=${seed}`], base: args.recipe });
  const { steps } = args;
  if (steps === undefined) return await plan([]);
  const whole = await plan([`training.steps=${steps}`]);
  // Its phases may have steps of their own.
  return whole.phases.every(({ training }) => training.steps === steps)
    ? whole
    : await plan(whole.phases.map((_, k) => `phases[${k}].training.steps=${steps}`));
}

async function rowFiles(folder: string, given: string | undefined): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (/\.ya?ml$/.test(entry.name)) files.push(entry.name);
  } catch (cause) {
    throw new UserError(`--rows ${given}: ${reason(cause)}`, { cause });
  }
  if (files.length === 0) throw new UserError(`--rows ${given}: the folder holds no .yaml file`);
  return files.sort();
}

/** @throws UserError when an earlier call began this trial with another recipe */
async function requireSameRecipe(host: Host, { plan, folder }: Trial): Promise<void> {
  const config = join(folder, CONFIG);
  if (!await stat(config) || await readText(config) === configText(plan.resolved)) return;
  throw new UserError(
    `${shown(host, folder)} was trained with another recipe or other settings; choose another --out`,
  );
}

/**
 * The one backend of all trials: a process has one, and numbers of several do not compare.
 * @throws UserError when variants, or what was begun before, have different ones
 */
async function backendOf(host: Host, trials: readonly Trial[]): Promise<string> {
  const [first, ...others] = trials;
  const { name } = await selectBackend(first!.plan.backend);
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

interface Training {
  readonly trial: Trial;
  readonly backend: string;
  readonly signal: AbortSignal;
  readonly view: Progress;
}

/** Undefined when the signal fired. */
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

/** The terms that some variant applies at several places of the network. */
function severalTaps(losses: readonly PlannedLoss[]): ReadonlySet<string> {
  return new Set(losses.filter((loss) => tapsOf(loss).length > 1).map(({ name }) => name));
}

/** A term, or each place of a term that has several. */
function partsOf(loss: PlannedLoss, several: ReadonlySet<string>): string[] {
  return several.has(loss.name) ? tapsOf(loss).map((tap) => `${loss.name} ${tap}`) : [loss.name];
}

function tapsOf({ plan: { needs } }: PlannedLoss): readonly string[] {
  return [...new Set(neededViews(needs).flatMap(({ taps }) => taps.map(({ name }) => name)))];
}
