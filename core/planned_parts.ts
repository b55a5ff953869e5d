/**
 * The parts of a phase as a plan lists them: losses, streams, networks and jobs, each with its name and its
 * place in the recipe.
 *
 * `config/` makes them, `train/` creates what they describe. The names and places serve errors: a plugin that
 * fails in step 300 is still reported with the line of the recipe that asked for it.
 */
import type { Coefficient } from "./coefficient.ts";
import type { ConfigPath } from "./errors.ts";
import type { DatasetPlan, JobPlan, LossPlan, ModelPlan, NetworkPlan, StreamPlan } from "./plugin.ts";
import type { WeightsSource } from "./weights.ts";

/** What a part of a recipe is called and where it stands, for errors. */
export interface PlannedPart {
  /** Unique among its kind in a phase: the type, or the recipe's `name:` or key. */
  readonly name: string;
  /** The user's file that it comes from, absolute. */
  readonly file?: string;
  /** Position in the recipe. */
  readonly at: ConfigPath;
  /** `recipe.yaml:12:5`, with the user's file before it where it comes from one. */
  readonly origin: string;
  /** Its file was not run, so what it needs and leaves is not known. */
  readonly unrun?: boolean;
}

/** A stream: read from a dataset, from what a job left, or made from other streams. */
export type PlannedStream =
  | ReadStream & { readonly dataset: DatasetPlan }
  | ReadStream & { readonly job: string }
  | MadeStream;

/** The names of the streams whose images a stream's dataset takes; empty for all but joined datasets. */
export function drawnFrom(stream: PlannedStream): readonly string[] {
  return "dataset" in stream ? (stream.dataset.streams ?? []).map(({ stream }) => stream) : [];
}

/**
 * A stream together with those that it takes images from, directly and through others; names that do not
 * exist are passed over. The stream itself comes first.
 */
export function streamsBehind(
  streams: readonly PlannedStream[],
  stream: PlannedStream,
): readonly PlannedStream[] {
  const behind = new Set<PlannedStream>();
  const visit = (one: PlannedStream | undefined) => {
    if (one === undefined || behind.has(one)) return;
    behind.add(one);
    for (const name of drawnFrom(one)) visit(streams.find((other) => other.name === name));
  };
  visit(stream);
  return [...behind];
}

/** A stream whose images loaders read. */
export interface ReadStream extends PlannedPart {
  /** Whether its labels are read. */
  readonly labels: boolean;
}

/** A stream that its plugin makes from others. */
export interface MadeStream extends PlannedPart {
  /** How it is made. */
  readonly plan: StreamPlan;
}

/** Whether loaders read it; else it is made. */
export function isRead(stream: PlannedStream): stream is Exclude<PlannedStream, MadeStream> {
  return !isMade(stream);
}

/** The opposite of {@linkcode isRead}. */
export function isMade(stream: PlannedStream): stream is MadeStream {
  return "plan" in stream;
}

/** A network beside the student. */
export interface PlannedNetwork extends PlannedPart {
  /** How it behaves. */
  readonly plan: NetworkPlan;
  /** What it is built from. */
  readonly model: ModelPlan;
  /** A file that it starts from. */
  readonly weights?: WeightsSource;
}

/** A job of a phase. */
export interface PlannedJob extends PlannedPart {
  /** What it does. */
  readonly plan: JobPlan;
}

/** The model and its name for the record. */
export interface PlannedModel {
  /** The plugin's name. */
  readonly type: string;
  /** The network, not allocated. */
  readonly plan: ModelPlan;
  /** A file that training starts from; absent: the network starts from the seed alone. */
  readonly weights?: WeightsSource;
  /** The recipe says `weights: seed`, so that the start from random numbers is known to be meant. */
  readonly fromSeed?: true;
}

/** A term of the objective. */
export interface PlannedLoss extends PlannedPart {
  /** Factor of the term, constant or over the steps. */
  readonly weight: Coefficient;
  /** Which update of a step it goes into, counted from 1; absent: the first, and mostly the only one. */
  readonly update?: number;
  /** The term, not allocated. */
  readonly plan: LossPlan;
}
