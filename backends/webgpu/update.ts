/**
 * The small work at the end of a step, in as few dispatches as the bindings of a shader allow: the changes of
 * a running statistic in its own buffer, and one answer whether all gradients are finite. A shader may bind
 * eight buffers on every device, its result among them, so up to seven tensors are read at once.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { RunningCall } from "../../ops/kernel_types.ts";
import { portableRunningStep } from "../../ops/running_step.ts";
import { isShared, runShader, THREADS, type Uniform } from "./shader.ts";

/** Tensors that a shader reads beside its result. */
const MOST_INPUTS = 7;

/** Workgroups that look at a group of gradients: enough to keep a GPU busy. */
const MOST_GROUPS = 256;

/** Lists of at most `count` elements. */
function inGroups<T>(all: readonly T[], count: number): T[][] {
  return Array.from(
    { length: Math.ceil(all.length / count) },
    (_, k) => all.slice(k * count, (k + 1) * count),
  );
}

/** Names of `count` inputs: `a0`, `a1`, ... */
function names(count: number): string[] {
  return Array.from({ length: count }, (_, k) => `a${k}`);
}

function named(tensors: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(names(tensors.length).map((name, k) => [name, tensors[k]!]));
}

/** WGSL: `count` changes, one after the other. */
function changing(count: number): string {
  return `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    var value = result[index];
    ${
    names(count).map((name, k) => `value = value * uniforms.keep${k} + ${name}[index] * uniforms.factor${k};`)
      .join("\n    ")
  }
    result[index] = value;
  }`;
}

/** See {@linkcode Kernels.runningStep}. */
export function runningInPlace(call: RunningCall): void {
  const { variable, changes } = call;
  // A clone of a variable shares its buffer, and must not change with it.
  if (isShared(variable) || variable.dtype !== "float32") return portableRunningStep(call);
  for (const group of inGroups(changes, MOST_INPUTS)) {
    const uniforms = group.flatMap(({ keep, factor = 1 }, k): Uniform[] => [
      { name: `keep${k}`, type: "f32", value: keep },
      { name: `factor${k}`, type: "f32", value: factor },
    ]);
    runShader({
      name: `running_${group.length}`,
      code: changing(group.length),
      inputs: named(group.map(({ add }) => add)),
      uniforms,
    }, { shape: variable.shape, into: variable });
  }
}

/** WGSL: raises the flag if a number of one of `count` tensors has the exponent of NaN and the infinities. */
function looking(count: number): string {
  return `
  fn isBroken(value : f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u;
  }
  fn main(index : i32) {
    var broken = false;
    ${
    names(count).map((name) =>
      `for (var k = index; k < uniforms.${name}Shape; k = k + uniforms.together) {
      broken = broken || isBroken(f32(${name}[k]));
    }`
    ).join("\n    ")
  }
    if (broken) { atomicStore(&result[0], 1); }
  }`;
}

/** The flag as a scalar. */
const VERDICT = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = select(0.0, uniforms.NAN, flag[0] != 0);
  }`;

/** See {@linkcode Kernels.finite}. @returns 0 or NaN */
export function allFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    const flag = tf.zeros([1], "int32");
    for (const group of inGroups(tensors.filter(({ size }) => size > 0), MOST_INPUTS)) {
      const longest = Math.max(...group.map(({ size }) => size));
      const workgroups = Math.min(MOST_GROUPS, Math.ceil(longest / THREADS));
      runShader({
        name: `finite_${group.length}`,
        code: looking(group.length),
        inputs: named(group.map((tensor) => tf.reshape(tensor, [tensor.size]))),
        uniforms: [{ name: "together", type: "i32", value: workgroups * THREADS }],
      }, { shape: [1], dtype: "int32", into: flag, workgroups, atomic: true });
    }
    return tf.reshape(runShader({ name: "verdict", code: VERDICT, inputs: { flag } }, { shape: [1] }), []);
  }) as tf.Scalar;
}
