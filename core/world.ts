/**
 * The processes of one run. Think of them as one process whose batch is cut into as many equal parts:
 * whatever is a mean over the batch is a mean over all processes, and what must be known of the whole batch
 * is asked for here. Everything that is asked for is asked by all of them, in the same order.
 */
import type { Tensor } from "./tensors.ts";

/** How a run's processes act as one. All have the same weights as long as they began with the same ones. */
export interface World {
  /** Which of the processes this is, from 0. The process 0 alone writes and tells. */
  readonly rank: number;
  /** How many there are; at least 1. */
  readonly size: number;
  /** The machine that this process is on; absent: it has no name. */
  readonly host?: string;
  /** Seconds in which this process waited for the others so far; absent: it never does. */
  waited?(): number;
  /**
   * The mean over all processes, element by element; null where a tensor is null in all of them, which counts
   * as zeros in the others. Belongs to the caller's tidy scope.
   */
  mean(tensors: readonly (Tensor | null)[]): readonly (Tensor | null)[];
  /** A mean of so many tensors that is taken while they are still being made; absent: it is not worth it. */
  gradual?(like: readonly Pick<Tensor, "shape" | "size">[]): GradualMean;
  /**
   * The same tensor of all processes, joined along the first axis in the order of the ranks. float32, of one
   * shape everywhere.
   */
  joined<T extends Tensor>(tensor: T): T;
  /**
   * What all processes hand to this one, one after the other in the order of the ranks. @param parts what
   * this one hands to each, by rank @param lengths how many numbers it gets of each, by rank
   */
  swapped(parts: readonly Float32Array[], lengths: readonly number[]): Float32Array;
  /** Element by element the sum over all processes, of as many numbers everywhere. */
  sums(numbers: Float64Array): Float64Array;
  /**
   * Begins {@linkcode sums}; the function waits for them. Whatever is asked of the processes meanwhile must be
   * begun or asked for in the same order by all of them.
   */
  beginSums(numbers: Float64Array): () => Float64Array;
  /** What every process hands in, by rank; the lengths may differ. */
  exchange(bytes: Uint8Array): readonly Uint8Array[];
}

/** A mean over all processes that begins with the first tensors, while others are computed. */
export interface GradualMean {
  /** The k-th tensor is there; null where there is none. Each comes once, in any order. */
  add(k: number, tensor: Tensor | null): void;
  /** Lets what has begun go on; cheap. */
  pump(): void;
  /** The means, as {@linkcode World.mean} has them; those that were not added count as null. */
  end(): readonly (Tensor | null)[];
}

/** One process: every mean is its own value. */
export const solo: World = {
  rank: 0,
  size: 1,
  mean: (tensors) => tensors,
  joined: (tensor) => tensor,
  swapped: ([part]) => part!,
  sums: (numbers) => numbers,
  beginSums: (numbers) => () => numbers,
  exchange: (bytes) => [bytes],
};

/** Where a process stands among the others. */
export type Place = Pick<World, "rank" | "size">;

/**
 * What is drawn for each of `count` things of this process, where the same is drawn for as many of every
 * other one: all of it is drawn, in the order of the ranks, so that each thing gets what it would get in one
 * process.
 */
export function drawnForOwn<T>(count: number, { rank, size }: Place, draw: () => T): T[] {
  return Array.from({ length: count * size }, draw).slice(rank * count, (rank + 1) * count);
}

/** What every process hands in, by rank, as JSON or undefined; of one process its value itself. */
export function exchangeJson<T>(world: Pick<World, "size" | "exchange">, own: T): readonly T[] {
  if (world.size === 1) return [own];
  return world.exchange(new TextEncoder().encode(JSON.stringify(own) ?? ""))
    .map((text) => text.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(text)));
}
