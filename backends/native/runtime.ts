/**
 * Runs small ONNX models synchronously on tensors that live in the WASM backend's heap: ONNX Runtime reads and
 * writes the heap itself, nothing is copied.
 */
import * as tf from "@tensorflow/tfjs-core";
import { createRequire } from "node:module";
import { encodeModel, type Graph } from "./onnx.ts";

interface NativeSession {
  loadModel(bytes: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(feeds: object, fetches: object, options: object): unknown;
}

interface Runtime {
  readonly Session: new () => NativeSession;
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => object;
}

let runtime: Runtime | undefined;
const sessions = new Map<string, NativeSession>();

/** Loads the shared library once. @returns a description for `plca doctor` @throws Error when it is not there */
export function loadRuntime(): string {
  if (runtime === undefined) {
    const require = createRequire(import.meta.url);
    const binding = require("onnxruntime-node/dist/binding");
    const common = require("onnxruntime-node");
    binding.initOrt();
    runtime = { Session: binding.binding.InferenceSession, Tensor: common.Tensor };
  }
  return "ONNX Runtime kernels in the WASM heap";
}

/** What the WASM backend keeps of a tensor; not in its public types. */
interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
}

/** The float32 values of a tensor, in the heap itself. Stale after the next allocation, which may grow the heap. */
export function heapView(tensor: tf.TensorInfo): Float32Array {
  const backend = tf.backend() as unknown as WasmBackend;
  const size = tensor.shape.reduce((product, side) => product * side, 1);
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
  return new Float32Array(backend.wasm.HEAPU8.buffer as ArrayBuffer, memoryOffset, size);
}

/** A float32 tensor of the current scope whose values are not set yet. */
export function emptyTensor(shape: readonly number[]): tf.Tensor {
  const backend = tf.backend() as unknown as WasmBackend;
  return tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...shape], "float32"));
}

/** A float32 tensor as ONNX Runtime should see it: same memory, perhaps another shape. */
export interface Operand {
  readonly tensor: tf.TensorInfo;
  readonly dims?: readonly number[];
}

/** What {@linkcode runModel} computes. */
export interface Call {
  /** The same key always means the same graph. */
  readonly key: string;
  readonly graph: () => Graph;
  /** In the order of the graph's inputs. */
  readonly inputs: readonly Operand[];
  /** In the order of the graph's outputs: the tensor's shape, and the graph's where it differs. */
  readonly outputs: readonly Output[];
}

/** Where a result goes. */
export interface Output {
  readonly shape: readonly number[];
  /** The graph's shape, where it differs. */
  readonly dims?: readonly number[];
  /** A tensor that takes the result instead of a new one. */
  readonly into?: tf.TensorInfo;
}

/** Runs a model and returns its outputs, owned by the caller. */
export function runModel({ key, graph, inputs, outputs }: Call): tf.TensorInfo[] {
  if (runtime === undefined) throw new Error("the native runtime is not loaded");
  const { Tensor } = runtime;
  const backend = tf.backend() as unknown as WasmBackend;
  const infos = outputs.map(({ shape, into }) => into ?? backend.makeOutput([...shape], "float32"));
  // Views are taken after every allocation: growing the heap detaches older ones.
  const buffer = backend.wasm.HEAPU8.buffer as ArrayBuffer;
  const view = (tensor: tf.TensorInfo, dims: readonly number[]) => {
    const { memoryOffset } = backend.dataIdMap.get(tensor.dataId);
    const size = dims.reduce((product, side) => product * side, 1);
    return new Tensor("float32", new Float32Array(buffer, memoryOffset, size), dims);
  };
  const feeds = Object.fromEntries(
    inputs.map(({ tensor, dims }, k) => [`x${k}`, view(tensor, dims ?? tensor.shape)]),
  );
  const fetches = Object.fromEntries(
    infos.map((info, k) => [`y${k}`, view(info, outputs[k]!.dims ?? info.shape)]),
  );
  session(key, graph).run(feeds, fetches, {});
  return infos;
}

/** The first output of {@linkcode runModel} as a tensor of the current scope. */
export function runToTensor(call: Call): tf.Tensor {
  const [info] = runModel(call);
  return tf.engine().makeTensorFromTensorInfo(info!);
}

function session(key: string, graph: () => Graph): NativeSession {
  let found = sessions.get(key);
  if (found === undefined) {
    const bytes = encodeModel(graph());
    found = new runtime!.Session();
    found.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, {
      enableMemPattern: false,
      enableCpuMemArena: false,
      graphOptimizationLevel: "all",
      // Every session has its own threads; idle ones that spin would take the cores from the next session's.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
    sessions.set(key, found);
  }
  return found;
}
