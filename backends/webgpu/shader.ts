/** Compute shaders of our own, run among those of TensorFlow.js. */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend, WebGPUProgram } from "@tensorflow/tfjs-backend-webgpu";

/** Threads of a workgroup where nothing else is said; every device has 256. */
export const THREADS = 128;

/** Workgroups along a side of what is dispatched; no device may refuse so many. */
const MOST_GROUPS = 65535;

/** A number that a shader reads as `uniforms.NAME`. */
export interface Uniform {
  readonly name: string;
  readonly type: "i32" | "f32";
  readonly value: number;
}

/** A shader and what it works on. */
export interface Shader {
  /** Unique to the code: pipelines are kept by it. */
  readonly name: string;
  /**
   * WGSL with `fn main(index : i32)`, called by every thread. Inputs are arrays by their names, the output is
   * `result`; beside the uniforms there are `localId`, `isnan` and `uniforms.NAN`.
   */
  readonly code: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly uniforms?: readonly Uniform[];
}

/** What a shader writes and how many workgroups write it. */
export interface Output {
  readonly shape: number[];
  readonly dtype?: "float32" | "int32";
  /** Absent: a thread for every element of the output, or for as many as `threadsFor` says. At most 65535. */
  readonly workgroups?: number;
  /** Of the output, so many elements are written; absent: all. */
  readonly threadsFor?: number;
  /** Of a workgroup. */
  readonly threads?: number;
  /** Written to in place of a new tensor. What is not written keeps its values. */
  readonly into?: tf.Tensor;
}

/**
 * Runs a shader. Without `workgroups`, `index` may pass the last element: compare it with `uniforms.size`.
 */
export function runShader({ name, code, inputs, uniforms = [] }: Shader, output: Output): tf.Tensor {
  const { shape, dtype = "float32", threads = THREADS, into } = output;
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
  return into ?? tf.engine().makeTensorFromTensorInfo(info);
}
