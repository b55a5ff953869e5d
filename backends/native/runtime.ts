/**
 * Runs small ONNX models synchronously on tensors that live in the WASM backend's heap: ONNX Runtime reads and
 * writes the heap itself, nothing is copied.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { address, heapMemory } from "../wasm/heap.ts";
import { encodeModel, type Graph } from "../onnx_model.ts";
import { openOrt, type Ort, type Session } from "./ort.ts";

let ort: Ort | undefined;
const sessions = new Map<string, Session>();

/** Loads the shared library once. @param threads absent: one for each core @returns a description for `plca doctor` @throws Error when it is not there */
export function loadRuntime(threads = navigator.hardwareConcurrency): string {
  ort ??= openOrt(Math.max(1, threads));
  return `ONNX Runtime ${ort.version} kernels in the WASM heap`;
}

/** A float32 tensor as ONNX Runtime should see it: same memory, perhaps another shape or only a part. */
export interface Operand {
  readonly tensor: tf.TensorInfo;
  readonly dims?: readonly number[];
  /** The first element; 0 if absent. */
  readonly element?: number;
}

/** What {@linkcode runModel} computes. */
export interface Call {
  /** The same key always means the same graph. */
  readonly key: string;
  readonly graph: () => Graph;
  /** In the order of the graph's inputs. */
  readonly inputs: readonly Operand[];
  /** What takes the results, in the order of the graph's outputs. */
  readonly outputs: readonly Operand[];
}

/** Runs a model; the outputs are written in place. */
export function runModel({ key, graph, inputs, outputs }: Call): void {
  const heap = heapStart();
  const operand = ({ tensor, dims = tensor.shape, element = 0 }: Operand) => {
    return { address: heap + BigInt(address(tensor, element)), dims };
  };
  session(key, graph).run(inputs.map(operand), outputs.map(operand));
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

function session(key: string, graph: () => Graph): Session {
  let found = sessions.get(key);
  if (found === undefined) {
    if (ort === undefined) throw new Error("the native runtime is not loaded");
    const made = graph();
    found = ort.load(encodeModel(made), made.inputs, made.outputs);
    sessions.set(key, found);
  }
  return found;
}
