/**
 * Runs small ONNX models synchronously on tensors that live in the WASM backend's heap. ONNX Runtime reads
 * and writes the heap itself, nothing is copied: the address of a tensor is that of the heap in this process
 * plus the tensor's offset. When the heap grows it gets a new buffer, so the address is looked up again
 * whenever the buffer is another one. Loaded models are kept by key.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Begun } from "../wasm/background.ts";
import { address, heapMemory } from "../wasm/heap.ts";
import { encodeModel, type Graph } from "../onnx_model.ts";
import { openOrt, type Ort, type Session } from "./ort.ts";

let ort: Ort | undefined;
const sessions = new Map<string, Session>();

/**
 * The shared library, loaded once. @param threads absent: one for each core; of a second call they are not
 * looked at @throws Error when it is not there
 */
export function runtime(threads = navigator.hardwareConcurrency): Ort {
  return ort ??= openOrt(Math.max(1, threads));
}

/** {@linkcode runtime} for the kernels. @returns a description for `plca doctor` */
export function loadRuntime(threads?: number): string {
  return `ONNX Runtime ${runtime(threads).version} kernels in the WASM heap`;
}

/** A float32 tensor as ONNX Runtime should see it: same memory, perhaps another shape or only a part. */
export interface Operand {
  readonly tensor: tf.TensorInfo;
  readonly dims?: readonly number[];
  /** The first element; 0 if absent. */
  readonly element?: number;
}

/** A call of a small model. */
export interface Call {
  /** Names the graph: calls with the same key must have the same graph. Shapes are no part of it. */
  readonly key: string;
  readonly graph: () => Graph;
  /** In the order of the graph's inputs. */
  readonly inputs: readonly Operand[];
  /** The tensors that receive the results, in the order of the graph's outputs. */
  readonly outputs: readonly Operand[];
}

/**
 * Runs a model; the outputs are written in place when it returns. @throws Error when the runtime is not
 * loaded or refuses
 */
export function runModel({ key, graph, inputs, outputs }: Call): void {
  session(key, graph).run(inputs.map(operandOf), outputs.map(operandOf));
}

/**
 * Begins to run a model on another thread. The tensors must stay where they are until it is over. @returns
 * undefined where no other thread can, and nothing is computed @throws Error as {@linkcode runModel}
 */
export function beginModel({ key, graph, inputs, outputs }: Call): Begun | undefined {
  return session(key, graph).begin(inputs.map(operandOf), outputs.map(operandOf));
}

/** Where the tensor's values are in this process. */
function operandOf({ tensor, dims = tensor.shape, element = 0 }: Operand) {
  // The address first: a tensor that comes back may make the heap grow.
  const offset = address(tensor, element);
  return { address: heapStart() + BigInt(offset), dims };
}

let heap: { readonly buffer: ArrayBufferLike; readonly start: bigint } | undefined;

/** The heap's address in this process. */
function heapStart(): bigint {
  const { buffer } = heapMemory();
  if (heap?.buffer === buffer) return heap.start;
  const bytes = new Uint8Array(buffer as ArrayBuffer);
  heap = { buffer, start: Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)) };
  return heap.start;
}

/** The session of a key, loaded at its first use. */
function session(key: string, graph: () => Graph): Session {
  let loaded = sessions.get(key);
  if (loaded === undefined) {
    if (ort === undefined) throw new Error("the native runtime is not loaded");
    const model = graph();
    loaded = ort.load(encodeModel(model), model.inputs, model.outputs);
    sessions.set(key, loaded);
  }
  return loaded;
}
