/**
 * What a run read when it began (`inputs.json`), so that a run that goes on later can tell whether it still
 * reads the same.
 *
 * Two kinds of file are recorded differently. Of images and labels the names and sizes are recorded, in the
 * order of the images, because the order decides which image a random number means; their contents are not
 * hashed, which would take as long as reading the whole dataset. Files of weights and statistics are read
 * anyway, so their SHA-256 is recorded, and a changed one is refused.
 *
 * Names are kept below `data.root`, and only what follows the folders is compared: a dataset that was moved
 * is the same dataset.
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

/**
 * A file of a dataset: its path below `data.root`, or its whole path, and its size in bytes, null if unknown.
 */
type RecordedFile = readonly [name: string, size: number | null];

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
function placesOf({ data, phases }: RunPlan): ReadonlyMap<DatasetPlan, string> {
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

/** The files that a run reads again when it goes on, each with the places where the recipe names it. */
function filesOf({ model, phases, evaluation, input }: RunPlan): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  const add = (path: string | undefined, place: string) => {
    if (path !== undefined) named.set(path, [...named.get(path) ?? [], place]);
  };
  add(model.weights?.file, "model.weights");
  for (const { name: phase, from, networks } of phases) {
    if (from.kind === "file") add(from.path, `${phase}: from`);
    for (const { name, plan, weights } of networks) {
      // The weights of other networks come from the checkpoint.
      if (!isSaved(plan)) add(weights?.file, `${phase}: networks.${name}.weights`);
    }
  }
  (evaluation.ensemble ?? []).forEach(({ checkpoint }, k) =>
    add(checkpoint, `evaluation.ensemble[${k}].checkpoint`)
  );
  add(input.rareClassSampling?.stats, "input.rare_class_sampling.stats");
  return named;
}

/**
 * Records what a run reads, when it reads it for the first time, and compares it with the record afterwards.
 */
export class InputRecord {
  readonly #path: string;
  readonly #plan: RunPlan;
  readonly #files: FileReader;
  readonly #places: ReadonlyMap<DatasetPlan, string>;
  readonly #named: ReadonlyMap<string, readonly string[]>;
  readonly #datasets: Record<string, RecordedInputs["datasets"][string]>;
  readonly #sums: Record<string, string>;
  /** Places of datasets that an earlier process recorded and that this one has not compared yet. */
  readonly #uncompared: Set<string>;
  readonly #note: (message: string) => void;

  private constructor(
    plan: RunPlan,
    { runDir, files, note }: RecordPlace,
    former: RecordedInputs | undefined,
  ) {
    this.#path = within(runDir, INPUTS);
    this.#plan = plan;
    this.#files = files;
    this.#places = placesOf(plan);
    this.#named = filesOf(plan);
    this.#datasets = { ...former?.datasets };
    this.#sums = { ...former?.files };
    this.#uncompared = new Set(Object.keys(this.#datasets));
    this.#note = note;
  }

  /**
   * Begins a record or, with `resume`, goes on with that of an earlier process.
   * @throws UserError when the file of class statistics has changed, DataError when it cannot be read
   */
  static async open(plan: RunPlan, place: RecordPlace & { readonly resume: boolean }): Promise<InputRecord> {
    const record = new InputRecord(plan, place, place.resume ? await readInputs(place.runDir) : undefined);
    const stats = plan.input.rareClassSampling?.stats;
    // Workers read this file past the record's reader, so it is read here once.
    if (stats !== undefined) await record.reader.read(stats);
    return record;
  }

  /** An input that records every dataset that it opens; a changed one is noted, not refused. */
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

  /**
   * A reader that records the checksums of files of weights. Its `read` throws UserError for a changed one.
   */
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
    if (before.labels !== labels || !this.#uncompared.delete(place)) return;
    // Not an error: a run that stopped at a broken image goes on after the image was mended.
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

/** The run whose inputs are recorded, and how they are read. */
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

/** The path of a file below `root`, with `/`; that of a file elsewhere unchanged. */
function nameBelow(root: string, path: string): string {
  const inside = root === "" ? "" : relative(root, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? path : inside.replaceAll("\\", "/");
}

// --- data that was moved ----------------------------------------------------------------------------------

/** What could be compared with the record of a run. */
export interface ComparedInputs {
  /** Files of datasets that are the same by name and size. */
  readonly files: number;
  /** Places in the recipe that the run reads and of which nothing was recorded. */
  readonly unknown: readonly string[];
}

/**
 * Compares the data that a plan names with what a run recorded. Only file names without their folders, their
 * order and their sizes are compared; no image is read.
 * @param recorded undefined: there is no record, so every place of the plan is `unknown`
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
      // A dataset without files is computed, such as a drawn one: there is nothing to compare.
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

/** A line such as `the same 8 files by name and size`, with the places that could not be compared. */
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
