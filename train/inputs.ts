/**
 * What a run reads, as it was when it began: names and sizes of its images and labels, and checksums of its files of weights.
 * With it a run whose data was moved can be told from one whose data is another. No file of the data is read for it.
 */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative } from "node:path";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Dataset, DatasetPlan, FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import { countOf } from "../core/words.ts";
import { type Input, openInput } from "../datasets/input.ts";
import { diskRun, parseObject, readText } from "../run_folder/files.ts";
import { INPUTS, within } from "../run_folder/layout.ts";
import { writeWhole } from "../run_folder/write.ts";
import { isSaved } from "./assemble.ts";
import { streamsToRead } from "./loaders.ts";

/** A file of a dataset: below `data.root` by its path there, and its size in bytes; null where it is unknown. */
type RecordedFile = readonly [name: string, size: number | null];

/** What `inputs.json` holds. */
export interface RecordedInputs {
  readonly format: 1;
  /** By place in the recipe; each with the files in the order of its images. */
  readonly datasets: Readonly<
    Record<string, { readonly labels: boolean; readonly files: readonly RecordedFile[] }>
  >;
  /** SHA-256 of files of weights and statistics, by place in the recipe. */
  readonly files: Readonly<Record<string, string>>;
}

/** What a run recorded of its inputs; undefined when it did not, or that cannot be read. */
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

/** Where a plan has datasets, by the dataset. */
function placesOf({ data, phases }: RunPlan): ReadonlyMap<DatasetPlan, string> {
  const places = new Map<DatasetPlan, string>();
  for (const { name: phase, streams } of phases) {
    for (const stream of streams) {
      if ("dataset" in stream) places.set(stream.dataset, `${phase}: streams.${stream.name}`);
    }
  }
  const { train: _, ...splits } = data.splits;
  const own = { source: data.source, target: data.target, ...splits };
  for (const [name, dataset] of Object.entries(own)) places.set(dataset, `data.${name}`);
  return places;
}

/** The files that are read again when a run goes on, and where the recipe names them. */
function filesOf({ model, phases, evaluation, input }: RunPlan): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  const add = (path: string | undefined, place: string) => {
    if (path !== undefined) named.set(path, [...named.get(path) ?? [], place]);
  };
  add(model.weights?.file, "model.weights");
  for (const { name: phase, from, networks } of phases) {
    if (from.kind === "file") add(from.path, `${phase}: from`);
    for (const { name, plan, weights } of networks) {
      // A network that is in the checkpoints has its weights from there.
      if (!isSaved(plan)) add(weights?.file, `${phase}: networks.${name}.weights`);
    }
  }
  (evaluation.ensemble ?? []).forEach(({ checkpoint }, k) =>
    add(checkpoint, `evaluation.ensemble[${k}].checkpoint`)
  );
  add(input.rareClassSampling?.stats, "input.rare_class_sampling.stats");
  return named;
}

/** Records what a run reads while it is read for the first time, and refuses files of weights that changed since. */
export class InputRecord {
  readonly #path: string;
  readonly #plan: RunPlan;
  readonly #files: FileReader;
  readonly #places: ReadonlyMap<DatasetPlan, string>;
  readonly #named: ReadonlyMap<string, readonly string[]>;
  readonly #datasets: Record<string, RecordedInputs["datasets"][string]>;
  readonly #sums: Record<string, string>;
  /** What an earlier process recorded, and this one has not looked at yet. */
  readonly #known: Set<string>;
  readonly #note: (message: string) => void;

  private constructor(
    plan: RunPlan,
    { runDir, files, note }: RecordPlace,
    known: RecordedInputs | undefined,
  ) {
    this.#path = within(runDir, INPUTS);
    this.#plan = plan;
    this.#files = files;
    this.#places = placesOf(plan);
    this.#named = filesOf(plan);
    this.#datasets = { ...known?.datasets };
    this.#sums = { ...known?.files };
    this.#known = new Set(Object.keys(this.#datasets));
    this.#note = note;
  }

  /** Goes on with what an earlier process recorded. @throws UserError when statistics changed, DataError */
  static async open(plan: RunPlan, place: RecordPlace & { readonly resume: boolean }): Promise<InputRecord> {
    const record = new InputRecord(plan, place, place.resume ? await readInputs(place.runDir) : undefined);
    const stats = plan.input.rareClassSampling?.stats;
    // The workers' way to the disk is not this one's.
    if (stats !== undefined) await record.reader.read(stats);
    return record;
  }

  /** The same input; what it opens is recorded. */
  input(input: Input): Input {
    return {
      ...input,
      open: async (dataset, want) => {
        const opened = await input.open(dataset, want);
        await this.#opened(dataset, opened, want?.labels ?? true);
        return opened;
      },
    };
  }

  /** Reads files of weights, and holds them against what they were. */
  get reader(): FileReader {
    return {
      ...this.#files,
      read: async (path) => {
        const bytes = await this.#files.read(path);
        await this.#read(path, bytes);
        return bytes;
      },
    };
  }

  async #opened(dataset: DatasetPlan, opened: Dataset, labels: boolean): Promise<void> {
    const place = this.#places.get(dataset);
    const { files } = opened;
    if (place === undefined || files === undefined) return;
    const before = this.#datasets[place];
    if (before === undefined) {
      this.#datasets[place] = { labels, files: await described(this.#plan, files, this.#files) };
      return await this.#write();
    }
    if (before.labels !== labels || !this.#known.delete(place)) return;
    // Whoever mends a broken image wants the run to go on.
    const { root } = this.#plan.data;
    const why = differenceFrom(before.files, {
      place,
      now: await described(this.#plan, files, this.#files),
      root,
    });
    if (why === undefined) return;
    this.#note(
      printable(`${place}: ${why}; from here on the run differs from one that was not interrupted`),
    );
  }

  async #read(path: string, bytes: Uint8Array): Promise<void> {
    const places = this.#named.get(path);
    if (places === undefined) return;
    const sum = createHash("sha256").update(bytes).digest("hex");
    const changed = places.find((place) => place in this.#sums && this.#sums[place] !== sum);
    if (changed !== undefined) {
      throw new UserError(
        `${path}: the file has changed since the run began, which names it in ${changed}; ` +
          "a resumed run needs what it began with: put that file back, or begin a new run",
      );
    }
    const fresh = places.filter((place) => !(place in this.#sums));
    for (const place of fresh) this.#sums[place] = sum;
    if (fresh.length > 0) await this.#write();
  }

  #write(): Promise<void> {
    const record: RecordedInputs = { format: 1, datasets: this.#datasets, files: this.#sums };
    return writeWhole(this.#path, new TextEncoder().encode(`${JSON.stringify(record)}\n`));
  }
}

/** Of which run the inputs are, and how they are read. */
interface RecordPlace {
  readonly runDir: string;
  readonly files: FileReader;
  /** Takes a sentence about data that is not as it was. */
  readonly note: (message: string) => void;
}

async function described(
  { data: { root } }: RunPlan,
  paths: readonly string[],
  files: FileReader,
): Promise<RecordedFile[]> {
  const sizes = await files.sizes?.(paths) ?? [];
  return paths.map((path, k) => [nameBelow(root, path), sizes[k] ?? null]);
}

/** With `/`; a path elsewhere stays whole. */
function nameBelow(root: string, path: string): string {
  const inside = root === "" ? "" : relative(root, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? path : inside.replaceAll("\\", "/");
}

// --- data that was moved ----------------------------------------------------------------------------------

/** What could be held against the record of a run. */
export interface ComparedInputs {
  /** Files of datasets that are the same by name and size. */
  readonly files: number;
  /** Places in the recipe that the run reads and of which nothing was recorded. */
  readonly unknown: readonly string[];
}

/**
 * Holds the data that a plan names against what a run recorded. Only the names after the folders and the sizes are compared;
 * no image is read.
 * @throws UserError that names the first file that differs, DataError when the data is not there
 */
export async function compareInputs(
  plan: RunPlan,
  recorded: RecordedInputs | undefined,
  files: FileReader,
): Promise<ComparedInputs> {
  const input = openInput({ ...plan, input: { ...plan.input, workers: 0 } }, files);
  const unknown: string[] = [], done = new Set<string>();
  let same = 0;
  try {
    const read = readBy(plan);
    for (const [dataset, place] of placesOf(plan)) {
      const before = recorded?.datasets[place];
      if (done.has(place) || !(before || read.has(dataset))) continue;
      done.add(place);
      const { files: paths } = await input.open(dataset, before?.labels ? {} : { labels: false });
      // It reads no files, as one that is drawn.
      if (paths === undefined) continue;
      if (before === undefined) unknown.push(place);
      else {
        requireSame(before.files, { place, now: await described(plan, paths, files), root: plan.data.root });
        same += before.files.length;
      }
    }
  } finally {
    await input.close();
  }
  return { files: same, unknown };
}

/** The datasets that training and its evaluation read. */
function readBy({ data, phases }: RunPlan): ReadonlySet<DatasetPlan> {
  const streams = phases.flatMap(streamsToRead);
  return new Set([
    ...streams.flatMap((stream) => "dataset" in stream ? [stream.dataset] : []),
    ...(data.splits.val ? [data.splits.val] : []),
  ]);
}

interface Now {
  readonly place: string;
  readonly now: readonly RecordedFile[];
  readonly root: string;
}

function requireSame(before: readonly RecordedFile[], now: Now): void {
  const why = differenceFrom(before, now);
  if (why === undefined) return;
  throw new UserError(
    printable(
      `${now.place}: ${why}; a resumed run needs the data that it began with: correct the path, or begin a new run`,
    ),
  );
}

/** The first file that is not as it was; undefined when all are. */
function differenceFrom(before: readonly RecordedFile[], { now, root }: Now): string | undefined {
  const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  const shown = (name: string) => isAbsolute(name) ? name : join(root, name);
  for (const [k, [name, size]] of before.entries()) {
    const [found, foundSize] = now[k] ?? [undefined, null];
    if (found === undefined || last(found) !== last(name)) {
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
    if (foundSize === null && size !== null) return `${shown(found)}: there is no such file`;
    if (size !== null && foundSize !== size) {
      return `${shown(found)} has ${foundSize} bytes, and had ${size} when the run began`;
    }
  }
  const more = now[before.length];
  return more && `${shown(more[0])} is there, and was not when the run began`;
}

/** `the same 8 files by name and size`, and what is not known. */
export function comparedText({ files, unknown }: ComparedInputs): string {
  const parts = [
    ...(files > 0 ? [`the same ${countOf(files, "file")} by name and size`] : []),
    ...(unknown.length > 0
      ? [
        `not checked, because nothing was recorded of it when the run began: ${unknown.join(", ")}`,
      ]
      : []),
  ];
  return parts.length === 0 ? "it has no files to compare" : parts.join("; ");
}
