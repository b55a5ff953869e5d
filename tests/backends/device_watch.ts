/** Watches what the WebGPU backend brings back from the device and how much memory it holds there. */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** One way to the host and how many bytes went it. */
export interface ReadBack {
  readonly how: "mapped" | "read" | "readSync";
  readonly bytes: number;
}

/** Lists everything that is read back while `f` runs: tensors that live on the device, and mapped buffers. */
export async function readBacksOf(f: () => unknown): Promise<ReadBack[]> {
  const backend = tf.backend() as WebGPUBackend;
  const { read, readSync } = backend;
  const { mapAsync } = GPUBuffer.prototype;
  const found: ReadBack[] = [];
  const note = (how: "read" | "readSync", id: object) => {
    const { values, resource } = backend.tensorMap.get(id);
    // Small constants stay on the host until a shader wants them.
    if (values == null) found.push({ how, bytes: (resource as GPUBuffer).size });
  };
  backend.read = (id) => {
    note("read", id);
    return read.call(backend, id);
  };
  backend.readSync = (id) => {
    note("readSync", id);
    return readSync.call(backend, id);
  };
  GPUBuffer.prototype.mapAsync = function (mode, ...range) {
    if (mode & GPUMapMode.READ) found.push({ how: "mapped", bytes: this.size });
    return mapAsync.call(this, mode, ...range);
  };
  try {
    await f();
  } finally {
    backend.read = read;
    backend.readSync = readSync;
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  return found;
}

/** How many shaders are queued while `f` runs. Nothing of `f` is computed, and what it reads are zeros. */
export async function dispatchesOf(f: () => unknown): Promise<number> {
  const backend = tf.backend() as WebGPUBackend;
  const { runWebGPUProgram } = backend;
  const { submit } = GPUQueue.prototype;
  let count = 0;
  backend.runWebGPUProgram = (...args) => {
    count++;
    return runWebGPUProgram.apply(backend, args);
  };
  GPUQueue.prototype.submit = () => undefined;
  try {
    await f();
  } finally {
    GPUQueue.prototype.submit = submit;
    backend.runWebGPUProgram = runWebGPUProgram;
  }
  return count;
}

/**
 * The most bytes in use on the device while `f` runs, beyond those before. Nothing of `f` is computed: what is held follows
 * from shapes.
 */
export async function peakBytesOf(f: () => unknown): Promise<number> {
  const backend = tf.backend() as WebGPUBackend;
  const { bufferManager } = backend;
  const { acquireBuffer } = bufferManager;
  const { submit } = GPUQueue.prototype;
  backend.endComputePassEncoder();
  backend.ensureCommandEncoderReady();
  backend.submitQueue();
  const before = bufferManager.numBytesUsed;
  let peak = before;
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args);
    peak = Math.max(peak, bufferManager.numBytesUsed);
    return buffer;
  };
  GPUQueue.prototype.submit = () => undefined;
  try {
    await f();
  } finally {
    GPUQueue.prototype.submit = submit;
    bufferManager.acquireBuffer = acquireBuffer;
  }
  return peak - before;
}
