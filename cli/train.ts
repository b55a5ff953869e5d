import { join, resolve } from "node:path";
import { parse } from "yaml";
import { watchNumerics } from "../backends/debug_numerics.ts";
import { BACKENDS } from "../backends/mod.ts";
import { selectBackend, type SelectedBackend } from "../backends/select.ts";
import { NAME } from "../config/recipe.ts";
import { DataError, UserError } from "../core/errors.ts";
import { plannedParts, type RunPlan } from "../core/plan.ts";
import { exchangeJson, solo, type World } from "../core/world.ts";
import { diskFiles } from "../datasets/files.ts";
import { IMAGES } from "../datasets/image_files.ts";
import { meansText } from "../report/means.ts";
import { type Progress, progress } from "../report/progress.ts";
import { courseOf } from "./course.ts";
import { type ClassColumn, classTable } from "../report/table.ts";
import { readEvaluation } from "../run_folder/evaluation.ts";
import { diskRun } from "../run_folder/files.ts";
import { CONFIG, LAST_CHECKPOINT, phaseFolders } from "../run_folder/layout.ts";
import { refuseBusy } from "../run_folder/lock.ts";
import {
  type MadeFolder,
  makeRunFolder,
  readRecord,
  recordRun,
  removeRun,
  type RunRecord,
} from "../run_folder/make.ts";
import { train, type TrainResult } from "../train/mod.ts";
import { Team } from "../train/together.ts";
import { commandLine } from "./command_line.ts";
import type { CommandOf } from "./grammar.ts";
import { memoryTeller } from "./debug_memory.ts";
import type { Host } from "./host.ts";
import { launchTraining } from "./launch_training.ts";
import { type Interruption, interruption } from "./interruption.ts";
import { moveData, whenMoved } from "./moved_data.ts";
import { blaming, narrowly } from "./narrow.ts";
import { planOf, type RecipeChoice } from "./recipes.ts";
import { beginningOf, shown, stat } from "./run_folder.ts";
import { lateFailure, wordsOf } from "./thread.ts";
import { VERSIONS } from "./versions.ts";

/** `plca train`: returns the exit status. @throws UserError */
export async function trainCommand(host: Host, args: CommandOf<"train">): Promise<number> {
  if (args.launch !== undefined && !host.handover) return await launchTraining(host, args, args.launch);
  if (args.restarts > 0 && args.launch === undefined) {
    throw new UserError('--restarts starts a launcher again: name it, as in --launch "mpirun -n 4"');
  }
  if (host.narrowed) return await trainNarrowly(host, args);
  const world = host.job?.open() ?? solo;
  const team = new Team(world, new AbortController().signal);
  const run = args.resume === undefined
    ? await begun(host, args, team)
    : await resumed(host, args, { team, given: args.resume });
  if (args.debugNumerics) watchNumerics();
  return await trainRun(host, { ...run, world }, args);
}

/** How much of a run is told: all of it, the result, or every event as JSON. */
type Telling = Pick<CommandOf<"train">, "quiet" | "json">;

function isSilent({ quiet, json }: Telling): boolean {
  return quiet || json;
}

function viewOf(host: Host, plan: RunPlan, telling: Telling): Progress {
  const shown = progress(host.stdout, { course: courseOf(plan) });
  if (!isSilent(telling)) return shown;
  return {
    event(event) {
      if (telling.json) {
        host.stdout.write(`${JSON.stringify({ time: host.now().toISOString(), ...event })}\n`);
      }
    },
    line: (text) => host.stderr.write(`${text}\n`),
    close() {},
  };
}

async function trainNarrowly(host: Host, args: CommandOf<"train">): Promise<number> {
  let made: MadeFolder | undefined;
  try {
    return await narrowly(host, {
      read: args.resume === undefined ? [] : [resolve(host.cwd, args.resume)],
      async intend(planned) {
        if (args.resume !== undefined) {
          const { folder, choice } = await resumable(host, args, args.resume);
          return { plans: [await planned(choice)], write: [folder] };
        }
        const plan = await planned(choiceOf(args));
        // The first process tells the others where the run lies.
        if (host.job && host.job.launch.rank > 0) {
          return { plans: [plan], write: [resolve(host.cwd, args.run ?? args.runs)] };
        }
        made = await makeRunFolder({ cwd: host.cwd, run: args.run, runs: args.runs, name: plan.name });
        return { plans: [plan], write: [made.folder], folder: made.folder };
      },
    });
  } finally {
    await made?.removeEmpty();
  }
}

interface Begun {
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
  readonly resume: boolean;
  /** What is removed when not one step could be made. */
  readonly onFailure: "whole folder" | "contents" | "nothing";
  /** What the backend moved out of its heap so far; absent where its memory is its own. */
  readonly moved: SelectedBackend["moved"];
}

function choiceOf(args: CommandOf<"train">): RecipeChoice {
  if (args.name !== undefined && !NAME.pattern.test(args.name)) {
    throw new UserError(`--name ${args.name}: expected ${NAME.words}`);
  }
  const overrides = args.name === undefined ? args.set : [...args.set, `name="${args.name}"`];
  return { path: args.recipe ?? "street", overrides };
}

async function begun(host: Host, args: CommandOf<"train">, team: Team): Promise<Begun> {
  const { plan, backend } = await team.each(async () => {
    const plan = await planOf(host, choiceOf(args));
    return { plan, backend: await selectedBackend(host, plan) };
  });
  requireOneRun(team, plan, backend);
  const folder = await team.first(async () => {
    const { folder } = host.handover?.folder === undefined
      ? await makeRunFolder({ cwd: host.cwd, run: args.run, runs: args.runs, name: plan.name })
      : { folder: host.handover.folder };
    await recordRun(await beginningOf(host, { folder, plan, backend: backend.name, option: "--run" }));
    return folder;
  });
  const write = (text: string) => isSilent(args) ? undefined : host.stdout.write(text);
  const many = processesText(host);
  write(`${plan.name}: seed ${plan.seed}, backend ${backend.name}, ${many}run ${shown(host, folder)}\n`);
  for (const note of backend.notes) write(`  not chosen: ${note}\n`);
  const onFailure = args.run === undefined ? "whole folder" : "contents";
  return { plan, folder, resume: false, onFailure, moved: backend.moved };
}

function selectedBackend(
  { job }: Host,
  { backend, memory, precision }: RunPlan,
): Promise<SelectedBackend> {
  return selectBackend(backend, { memory, threads: job?.threads, precision });
}

/** `4 processes by MPICH 4.0.2, `; "" without a launcher. */
function processesText({ job }: Host): string {
  return job ? `${job.text()}, ` : "";
}

/** @throws UserError when processes would not train the same */
function requireOneRun({ world }: Team, plan: RunPlan, backend: Pick<SelectedBackend, "name">): void {
  if (world.size === 1) return;
  if (!BACKENDS.find(({ name }) => name === backend.name)!.readable) {
    throw new UserError(
      `backend ${backend.name}: values cannot be read within a step there, which several processes need; take another one`,
    );
  }
  const own = {
    "another version of plca": VERSIONS.plca,
    "another backend": backend.name,
    "another recipe": plan.resolved,
  };
  const all = exchangeJson(world, own);
  for (const what of Object.keys(own) as (keyof typeof own)[]) {
    const rank = all.findIndex((one) => JSON.stringify(one[what]) !== JSON.stringify(all[0]![what]));
    if (rank > 0) throw new UserError(`rank ${rank} has ${what} than rank 0; all processes need the same`);
  }
}

interface Resumable {
  /** Absolute. */
  readonly folder: string;
  readonly choice: RecipeChoice;
  readonly record: RunRecord;
}

async function resumable(host: Host, args: CommandOf<"train">, given: string): Promise<Resumable> {
  if (args.recipe !== undefined || args.name !== undefined || args.run !== undefined) {
    throw new UserError(
      `--resume ${given}: the run goes on as it was begun; it takes no recipe, --name or --run, and --set only for ` +
        "where its data and weights lie now, as in --set data.root=FOLDER",
    );
  }
  const folder = resolve(host.cwd, given);
  const config = join(folder, CONFIG);
  if (!await stat(config)) {
    throw new UserError(
      `--resume ${given}: expected a run folder with its ${CONFIG}, as in runs/street-001`,
    );
  }
  const record = await readRecord(folder, given);
  await refuseBusy(folder);
  // Another backend would give other numbers.
  return {
    folder,
    record,
    choice: {
      path: config,
      overrides: [`${backendKey(await Deno.readTextFile(config))}=${record.backend}`, ...args.set],
    },
  };
}

/** Where a recipe names its backend: beside a limit to its memory, or alone. */
function backendKey(recipe: string): string {
  const { backend } = parse(recipe) as { readonly backend?: unknown };
  return typeof backend === "object" && backend !== null ? "backend.name" : "backend";
}

async function resumed(
  host: Host,
  args: CommandOf<"train">,
  { team, given }: { readonly team: Team; readonly given: string },
): Promise<Begun> {
  const { folder, choice, record, plan } = await team.each(async () => {
    const found = await resumable(host, args, given);
    return { ...found, plan: await planOf(host, found.choice) };
  });
  const changed = (overrides: readonly string[]) => planOf(host, { ...choice, overrides });
  const moved = args.set.length === 0
    ? undefined
    : await team.first(async () =>
      moveData(host, { folder, before: await changed([]), after: await changed(args.set) })
    );
  const backend = await team.each(() => selectedBackend(host, plan)), { moved: movedMemory } = backend;
  requireOneRun(team, plan, backend);
  const write = (text: string) => isSilent(args) ? undefined : host.stdout.write(text);
  write(
    `${plan.name}: seed ${plan.seed}, backend ${record.backend}, ${processesText(host)}resumes ${
      shown(host, folder)
    }\n`,
  );
  if (moved !== undefined) write(`  ${moved}\n`);
  for (const [what, before] of Object.entries(record.versions)) {
    const now = { ...VERSIONS, runtime: host.machine.runtime }[what];
    if (now !== before) {
      write(
        `  begun with ${what} ${before}, goes on with ${now}: numbers may differ from one run\n`,
      );
    }
  }
  if (await latestCheckpoint(plan, folder) === undefined) {
    write("  it has no checkpoint, so it begins anew\n");
  }
  return { plan, folder, resume: true, onFailure: "nothing", moved: movedMemory };
}

/** The last weights of the phase that was in work; undefined when none were written. */
async function latestCheckpoint({ resolved }: RunPlan, run: string): Promise<string | undefined> {
  for (const { folder } of phaseFolders(resolved).toReversed()) {
    const path = join(run, folder, LAST_CHECKPOINT);
    if (await stat(path)) return path;
  }
  return undefined;
}

async function trainRun(
  host: Host,
  { plan, folder, resume, onFailure, moved, world }: Begun & { readonly world: World },
  args: CommandOf<"train">,
): Promise<number> {
  const view = viewOf(host, plan, args);
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    view.line("Stopping after the step or image in work, with a checkpoint. Ctrl-C again stops at once.");
    abort.abort();
  });
  let late: Error | undefined;
  const stopHearing = host.onLateFailure?.((error) => abort.abort(late ??= lateError(host, plan, error)));
  const stop = interruption(plan);
  let stepped = false;
  try {
    const memory = args.debugMemory ? memoryTeller(moved, plan.backend) : undefined;
    const result = await train(plan, {
      runDir: folder,
      resume,
      signal: abort.signal,
      files: diskFiles(),
      world,
      ...(moved === undefined ? {} : { moved }),
      onEvent: (event) => {
        if (event.type === "step") stepped = true;
        stop.event(event);
        view.event(event);
        if (event.type === "step") memory?.(event.step).forEach((line) => view.line(line));
      },
    });
    // One that came with the last evaluation stopped nothing.
    if (late) throw late;
    view.close();
    if (args.json) return result.interrupted ? 130 : 0;
    return await conclude(host, { plan, folder, result, stop, quiet: args.quiet });
  } catch (error) {
    view.close();
    // A run that never made a step holds nothing worth a number.
    const removed = !stepped && onFailure !== "nothing";
    if (removed && world.rank === 0) await removeRun(folder, onFailure === "whole folder");
    if (
      resume && !stepped && error instanceof DataError &&
      /there is no such (?:file|folder)/.test(error.message)
    ) {
      const advice = whenMoved(host, { plan, folder, file: error.file });
      throw new UserError(`${error.message}\n${advice}`, { cause: error });
    }
    throw isOfData(error, { model: plan.model, folder, begun: stepped })
      ? withDataCheck(host, error, removed ? recipeWords(args) : shown(host, join(folder, CONFIG)))
      : error;
  } finally {
    stopListening();
    stopHearing?.();
  }
}

/** An error of an unknown step: it names the user's files, since one of them may have caused it. */
function lateError(host: Host, { phases }: RunPlan, error: unknown): Error {
  const { message, stack } = wordsOf(error);
  const failure = lateFailure(message, stack);
  const files = phases.flatMap(plannedParts).flatMap(({ file }) => file ?? []);
  return files.length === 0 ? failure : blaming(host, failure, [...new Set(files)]);
}

/**
 * Whether it is about a file of the datasets, of which more may be broken: an image that was read, or anything once steps were
 * made. What is wrong with lists and folders is told whole when they are opened.
 */
function isOfData(
  error: unknown,
  { model, folder, begun }: { model: RunPlan["model"]; folder: string; begun: boolean },
): error is DataError {
  return error instanceof DataError && error.file !== model.weights?.file && !error.file.startsWith(folder) &&
    (begun || IMAGES.test.test(error.file));
}

function withDataCheck(host: Host, error: DataError, recipe: string): UserError {
  const message = `${error.message}\n${
    commandLine(host, `data check ${recipe}`)
  } names every broken file at once`;
  return new UserError(message, { cause: error });
}

/** The recipe as the person gave it, for another command. */
function recipeWords({ recipe = "street", set }: CommandOf<"train">): string {
  const quoted = (word: string) =>
    /^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return [recipe, ...set.flatMap((each) => ["--set", each])].map(quoted).join(" ");
}

interface Conclusion {
  readonly plan: RunPlan;
  readonly folder: string;
  readonly result: TrainResult;
  readonly stop: Interruption;
  readonly quiet: boolean;
}

async function conclude(host: Host, { plan, folder, result, stop, quiet }: Conclusion): Promise<number> {
  const run = shown(host, folder);
  const write = (line: string) => host.stdout.write(`${line}\n`);
  if (result.interrupted) {
    const found = await latestCheckpoint(plan, folder);
    write(stop.text());
    if (found === undefined) {
      write(`No weights were written; the log lies in ${run}`);
      return 130;
    }
    write(`The weights lie in ${shown(host, found)}. Next:`);
    write(`  ${commandLine(host, `train --resume ${run}`)}`);
    write(`  ${commandLine(host, `eval --checkpoint ${shown(host, found)} --split ${splitOf(plan)}`)}`);
    return 130;
  }
  const { final, best } = result;
  if (final) {
    const columns = await evaluations(plan, folder);
    const [first] = columns;
    if (!quiet) write("");
    write(classTable(columns));
    write("");
    const from = columns.length > 1 ? first!.evaluation.miou : null;
    const against = from === null || final.miou === null
      ? ""
      : `; mIoU ${signedPoints(final.miou - from)} points against ${first!.title}`;
    write(`Target ${meansText(final)}${against}.`);
    if (best) {
      write(
        `Best validation: ${meansText({ miou: best.miou, labelSize: final.labelSize })}, step ${best.step}` +
          `${final.inference === undefined ? "" : " (one pass, without what the final evaluation adds)"}.`,
      );
    }
  }
  if (quiet) {
    write(`The run lies in ${run}.`);
    return 0;
  }
  write(`The run lies in ${run}. Next:`);
  write(`  ${commandLine(host, `eval --run ${run} --split ${splitOf(plan)}`)}`);
  return 0;
}

/** Of the phases that were evaluated, in order. */
async function evaluations({ resolved }: RunPlan, run: string): Promise<ClassColumn[]> {
  const found: ClassColumn[] = [];
  for (const { name, folder } of phaseFolders(resolved)) {
    const evaluation = await readEvaluation(diskRun(run), folder);
    if (evaluation) found.push({ title: name, evaluation });
  }
  return found;
}

function splitOf(plan: RunPlan): string {
  return plan.data.splits.val ? "val" : "train";
}

function signedPoints(share: number): string {
  const text = (100 * share).toFixed(1);
  return share >= 0 ? `+${text}` : text;
}
