/**
 * `plca report`: one HTML file that shows and compares runs, to be opened anywhere. The data come from run
 * folders (report/), the drawing from a script in the page (web/); this file reads, has images labelled, and
 * puts both together. A run whose recipe or weights cannot be used still has its curves.
 */
import { basename, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import { printable, shortened } from "../core/printable.ts";
import { countOf, megabytes } from "../core/words.ts";
import { classGroups } from "../report/class_groups.ts";
import { differences } from "../report/differences.ts";
import type { ClassGroup, ReportData, ReportRun } from "../report/report_data.ts";
import { columnsFor, reportRun } from "../report/report_run.ts";
import { diskRun } from "../run_folder/files.ts";
import { readRun, type Run } from "../run_folder/read.ts";
import { writeWhole } from "../run_folder/write.ts";
import script from "../web/dist/report.js" with { type: "text" };
import { pageHtml } from "../view/html.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { requireWritable } from "./output_file.ts";
import {
  type ChosenImages,
  type LabellingNetwork,
  networksOf,
  picturesBy,
  reportPictures,
} from "./report_pictures.ts";
import { requireRun } from "./require_run.ts";
import { planOfRun, shown } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

/** A run that the report is about. */
interface Found {
  /** Absolute. */
  readonly folder: string;
  readonly title: string;
  readonly run: Run;
  /** Its recipe, or why that cannot be planned. */
  readonly plan: RunPlan | UserError;
}

/**
 * Runs `plca report`. @returns the exit status: 0, or 130 when interrupted, with nothing written @throws
 * UserError
 */
export async function reportCommand(host: Host, args: CommandOf<"report">): Promise<number> {
  const folders = [...new Set(args.runs.map((given) => resolve(host.cwd, given)))];
  const out = args.out === undefined ? join(folders[0]!, "report.html") : resolve(host.cwd, args.out);
  for (const folder of folders) await requireRun(host, folder);
  await requireWritable(host, { out, force: args.force, example: "report.html" });
  const foundRuns: Found[] = [];
  for (const folder of folders) foundRuns.push(await findRun(host, folder, titleOf(host, folder, folders)));

  const abort = new AbortController();
  let writing = false;
  const stopListening = host.onInterrupt((count) => {
    if (count > 1 && !writing) host.exit(130);
    abort.abort();
  });
  try {
    const data = await reportData(host, foundRuns, { args, signal: abort.signal });
    const html = new TextEncoder().encode(await pageHtml({ title: data.title, script, data }));
    abort.signal.throwIfAborted();
    writing = true;
    await writeWhole(out, html);
    host.stdout.write(`${printable(shown(host, out))}: ${contents(data)}, ${size(html.length)}\n`);
    return 0;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    host.stderr.write("Interrupted; no report was written.\n");
    return 130;
  } finally {
    stopListening();
  }
}

/** A run and its plan, or why it cannot be planned. */
async function findRun(host: Host, folder: string, title: string): Promise<Found> {
  const run = await readRun(diskRun(folder, shown(host, folder)));
  let plan: RunPlan | UserError;
  try {
    plan = await planOfRun(host, { folder, overrides: [] });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    plan = error;
  }
  return { folder, title, run, plan };
}

/** The folder's name; its path where another run has the same name. */
function titleOf(host: Host, folder: string, folders: readonly string[]): string {
  const alone = folders.filter((other) => basename(other) === basename(folder)).length === 1;
  return alone ? basename(folder) : shown(host, folder);
}

/** What making a report needs. */
interface Making {
  readonly args: CommandOf<"report">;
  readonly signal: AbortSignal;
}

/** Everything in the report. */
async function reportData(
  host: Host,
  foundRuns: readonly Found[],
  { args, signal }: Making,
): Promise<ReportData> {
  const columns = columnsFor(foundRuns.map(({ run }) => run));
  const runs: ReportRun[] = [];
  const labelled: (Found & { readonly chosen: ChosenImages | undefined })[] = [];
  for (const one of foundRuns) {
    signal.throwIfAborted();
    const { chosen, ...shown } = await picturesOf(host, one, { args, signal });
    runs.push({ ...reportRun(one.run, { title: one.title, columns }), ...shown });
    labelled.push({ ...one, chosen });
  }
  const groups: ClassGroup[] = [];
  const spaces = runs.map((run, k) => {
    const { plan } = foundRuns[k]!;
    return { run, space: plan instanceof Error ? undefined : plan.labelSpace };
  });
  // One after the other: they may have several backends, of which a process uses one.
  for (const group of classGroups(spaces)) {
    const inGroup = group.runs.map((place) => labelled[place]!);
    groups.push({ ...group, ...await sideBySide(host, inGroup, signal) });
  }
  return {
    title: foundRuns.length > 3 ? `${foundRuns.length} runs` : foundRuns.map(({ title }) => title).join(", "),
    made: host.now().toISOString(),
    version: VERSIONS.plca,
    runs,
    differences: differences(foundRuns.map(({ run }) => run.config?.parsed)),
    groups,
  };
}

/**
 * The paper's Figure 3 with a column for each run, of the images that the last run chose. Empty for one run,
 * for runs on several val splits, and without images.
 */
async function sideBySide(
  host: Host,
  foundRuns: readonly (Found & { readonly chosen: ChosenImages | undefined })[],
  signal: AbortSignal,
): Promise<Pick<ClassGroup, "sideBySide">> {
  const splits = new Set(foundRuns.map(({ run }) => JSON.stringify(valOf(run.config?.parsed))));
  const chosen = foundRuns.at(-1)?.chosen;
  if (foundRuns.length < 2 || chosen === undefined || splits.size > 1 || splits.has("null")) return {};
  const networks: LabellingNetwork[] = [];
  for (const { title, folder, plan } of foundRuns) {
    if (plan instanceof Error) continue;
    // What is wrong with a run stands at its own images.
    const ofRun = await networksOf({ plan, folder, onDamage() {} }).catch(() => []);
    const last = ofRun.at(-1);
    if (last) networks.push({ ...last, title });
  }
  if (networks.length < 2) return {};
  try {
    return { sideBySide: await picturesBy(networks, chosen, { signal }) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    host.stderr.write(
      `${printable(`side by side: no images: ${shortened(error.message.replaceAll("\n", "; "))}`)}\n`,
    );
    return {};
  }
}

/** What says on which images a run is evaluated: the val split and where it lies; null without one. */
function valOf(recipe: Readonly<Record<string, unknown>> | undefined): unknown {
  const { root, val } = (recipe?.["data"] ?? {}) as { readonly root?: unknown; readonly val?: unknown };
  return val == null ? null : [root ?? "", val];
}

/** The best and worst images of a run, or why there are none. */
async function picturesOf(
  host: Host,
  { title, folder, plan }: Found,
  { args, signal }: Making,
): Promise<Pick<ReportRun, "pictures" | "withoutPictures"> & { readonly chosen?: ChosenImages }> {
  if (args.images === 0) return { withoutPictures: "none were asked for (--images 0)" };
  const clear = () => host.stderr.tty && host.stderr.write("\r\x1b[K");
  try {
    if (plan instanceof Error) throw plan;
    return await reportPictures({
      plan,
      folder,
      count: args.images,
      limit: args.limit,
      signal,
      onImage(done, images) {
        if (host.stderr.tty) host.stderr.write(`\r\x1b[K${printable(title)}: val image ${done}/${images}`);
      },
      onDamage: (message) => host.stderr.write(`${printable(message)}\n`),
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const why = shortened(error.message.replaceAll("\n", "; "));
    clear();
    host.stderr.write(`${printable(`${title}: no images: ${why}`)}\n`);
    return { withoutPictures: why };
  } finally {
    clear();
  }
}

/** How much is in the report. */
function contents({ runs }: ReportData): string {
  const images = runs.reduce(
    (sum, { pictures }) => sum + (pictures ? pictures.best.length + pictures.worst.length : 0),
    0,
  );
  return `${countOf(runs.length, "run")}, ${countOf(images, "image")}`;
}

/** A size as `812 kB` or `1.4 MB`. */
function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : megabytes(bytes);
}
