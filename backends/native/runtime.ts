/**
 * Runs small ONNX models synchronously on tensors that live in the WASM backend's heap: ONNX Runtime reads and
 * writes the heap itself, nothing is copied.
 */
import * as tf from "@tensorflow/tfjs-core";
import { createRequire } from "node:module";
import { address, emptyInfo, floatsAt, sizeOf } from "../wasm/heap.ts";
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
  /** In the order of the graph's outputs: the tensor's shape, and the graph's where it differs. */
  readonly outputs: readonly Output[];
}

/** Where a result goes. */
export interface Output {
  readonly shape: readonly number[];
  /** The graph's shape, where it differs. */
  readonly dims?: readonly number[];
  /** What takes the result instead of a new tensor. */
  readonly into?: Operand;
}

/** Runs a model and returns its outputs, owned by the caller. */
export function runModel({ key, graph, inputs, outputs }: Call): tf.TensorInfo[] {
  if (runtime === undefined) throw new Error("the native runtime is not loaded");
  const { Tensor } = runtime;
  const infos = outputs.map(({ shape, into }) => into?.tensor ?? emptyInfo(shape));
  // Views are taken after every allocation: growing the heap detaches older ones.
  const view = ({ tensor, dims = tensor.shape, element = 0 }: Operand) =>
    new Tensor("float32", floatsAt(address(tensor, element), sizeOf(dims)), dims);
  const feeds = Object.fromEntries(inputs.map((operand, k) => [`x${k}`, view(operand)]));
  const fetches = Object.fromEntries(
    infos.map((tensor, k) => {
      const { dims = tensor.shape, into } = outputs[k]!;
      return [`y${k}`, view({ ...into, tensor, dims })];
    }),
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
