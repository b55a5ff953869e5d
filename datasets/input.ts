/**
 * The data of a run, opened. This is where it is decided who reads: workers where they can open the dataset
 * again by themselves, else the main thread, with the same batches either way.
 *
 * A worker shares no memory and cannot be sent functions. So it is sent the plugin's name and the options as
 * the recipe writes them, plans and opens the dataset anew, and must count as many images as the main thread
 * did. That works for built-in datasets read from the disk; a person's own plugin, images joined from
 * streams, and tests with files in memory stay on the main thread.
 */
import { UserError } from "../core/errors.ts";
import type { DatasetOrigin, RunPlan } from "../core/plan.ts";
import type { DatasetPlan, DatasetSetup, FileReader } from "../core/plugin.ts";
import { readsDisk } from "./files.ts";
import { datasets } from "./mod.ts";
import { type ImageDraw, type KeptCounts, openRareClasses } from "./rare_classes.ts";
import { type InputDataset, WorkerPool } from "./workers/pool.ts";

export { takenText } from "./passed_over.ts";
export { encodeLabels, encodeSoft, indexFile, labelFile, labelFolder, relabelled } from "./relabelled.ts";
export type { KeptCounts } from "./rare_classes.ts";
export type { InputDataset } from "./workers/pool.ts";

/** What one opening of a dataset adds to what the run says. */
export type Wanted = Pick<DatasetSetup, "labels" | "onMissing" | "draws" | "stream">;

/** What opens the datasets of a run. */
export interface Input {
  /**
   * Opens a dataset, with workers where it can have some.
   * @param want as {@linkcode DatasetSetup} has it: without labels no label file needs to be there
   * @throws DataError when the root, a list or a folder is missing or empty
   */
  open(dataset: DatasetPlan, want?: Wanted): Promise<InputDataset>;
  /**
   * Refuses data whose files leave open how labels are meant (rotation tags, palettes that differ) while the
   * options do not decide. Each dataset is surveyed once.
   * @param opened what `dataset` was opened as, with labels
   * @param at where the recipe has it, as in `data.source`
   * @throws UserError that says how many files contradict, which, and what to do
   */
  requireDecided(dataset: DatasetPlan, opened: InputDataset, at: string): Promise<void>;
  /**
   * How images of the opened source are drawn when the recipe samples rare classes; undefined: all alike.
   * @param kept where the run keeps what it counts itself @throws DataError when the statistics do not fit
   *   the source
   */
  sourceDraw(source: InputDataset, kept: KeptCounts): Promise<ImageDraw | undefined>;
  /** Ends the workers. The caller must await it: a worker that is left keeps the process alive. */
  close(): Promise<void>;
}

/**
 * Opens a run's data: starts `input.workers` workers unless none of them could read anything, and hands out
 * datasets. The caller must `close` it.
 * @param files the disk ({@linkcode diskFiles}); with another reader everything is read on the main thread
 */
export function openInput(plan: Pick<RunPlan, "data" | "input" | "seed">, files: FileReader): Input {
  const { data: { root, origins }, input: { workers: count, rareClassSampling }, seed } = plan;
  const known = (dataset: DatasetPlan): DatasetOrigin | undefined => {
    // A worker knows no streams.
    const origin = dataset.streams ? undefined : origins?.get(dataset);
    return origin && datasets.includes(origin.plugin) ? origin : undefined;
  };
  const used = count > 0 && readsDisk(files) && [...origins?.keys() ?? []].some(known);
  const surveys = new Map<DatasetPlan, Promise<readonly string[]>>();
  const pool = used ? new WorkerPool({ count }) : undefined;
  return {
    async open(dataset, want = {}) {
      const opened = await dataset.open({ root, seed, files, ...want });
      const origin = known(dataset);
      if (!pool || !origin) return opened;
      const { plugin: { name: type }, options } = origin;
      const { length, ids, files: paths, taken, unlabelled } = opened;
      const { labels = true, onMissing } = want;
      const incomplete = onMissing !== undefined;
      return {
        length,
        ...(ids === undefined ? {} : { ids }),
        ...(paths === undefined ? {} : { files: paths }),
        ...(unlabelled === undefined ? {} : { unlabelled }),
        ...(taken === undefined ? {} : { taken }),
        ...(opened.survey === undefined ? {} : { survey: () => opened.survey!() }),
        read: (index, want) => opened.read(index, want),
        workers: pool.reading({ type, options, root, seed, length, labels, incomplete }),
      };
    },
    async requireDecided(dataset, opened, at) {
      const survey = surveys.get(dataset) ?? opened.survey?.() ?? Promise.resolve([]);
      surveys.set(dataset, survey);
      const found = await survey;
      if (found.length > 0) throw new UserError(found.map((message) => `${at}: ${message}`).join("\n"));
    },
    sourceDraw(source, kept) {
      if (rareClassSampling === undefined) return Promise.resolve(undefined);
      const space = plan.data.source.labelSpace;
      return openRareClasses({ ...rareClassSampling, dataset: source, space, files, kept });
    },
    async close() {
      await pool?.close();
    },
  };
}
