/**
 * Work that another thread does while this one goes on with the step.
 *
 * Many kernels use one core alone, and a processor has several. The gradient of a filter is needed at the end
 * of the backward pass only, so its product is handed to another thread, and the kernels that follow run
 * beside it. Nobody has to know: the gradient is a tensor like others, and whoever reads its address first
 * waits until the job is over (place.ts).
 *
 * A job holds what it works on. Tensors that it reads are not freed before its end, though their scope may
 * end earlier, and none of its tensors moves out of the heap. That is memory for longer, so at most
 * {@linkcode MOST} jobs run at a time; when that many are running, this thread does the work itself. So it
 * does for a while where the heap is full, since each new tensor would wait for the jobs. Either way the same
 * product is computed in the same order, so results are equal to the last bit. The heap may grow while a job
 * runs: its 4 GB are reserved from the start, so that it grows where it lies.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Place } from "./place.ts";

/** Work that another thread has begun. */
export interface Begun {
  /** Whether it is over. */
  isOver(): boolean;
  /** Returns when it is over. */
  wait(): void;
}

/** A piece of work on tensors of the heap. */
export interface Work {
  /** The tensors that it reads; none of them is written before it is over. */
  readonly reads: readonly tf.TensorInfo[];
  /** The tensor whose values are there when it is over. */
  readonly writes: tf.TensorInfo;
  /** Begins it on another thread; undefined where none can. */
  begin(): Begun | undefined;
  /** Does it here. */
  now(): void;
  /** What is left to do on this thread when it is over; absent: nothing. */
  finish?(): void;
}

/** So many jobs may run at a time. */
const MOST = 4;

/** So many pieces of work are done at once after a heap that was full had to wait for jobs. */
const PAUSE = 20;

/** A piece of work that runs on another thread. */
interface Job {
  readonly begun: Begun;
  /** Waits for it and frees what it held; a second call does nothing. */
  end(): void;
}

/** Those that run, oldest first. */
const jobs: Job[] = [];

/** How many pieces of work are still to be done at once. */
let paused = 0;

/** Does the work in another thread, unless {@linkcode MOST} jobs are still running; then here. */
export function inBackground(work: Work): void {
  for (const job of [...jobs]) if (job.begun.isOver()) job.end();
  if (paused > 0) paused--;
  const begun = jobs.length < MOST && paused === 0 ? work.begin() : undefined;
  if (begun === undefined) {
    work.now();
    work.finish?.();
    return;
  }
  const { dataIdMap } = tf.backend() as unknown as { dataIdMap: { get(id: object): Place } };
  const backend = tf.backend();
  const reads = work.reads.map(({ dataId }) => ({ dataId, place: dataIdMap.get(dataId) }));
  const written = dataIdMap.get(work.writes.dataId);
  for (const { place } of reads) {
    place.busy++;
    place.refCount++;
  }
  written.busy++;
  const job: Job = {
    begun,
    end() {
      if (!jobs.includes(job)) return;
      jobs.splice(jobs.indexOf(job), 1);
      begun.wait();
      written.pending = undefined;
      written.busy--;
      try {
        work.finish?.();
      } finally {
        for (const { dataId, place } of reads) {
          place.busy--;
          if (backend.disposeData(dataId)) tf.engine().removeDataId(dataId, backend);
        }
      }
    },
  };
  written.pending = () => job.end();
  jobs.push(job);
}

/** Waits for every job. @returns whether there was one */
export function endBackground(): boolean {
  const some = jobs.length > 0;
  for (const job of [...jobs]) job.end();
  return some;
}

/**
 * The same because the heap is full and what jobs hold may be what is missing. If one was still running, the
 * next pieces of work are done at once. @returns whether there was one
 */
export function freeBackground(): boolean {
  if (jobs.some(({ begun }) => !begun.isOver())) paused = PAUSE;
  return endBackground();
}
