/**
 * A run of `plca train` before its first step: a new folder with its record, or the folder of a run that goes
 * on.
 *
 * With several processes each of them plans the recipe and selects its backend; the first one alone makes and
 * records the folder, and all of them compare version, backend and recipe ({@linkcode requireOneRun}): two
 * processes with different recipes would train two networks and average their gradients.
 *
 * A run that goes on must be the run that was begun. So `--resume` takes the recipe and the backend from the
 * run's own files, and `--set` only where data lies now (moved_data.ts).
 */
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { BACKENDS } from "../../backends/mod.ts";
import { selectBackend, type SelectedBackend } from "../../backends/select.ts";
import { NAME } from "../../config/recipe.ts";
import { UserError } from "../../core/errors.ts";
import type { RunPlan } from "../../core/plan.ts";
import { exchangeJson } from "../../core/world.ts";
import { CONFIG } from "../../run_folder/layout.ts";
import { refuseBusy } from "../../run_folder/lock.ts";
import { makeRunFolder, readRecord, recordRun, type RunRecord } from "../../run_folder/make.ts";
import type { Team } from "../../train/together.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { requireStart } from "../named_files.ts";
import { neighbour } from "../neighbour.ts";
import { planOf, type RecipeChoice } from "../recipes.ts";
import { beginningOf, latestCheckpoint, shown, stat } from "../run_folder.ts";
import { VERSIONS } from "../versions.ts";
import { moveData } from "./moved_data.ts";
import { isSilent } from "./output.ts";

/** A run that is ready for its steps. */
export interface BegunRun {
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
  readonly resume: boolean;
  /** What is removed when not one step could be made. */
  readonly onFailure: "whole folder" | "contents" | "nothing";
  /** What the backend moved out of its heap so far; absent where its memory is its own. */
  readonly moved: SelectedBackend["moved"];
}

/** The recipe of a new run, as the command line names it. @throws UserError for a name that cannot be */
export function choiceOf(args: CommandOf<"train">): RecipeChoice {
  if (args.name !== undefined && !NAME.pattern.test(args.name)) {
    throw new UserError(`--name ${args.name}: expected ${NAME.words}`);
  }
  const overrides = args.name === undefined ? args.set : [...args.set, `name="${args.name}"`];
  return { path: args.recipe ?? "street", overrides };
}

/** Plans a new run, makes its folder and records it. All processes must call it. @throws UserError */
export async function beginRun(host: Host, args: CommandOf<"train">, team: Team): Promise<BegunRun> {
  const { plan, backend } = await team.each(async () => {
    const plan = await planOf(host, choiceOf(args));
    await requireStart(host, plan);
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
  const here = {
    "another version of plca": VERSIONS.plca,
    "another backend": backend.name,
    "another recipe": plan.resolved,
  };
  const ofRanks = exchangeJson(world, here);
  for (const what of Object.keys(here) as (keyof typeof here)[]) {
    const rank = ofRanks.findIndex((one) => JSON.stringify(one[what]) !== JSON.stringify(ofRanks[0]![what]));
    if (rank > 0) throw new UserError(`rank ${rank} has ${what} than rank 0; all processes need the same`);
  }
}

/** A run that can go on. */
interface ResumableRun {
  /** Absolute. */
  readonly folder: string;
  readonly choice: RecipeChoice;
  readonly record: RunRecord;
}

/**
 * The run that `--resume` names, before its recipe is planned.
 * @param given the folder as the person wrote it
 * @throws UserError when there is no run, when another process trains it, or for options that would change it
 */
export async function resumableRun(
  host: Host,
  args: CommandOf<"train">,
  given: string,
): Promise<ResumableRun> {
  if (args.recipe !== undefined || args.name !== undefined || args.run !== undefined) {
    throw new UserError(
      `--resume ${given}: the run goes on as it was begun; it takes no recipe, --name or --run, and --set only for ` +
        "where its data and weights lie now, as in --set data.root=FOLDER",
    );
  }
  const folder = resolve(host.cwd, given);
  const config = join(folder, CONFIG);
  if (!await stat(config)) {
    const near = await stat(folder) ? "" : await neighbour(folder, host.cwd);
    throw new UserError(
      `--resume ${given}: expected a run folder with its ${CONFIG}, as in runs/street-001${near}`,
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

/**
 * Plans the run that `--resume` names and says how it goes on. All processes must call it. @throws UserError
 */
export async function resumeRun(
  host: Host,
  args: CommandOf<"train">,
  { team, given }: { readonly team: Team; readonly given: string },
): Promise<BegunRun> {
  const { folder, choice, record, plan } = await team.each(async () => {
    const run = await resumableRun(host, args, given);
    return { ...run, plan: await planOf(host, run.choice) };
  });
  const changed = (overrides: readonly string[]) => planOf(host, { ...choice, overrides });
  const movedData = args.set.length === 0
    ? undefined
    : await team.first(async () =>
      moveData(host, { folder, before: await changed([]), after: await changed(args.set) })
    );
  const backend = await team.each(() => selectedBackend(host, plan));
  requireOneRun(team, plan, backend);
  const write = (text: string) => isSilent(args) ? undefined : host.stdout.write(text);
  write(
    `${plan.name}: seed ${plan.seed}, backend ${record.backend}, ${processesText(host)}resumes ${
      shown(host, folder)
    }\n`,
  );
  if (movedData !== undefined) write(`  ${movedData}\n`);
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
  return { plan, folder, resume: true, onFailure: "nothing", moved: backend.moved };
}
