/**
 * Times a work on the device: whole rounds, what the host takes to record one, and the device's time by
 * kernel.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Started, Work } from "./works.ts";

/** What a work took. */
export interface Measured {
  readonly name: string;
  /** Of the first round, which compiles the shaders. */
  readonly firstSeconds: number;
  readonly seconds: readonly number[];
  readonly dispatches: number;
  /** Of each round, the part in which the host records. */
  readonly recordingSeconds: number;
  /** Bytes in use on the device at most, the inputs not counted. */
  readonly megabytes: number;
  /** Held by the backend at the end, what waits to be used again included. */
  readonly allocatedMegabytes: number;
  /**
   * By program: how often and, where the device has timestamps, its milliseconds; one more round, slower than
   * the others.
   */
  readonly programs: readonly { readonly name: string; readonly count: number; readonly ms: number }[];
}

/** What a timer of the backend holds. */
interface Timed {
  readonly name: string;
  readonly query: Promise<number>;
}

/** Rounds of a work that takes less than `LONG` seconds, at least. */
const FEWEST = 3;

/** Of a work that takes so many seconds one round is enough. */
const LONG = 10;

/** @param seconds that the rounds take together, one of a long work and three of any other at least */
export async function measure(work: Work, seconds: number): Promise<Measured> {
  const backend = tf.backend() as WebGPUBackend;
  const { bufferManager } = backend;
  const { acquireBuffer } = bufferManager;
  const started = await work.start();
  const first = await timed(started);
  const base = bufferManager.numBytesUsed;
  let peak = base;
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args);
    peak = Math.max(peak, bufferManager.numBytesUsed);
    return buffer;
  };
  try {
    const { dispatches, recording } = await counted(backend, started);
    const rounds: number[] = [], fewest = first > LONG ? 1 : FEWEST;
    for (let sum = 0; rounds.length < fewest || sum < seconds && rounds.length < 30;) {
      const one = await timed(started);
      rounds.push(one);
      sum += one;
    }
    return {
      name: work.name,
      firstSeconds: first,
      seconds: rounds,
      dispatches,
      recordingSeconds: recording,
      megabytes: (peak - base) / 1e6,
      allocatedMegabytes: bufferManager.numBytesAllocated / 1e6,
      programs: await byProgram(backend, started),
    };
  } finally {
    bufferManager.acquireBuffer = acquireBuffer;
    started.end();
  }
}

async function timed({ round }: Started): Promise<number> {
  const started = performance.now();
  await round();
  return (performance.now() - started) / 1000;
}

async function counted(
  backend: WebGPUBackend,
  { round }: Started,
): Promise<{ dispatches: number; recording: number }> {
  const { runWebGPUProgram } = backend;
  let dispatches = 0, recording = 0;
  backend.runWebGPUProgram = (...args) => {
    const started = performance.now();
    const result = runWebGPUProgram.apply(backend, args);
    recording += (performance.now() - started) / 1000;
    dispatches++;
    return result;
  };
  try {
    await round();
    return { dispatches, recording };
  } finally {
    backend.runWebGPUProgram = runWebGPUProgram;
  }
}

async function byProgram(backend: WebGPUBackend, { round }: Started): Promise<Measured["programs"]> {
  const { runWebGPUProgram } = backend;
  const timers: Timed[] = [];
  let running = "";
  backend.runWebGPUProgram = (...args) => {
    // Programs of our own have no class; their key begins with what they do.
    const { constructor, shaderKey } = args[0];
    running = constructor.name === "Object" ? shaderKey.split(/[^a-zA-Z]/)[0]! : constructor.name;
    return runWebGPUProgram.apply(backend, args);
  };
  const inner = backend as unknown as { activeTimers: Pick<Timed[], "push"> | undefined };
  inner.activeTimers = {
    push: (...added) => timers.push(...added.map((one) => ({ ...one, name: running }))),
  };
  try {
    await round();
  } finally {
    inner.activeTimers = undefined;
    backend.runWebGPUProgram = runWebGPUProgram;
  }
  const sums = new Map<string, { count: number; ms: number }>();
  for (const { name, query } of timers) {
    const { count, ms } = sums.get(name) ?? { count: 0, ms: 0 };
    sums.set(name, { count: count + 1, ms: ms + await query });
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum })).sort((a, b) => b.ms - a.ms).slice(0, 25);
}
