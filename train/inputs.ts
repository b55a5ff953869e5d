/**
 * The record of what a run reads (`inputs.json`), so that a run that goes on later can tell whether it still
 * reads the same. `train/mod.ts` opens it around the run's input and its reader of weights.
 *
 * Two kinds of file are recorded differently. Of images and labels the names and sizes are recorded, in the
 * order of the images, because the order decides which image a random number means; their contents are not
 * hashed, which would take as long as reading the whole dataset. Files of weights and statistics are read
 * anyway, so their SHA-256 is recorded, and a changed one is refused.
 */
import { createHash } from "node:crypto";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Dataset, DatasetPlan, FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import type { Input } from "../datasets/input.ts";
import { INPUTS, within } from "../run_folder/layout.ts";
import { writeWhole } from "../run_folder/write.ts";
import { described, differenceFrom, placesOf, readInputs, type RecordedInputs } from "./recorded_inputs.ts";
import { isSaved } from "./state.ts";

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
    const now = await described(this.#plan, files, this.#files);
    const why = differenceFrom(before.files, { now, root });
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
