/** The data of a phase: the datasets behind its streams, and the batches that they are read in. */
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

/** A stream that is read, with its dataset open. */
export interface OpenStream {
  readonly stream: Exclude<PlannedStream, MadeStream>;
  readonly dataset: InputDataset;
  readonly draw: Awaited<ReturnType<Input["sourceDraw"]>>;
}

/** The streams of a phase that some term needs and loaders read. */
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
  /** The dataset that a job left. */
  readonly jobDataset: (job: string) => DatasetPlan;
  /** Where the run keeps the classes of the source, if it counts them. */
  readonly kept: KeptCounts;
}

/** The file of a run in which the source's classes are counted. */
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

/** Opens the datasets of some streams. @throws DataError, UserError */
export async function openStreams(
  streams: readonly OpenStream["stream"][],
  opening: Opening,
): Promise<readonly OpenStream[]> {
  const open: OpenStream[] = [];
  // The source first: of several data that cannot be read it is named.
  for (
    const stream of [...streams].sort((a, b) => Number(b.name === "source") - Number(a.name === "source"))
  ) {
    const dataset = await openStream(stream, opening);
    const draw = stream.name === "source" ? await opening.input.sourceDraw(dataset, opening.kept) : undefined;
    open.push({ stream, dataset, draw });
  }
  return open;
}

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

/** Where batches come from, by stream. */
export type Loaders = ReadonlyMap<string, TrainLoader>;

/** The batches of one pass. @throws DataError */
export async function nextBatches(loaders: Loaders): Promise<Batches> {
  const waiting = [...loaders].map(([name, loader]) => [name, loader.next()] as const);
  // The failure of one must not leave the others' unhandled.
  for (const [, batch] of waiting) batch.catch(() => {});
  const batches: Record<string, Batches[string]> = {};
  for (const [name, batch] of waiting) batches[name] = await batch;
  return batches;
}

/** Ends what is read ahead. */
export function close(loaders: Loaders): void {
  for (const loader of loaders.values()) loader.close();
}

/** What decides on a stream's batches. @param share the part of them that is read; absent: all */
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

/** What loaders are opened for. */
export interface Reading {
  readonly phase: PhasePlan;
  readonly streams: readonly OpenStream[];
  /** Batches of each that an earlier process has used. */
  readonly skip: number;
  /** The part of every batch that is read; absent: all of it. */
  readonly share?: Place | undefined;
}

/** Begins to read. @throws UserError when a dataset is empty */
export function openLoaders(plan: RunPlan, { phase, streams, skip, share }: Reading): Loaders {
  // A step takes all its batches before it computes, so the next step's must be on their way by then.
  const ahead = Math.max(2, phase.training.accumulation);
  return new Map(streams.map(({ stream, dataset, draw }) => [
    stream.name,
    trainLoader(dataset, { ...loaderOptions(plan, phase, { ...stream, share }), skip, ahead, draw }),
  ]));
}
