/** The data of a phase: the datasets behind its streams, and the batches that they are read in. */
import { formatPath, UserError } from "../core/errors.ts";
import {
  drawnName,
  isRead,
  type MadeStream,
  type PhasePlan,
  type PlannedStream,
  type RunPlan,
} from "../core/plan.ts";
import type { DatasetPlan } from "../core/plugin.ts";
import { readStreams } from "../core/step_plan.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import { type TrainLoader, trainLoader } from "../datasets/loader.ts";
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

/** Opens datasets; the one that a job left is asked of `jobDataset`. @throws DataError */
export async function openStreams(
  streams: readonly OpenStream["stream"][],
  input: Input,
  jobDataset: (job: string) => DatasetPlan,
): Promise<readonly OpenStream[]> {
  const open: OpenStream[] = [];
  // The source first: of several data that cannot be read it is named.
  for (
    const stream of [...streams].sort((a, b) => Number(b.name === "source") - Number(a.name === "source"))
  ) {
    const plan = "job" in stream ? jobDataset(stream.job) : stream.dataset;
    const dataset = await input.open(plan, stream.labels ? {} : { labels: false });
    if ("job" in stream && dataset.length === 0) {
      throw new UserError(
        `${
          describePlanned("stream", stream)
        } has no images: the job "${stream.job}" left none; see what it notes`,
      );
    }
    if (stream.labels) await input.requireDecided(plan, dataset, formatPath(stream.at));
    const draw = stream.name === "source" ? await input.sourceDraw(dataset) : undefined;
    open.push({ stream, dataset, draw });
  }
  return open;
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

/** What decides on a stream's batches. */
export function loaderOptions(
  plan: RunPlan,
  phase: PhasePlan,
  { name, labels }: Pick<OpenStream["stream"], "name" | "labels">,
) {
  return {
    transforms: plan.input.training,
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
}

/** Begins to read. @throws UserError when a dataset is empty */
export function openLoaders(plan: RunPlan, { phase, streams, skip }: Reading): Loaders {
  // A step takes all its batches before it computes, so the next step's must be on their way by then.
  const ahead = Math.max(2, phase.training.accumulation);
  return new Map(streams.map(({ stream, dataset, draw }) => [
    stream.name,
    trainLoader(dataset, { ...loaderOptions(plan, phase, stream), skip, ahead, draw }),
  ]));
}
