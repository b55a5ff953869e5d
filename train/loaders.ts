/**
 * The data of a phase: the datasets behind its streams, and the loaders that read batches of them. Only
 * streams that some term needs are opened, so a recipe for source training alone reads no target.
 *
 * phase.ts opens them and the loop asks for the next batches. Every random choice is the loader's
 * (datasets/loader.ts), drawn ahead from the seed, so the number of workers and the order of arrival change
 * nothing.
 */
import { formatPath, UserError } from "../core/errors.ts";
import {
  drawnName,
  isRead,
  type MadeStream,
  type PhasePlan,
  type PlannedStream,
  type RunPlan,
  streamsBehind,
} from "../core/plan.ts";
import type { DatasetPlan } from "../core/plugin.ts";
import { readStreams } from "../core/step_plan.ts";
import type { Place } from "../core/world.ts";
import type { Input, InputDataset, KeptCounts } from "../datasets/input.ts";
import { type TrainLoader, trainLoader } from "../datasets/loader.ts";
import { ifThere } from "../run_folder/files.ts";
import { CLASS_COUNTS, within } from "../run_folder/layout.ts";
import { writeWhole } from "../run_folder/write.ts";
import type { Batches } from "./context.ts";
import { describePlanned } from "./loss_errors.ts";

/** A stream that a loader reads, with its dataset open. */
export interface OpenStream {
  readonly stream: Exclude<PlannedStream, MadeStream>;
  readonly dataset: InputDataset;
  /** Draws source images by rare classes; undefined where images come in shuffled order. */
  readonly draw: Awaited<ReturnType<Input["sourceDraw"]>>;
}

/** The streams of a phase that a term needs, directly or through streams made from them, and loaders read. */
export function streamsToRead(phase: PhasePlan): readonly OpenStream["stream"][] {
  const needed = readStreams(phase);
  return phase.streams.filter(isRead).filter(({ name }) => needed.includes(name));
}

/** The jobs whose labels a stream of a phase reads, directly or through other streams. */
export function jobsBehind({ streams }: PhasePlan, stream: PlannedStream): readonly string[] {
  return streamsBehind(streams, stream).flatMap((one) => "job" in one ? [one.job] : []);
}

/** What streams are opened with. */
export interface Opening {
  readonly phase: PhasePlan;
  readonly input: Input;
  /** Gives the dataset that a job left, by the job's name. */
  readonly jobDataset: (job: string) => DatasetPlan;
  /** Where the run keeps the counts of the source's classes, if the recipe needs them. */
  readonly kept: KeptCounts;
}

/** The file in a run's folder that keeps the counts of the source's classes. */
export function keptCounts(
  runDir: string,
  { note, signal }: { readonly note: (message: string) => void; readonly signal: AbortSignal },
): KeptCounts {
  const path = within(runDir, CLASS_COUNTS);
  return {
    path,
    exists: async () => await ifThere(Deno.stat(path)) !== undefined,
    write: (bytes) => writeWhole(path, bytes),
    onCount: (images) => note(`counts the classes of ${images} source images, once, into ${CLASS_COUNTS}`),
    signal,
  };
}

/**
 * Opens the datasets of some streams.
 * @throws DataError when one cannot be read; UserError when a job left no images, or labels contradict what
 * the files say
 */
export async function openStreams(
  streams: readonly OpenStream["stream"][],
  opening: Opening,
): Promise<readonly OpenStream[]> {
  const open: OpenStream[] = [];
  // The source first, so that of several datasets that cannot be read the error names the source.
  for (
    const stream of [...streams].sort((a, b) => Number(b.name === "source") - Number(a.name === "source"))
  ) {
    const dataset = await openStream(stream, opening);
    const draw = stream.name === "source" ? await opening.input.sourceDraw(dataset, opening.kept) : undefined;
    open.push({ stream, dataset, draw });
  }
  return open;
}

/** Opens the dataset of a stream; one that is computed may open that of another stream. */
async function openStream(stream: OpenStream["stream"], opening: Opening): Promise<InputDataset> {
  const { phase, input, jobDataset } = opening;
  const plan = "job" in stream ? jobDataset(stream.job) : stream.dataset;
  const dataset = await input.open(plan, {
    ...(stream.labels ? {} : { labels: false }),
    draws: drawnName(phase, stream.name),
    stream(name) {
      const other = phase.streams.filter(isRead).find((one) => one.name === name);
      if (other === undefined) throw new Error(`no stream "${name}" is read`);
      return openStream(other, opening);
    },
  });
  if ("job" in stream && dataset.length === 0) {
    throw new UserError(
      `${
        describePlanned("stream", stream)
      } has no images: the job "${stream.job}" left none; see what it notes`,
    );
  }
  if (stream.labels) await input.requireDecided(plan, dataset, formatPath(stream.at));
  return dataset;
}

/** The loaders of a phase, by stream. */
export type Loaders = ReadonlyMap<string, TrainLoader>;

/** The batches of one pass: one of each stream. @throws DataError when an image cannot be read */
export async function nextBatches(loaders: Loaders): Promise<Batches> {
  const waiting = [...loaders].map(([name, loader]) => [name, loader.next()] as const);
  // The first failure is thrown below; those of the other loaders must not count as unhandled.
  for (const [, batch] of waiting) batch.catch(() => {});
  const batches: Record<string, Batches[string]> = {};
  for (const [name, batch] of waiting) batches[name] = await batch;
  return batches;
}

/** Ends all loaders, with what they read ahead. */
export function close(loaders: Loaders): void {
  for (const loader of loaders.values()) loader.close();
}

/**
 * Everything that decides which images a stream's batches hold and how they are cut. Two loaders with equal
 * options give equal batches. `share` is the part of every batch that this process reads; absent: all of it.
 */
export function loaderOptions(
  plan: RunPlan,
  phase: PhasePlan,
  { name, labels, share }: Pick<OpenStream["stream"], "name" | "labels"> & {
    readonly share?: Place | undefined;
  },
) {
  return {
    share,
    transforms: plan.input.streams?.[name] ?? plan.input.training,
    normalization: plan.input.normalization,
    batch: phase.training.batch,
    seed: plan.seed,
    ignoreLabel: plan.labelSpace.ignore,
    stream: drawnName(phase, name),
    labels,
  };
}

/** The streams that are read, and from where on. */
export interface Reading {
  readonly phase: PhasePlan;
  readonly streams: readonly OpenStream[];
  /** Number of batches of each stream that an earlier process has used. */
  readonly skip: number;
  /** The part of every batch that this process reads; absent: all of it. */
  readonly share?: Place | undefined;
}

/** Opens a loader for each stream; they begin to read at once. @throws UserError when a dataset is empty */
export function openLoaders(plan: RunPlan, { phase, streams, skip, share }: Reading): Loaders {
  // A step takes all its batches before it computes. While it computes, all of the next step's are read.
  const ahead = Math.max(2, phase.training.accumulation);
  return new Map(streams.map(({ stream, dataset, draw }) => [
    stream.name,
    trainLoader(dataset, { ...loaderOptions(plan, phase, { ...stream, share }), skip, ahead, draw }),
  ]));
}
