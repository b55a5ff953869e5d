/**
 * What `inputs.json` of a run holds: the files of its datasets by name and size, and checksums of its files of
 * weights and statistics.
 *
 * Two places compare with it: inputs.ts when a run goes on, and moved_inputs.ts when the person says that the
 * data lies elsewhere now. Names are kept below `data.root`, and only what follows the folders is compared: a
 * dataset that was moved is the same dataset. A plca that reads an older record must still understand it, so a
 * change of the form needs a new `format`.
 */
import { isAbsolute, join, relative } from "node:path";
import type { RunPlan } from "../core/plan.ts";
import type { DatasetPlan, FileReader } from "../core/plugin.ts";
import { diskRun, parseObject, readText } from "../run_folder/files.ts";
import { INPUTS } from "../run_folder/layout.ts";

/**
 * A file of a dataset: its path below `data.root`, or its whole path, and its size in bytes, null if unknown.
 */
export type RecordedFile = readonly [name: string, size: number | null];

/** What `inputs.json` holds. */
export interface RecordedInputs {
  readonly format: 1;
  /** The datasets, by place in the recipe; each with its files in the order of its images. */
  readonly datasets: Readonly<
    Record<string, { readonly labels: boolean; readonly files: readonly RecordedFile[] }>
  >;
  /** SHA-256, in hex, of files of weights and statistics, by place in the recipe. */
  readonly files: Readonly<Record<string, string>>;
}

/** What a run recorded of its inputs; undefined when there is no record, or one that cannot be read. */
export async function readInputs(runDir: string): Promise<RecordedInputs | undefined> {
  try {
    const text = await readText(diskRun(runDir), INPUTS);
    const { format, datasets, files } = text === undefined
      ? {}
      : parseObject(text) as Partial<RecordedInputs>;
    return format === 1 && datasets && files ? { format, datasets, files } : undefined;
  } catch {
    return undefined;
  }
}

/** The place in the recipe of every dataset of a plan. */
export function placesOf({ data, phases }: RunPlan): ReadonlyMap<DatasetPlan, string> {
  const places = new Map<DatasetPlan, string>();
  for (const { name: phase, streams } of phases) {
    for (const stream of streams) {
      if ("dataset" in stream) places.set(stream.dataset, `${phase}: streams.${stream.name}`);
    }
  }
  const { train: _, ...splits } = data.splits;
  const ofData = { source: data.source, target: data.target, ...splits };
  for (const [name, dataset] of Object.entries(ofData)) places.set(dataset, `data.${name}`);
  return places;
}

/** The names and sizes of files, as a record has them. */
export async function described(
  { data: { root } }: RunPlan,
  paths: readonly string[],
  files: FileReader,
): Promise<RecordedFile[]> {
  const sizes = await files.sizes?.(paths) ?? [];
  return paths.map((path, k) => [nameBelow(root, path), sizes[k] ?? null]);
}

/** The path of a file below `root`, with `/`; that of a file elsewhere unchanged. */
function nameBelow(root: string, path: string): string {
  const inside = root === "" ? "" : relative(root, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? path : inside.replaceAll("\\", "/");
}

/** The files that are there now. */
export interface PresentFiles {
  /** Where the recipe names their dataset. */
  readonly place: string;
  readonly now: readonly RecordedFile[];
  readonly root: string;
}

/** The first file that is not as it was; undefined when all are. */
export function differenceFrom(
  before: readonly RecordedFile[],
  { now, root }: Omit<PresentFiles, "place">,
): string | undefined {
  const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  const shown = (name: string) => isAbsolute(name) ? name : join(root, name);
  for (const [k, [name, size]] of before.entries()) {
    const [present, presentSize] = now[k] ?? [undefined, null];
    if (present === undefined || last(present) !== last(name)) {
      const left = new Set(now.map(([one]) => last(one)));
      const had = new Set(before.map(([one]) => last(one)));
      if (!left.has(last(name))) {
        return `there is no ${name}${root === "" ? "" : ` in ${root}`}, which the run began with`;
      }
      const [extra] = now.find(([one]) => !had.has(last(one))) ?? [];
      return extra === undefined
        ? `${name} comes in another place than when the run began`
        : `${shown(extra)} is there, and was not when the run began`;
    }
    if (presentSize === null && size !== null) return `${shown(present)}: there is no such file`;
    if (size !== null && presentSize !== size) {
      return `${shown(present)} has ${presentSize} bytes, and had ${size} when the run began`;
    }
  }
  const more = now[before.length];
  return more && `${shown(more[0])} is there, and was not when the run began`;
}
