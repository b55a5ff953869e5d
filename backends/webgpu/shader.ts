/**
 * Runs compute shaders of our own among those of TensorFlow.js. tfjs has a type for a program: names of the
 * inputs, shape of the output, layout of the dispatch, and the WGSL code of `main`; it adds the bindings,
 * compiles a pipeline, keeps it by a key, and queues the dispatch. `runShader` fills in that type. It returns
 * before the device has begun; nothing waits until values are read.
 *
 * How `index` is counted: a workgroup has `threads` threads, and all threads of all workgroups are numbered
 * in one row. A dispatch may have 65,535 workgroups along a side, so larger ones are folded into two
 * dimensions; the number goes on through both.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend, WebGPUProgram } from "@tensorflow/tfjs-backend-webgpu";

/** Threads of a workgroup if nothing else is said; every device allows 256. */
export const THREADS = 128;

/** Workgroups along a side of a dispatch; every device allows so many. */
const MOST_GROUPS = 65535;

/** A number that a shader reads as `uniforms.NAME`. */
export interface Uniform {
  readonly name: string;
  readonly type: "i32" | "f32";
  readonly value: number;
}

/** A shader and what it works on. */
export interface Shader {
  /** Compiled pipelines are kept by this name: two different codes must not share one. */
  readonly name: string;
  /**
   * WGSL with `fn main(index : i32)`, called by every thread. Inputs are arrays by their names, the output is
   * `result`; beside the uniforms there are `localId`, `isnan` and `uniforms.NAN`.
   */
  readonly code: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly uniforms?: readonly Uniform[];
}

/** The output of a shader, and how many threads write it. */
export interface Output {
  readonly shape: number[];
  readonly dtype?: "float32" | "int32";
  /** Absent: a thread for every element of the output, or for as many as `threadsFor` says. At most 65535. */
  readonly workgroups?: number;
  /** Threads, if no `workgroups` are given; absent: as many as the output has elements. */
  readonly threadsFor?: number;
  /** Threads of a workgroup; absent: 128. */
  readonly threads?: number;
  /**
   * A tensor that receives the output, in place of a new one. Elements that are not written keep their
   * values.
   */
  readonly into?: tf.Tensor;
  /** Whether `result` is an array of atomic integers; `dtype` is int32 then. */
  readonly atomic?: boolean;
}

/**
 * Queues a shader. Without `workgroups`, `index` may pass the last element: the shader has to compare it with
 * `uniforms.size`, the number of elements of the output.
 * @returns `into`, or a new tensor of the current scope
 */
export function runShader({ name, code, inputs, uniforms = [] }: Shader, output: Output): tf.Tensor {
  const { shape, dtype = "float32", threads = THREADS, into, atomic = false } = output;
  const { threadsFor = shape.reduce((a, b) => a * b, 1) } = output;
  const groups = output.workgroups ?? Math.ceil(threadsFor / threads);
  const program: WebGPUProgram = {
    variableNames: Object.keys(inputs),
    uniforms: uniforms.map((one) => `${one.name} : ${one.type},`).join(" "),
    outputShape: shape,
    dispatchLayout: { x: shape.map((_, k) => k) },
    dispatch: groups <= MOST_GROUPS ? [groups, 1, 1] : [MOST_GROUPS, Math.ceil(groups / MOST_GROUPS), 1],
    workgroupSize: [threads, 1, 1],
    shaderKey: `plca_${name}`,
    size: true,
    atomic,
    getUserCode: () => code,
  };
  const backend = tf.backend() as WebGPUBackend;
  const info = backend.runWebGPUProgram(
    program,
    Object.values(inputs),
    dtype,
    uniforms.map(({ type, value }) => ({ type: type === "i32" ? "int32" : "float32", data: [value] })),
    into,
  );
  if (into === undefined) return tf.engine().makeTensorFromTensorInfo(info);
  forgetRead(backend, into);
  return into;
}

/**
 * Forgets what the host has read of a tensor. tfjs keeps values once they are read, and would give them
 * again after a shader has written others into the tensor.
 */
function forgetRead({ tensorMap }: WebGPUBackend, { dataId }: tf.Tensor): void {
  const data = tensorMap.get(dataId);
  if (data.resource) (data as { values: unknown }).values = null;
}

/** Whether other handles share a tensor's buffer, so that it must not be written to. */
export function isShared({ dataId }: tf.Tensor): boolean {
  return (tf.backend() as WebGPUBackend).refCount(dataId) > 1;
}
