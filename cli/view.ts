/**
 * `plca view`: serves a page on this machine that shows a run while it goes on, its associations included. It
 * reads the run folder and never talks to the training process, takes the lowest priority so that training
 * comes first, and runs in a thread that may read the run and its data, write nothing, and listen on the
 * loopback interface alone.
 */
import { resolve } from "node:path";
import { READABLE } from "../backends/mod.ts";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import { type BackendName, lastPhase, type RunPlan } from "../core/plan.ts";
import { associationLevels } from "../ops/association/level.ts";
import { printable, shortened } from "../core/printable.ts";
import { diskFiles } from "../datasets/files.ts";
import { type Explorer, openExplorer } from "../explore/explorer.ts";
import { classGroups } from "../report/class_groups.ts";
import type { ReportData } from "../report/report_data.ts";
import { columnsFor, reportRun } from "../report/report_run.ts";
import { diskRun } from "../run_folder/files.ts";
import { checkpointsOf, LiveRun } from "../run_folder/follow.ts";
import { EVENTS } from "../run_folder/layout.ts";
import { newestRun } from "../run_folder/newest.ts";
import type { Run } from "../run_folder/read.ts";
import { Once } from "../view/once.ts";
import { viewPage } from "../view/page.ts";
import type { ServedPictures } from "../view/served_run.ts";
import { serve } from "../view/server.ts";
import { commandLine } from "./command_line.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { grantFor } from "./narrow.ts";
import { type PicturesWanted, reportPictures } from "./report_pictures.ts";
import { requireRun } from "./require_run.ts";
import { planOfRun, shown } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

/** How many best and worst images of the val split are shown, and among how many they are chosen. */
const PICTURES = { count: 3, limit: 500 };

/** Pixel columns of a curve: the page is sent all curves again with every step that is logged. */
const COLUMNS = 500;

/** Runs `plca view` until it is interrupted. @returns the exit status 0 @throws UserError */
export async function viewCommand(host: Host, args: CommandOf<"view">): Promise<number> {
  const folder = host.handover?.folder ??
    (args.run === undefined ? await newestOf(host, args.runs) : resolve(host.cwd, args.run));
  const name = shown(host, folder);
  await requireRun(host, folder);
  const files = diskRun(folder, name);
  const plan = await planned(host, { folder, overrides: args.set });
  if (host.narrowed) {
    // It reads the run and its data, writes nothing, starts nothing, and listens on the loopback interface.
    const plans = plan instanceof Error ? [] : [{ ...plan, backend: readableName(plan) }];
    const grant = { ...grantFor({ plans, write: [], read: [folder] }), network: ["127.0.0.1"] };
    return await host.narrowed(grant, { commit: null, folder });
  }
  // Training on the same machine comes first.
  host.yieldToOthers();
  const explorer = explorerOf(plan, folder);
  const live = new LiveRun(files);
  const pictures = new Once(
    () => checkpointsOf(files),
    (signal) => picturesOf(host, { plan, folder, signal }),
  );
  // A long log is read before the page asks for it, but not while the page itself is asked for.
  const early = setTimeout(() => live.read().catch(() => {}), 1000);
  const server = serve({
    html: await viewPage(name),
    live,
    report: (run) => reportOf(host, { run, name, plan }),
    pictures: (signal) => pictures.ask(signal),
    explorer,
    onBug: (error) => host.stderr.write(`${error instanceof Error ? error.stack : error}\n`),
  }, args.port);
  try {
    host.stdout.write(`${printable(name)}: ${server.address}\n`);
    host.stdout.write("  for this machine only, and only with that address; Ctrl-C ends it\n");
    await new Promise<void>((end) => {
      const stopListening = host.onInterrupt(() => {
        stopListening();
        end();
      });
    });
    return 0;
  } finally {
    clearTimeout(early);
    await server.close();
    if (typeof explorer !== "string") explorer.dispose();
  }
}

/**
 * The run's plan, without running plugin files; or why it cannot be planned, which hides images and
 * associations only.
 */
async function planned(
  host: Host,
  choice: Parameters<typeof planOfRun>[1],
): Promise<RunPlan | UserError> {
  try {
    return await planOfRun(host, choice);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new UserError(`the recipe of this run cannot be planned: ${shortened(error.message)}`, {
      cause: error,
    });
  }
}

/** The explorer of a run, or in a sentence why associations cannot be shown. */
function explorerOf(plan: RunPlan | UserError, folder: string): Explorer | string {
  if (plan instanceof Error) return plan.message;
  const { losses } = lastPhase(plan);
  if (losses.some(({ plan: { exhibits } }) => associationLevels(exhibits).length > 0)) {
    return openExplorer(plan, { folder, files: diskFiles(), ready: () => readable(plan) });
  }
  const unrun = losses.filter(({ file }) => file !== undefined).map(({ name }) => name);
  return "no term of this run associates pixels" +
    (unrun.length === 0 ? "" : ` (files of losses are not run here: ${unrun.join(", ")})`);
}

/**
 * Selects a backend whose tensors can be read at once: the run's own, or the fastest that computes on no GPU.
 */
async function readable(plan: RunPlan): Promise<BackendName> {
  return (await selectBackend(readableName(plan), { among: READABLE, memory: plan.memory })).name;
}

/** The backend of that kind to ask for. */
function readableName({ backend }: RunPlan): BackendName | "auto" {
  return READABLE.find(({ name }) => name === backend)?.name ?? "auto";
}

/** The run as the page shows it: a report of one run, without images. */
function reportOf(
  host: Host,
  { run, name, plan }: { readonly run: Run; readonly name: string; readonly plan: RunPlan | UserError },
): ReportData {
  const columns = Math.min(COLUMNS, columnsFor([run]));
  const own = { ...reportRun(run, { title: name, columns }), withoutPictures: "none were asked for" };
  return {
    title: name,
    made: host.now().toISOString(),
    version: VERSIONS.plca,
    runs: [own],
    differences: [],
    groups: classGroups([{ run: own, space: plan instanceof Error ? undefined : plan.labelSpace }]),
  };
}

/**
 * The best and worst images of the run. @throws UserError when the recipe cannot be planned, or there are no
 * weights
 */
async function picturesOf(
  host: Host,
  { plan, ...of }: Pick<PicturesWanted, "folder" | "signal"> & { readonly plan: RunPlan | UserError },
): Promise<ServedPictures> {
  if (plan instanceof Error) throw plan;
  const { pictures } = await reportPictures({
    plan: { ...plan, backend: await readable(plan) },
    ...of,
    ...PICTURES,
    onImage: () => {},
    onDamage: (message) => host.stderr.write(`${printable(message)}\n`),
  });
  return { pictures };
}

/** The newest run in a folder of runs. @throws UserError when there is none */
async function newestOf(host: Host, runs: string): Promise<string> {
  const newest = await newestRun(resolve(host.cwd, runs), runs, EVENTS);
  if (newest !== undefined) return newest;
  throw new UserError(
    `there is no run in ${printable(runs)}; train one first: ${commandLine(host, "train")}`,
  );
}
