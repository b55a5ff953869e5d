/**
 * Maps as numbers of 16 bits, two in each element of an int32 tensor: tfjs has no type for them. Numbers keep
 * 11 digits of base 2; those beyond 65,504 become that, and those below 6e-8 become 0. Every device can do it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shrinking } from "../../ops/kernel_types.ts";
import { runShader } from "./shader.ts";

/** What tfjs has cast to float32 may still lie there as integers. */
const SHRINK = `
  fn within(value : f32) -> f32 {
    if (isnan(value)) { return value; }
    return clamp(value, -65504.0, 65504.0);
  }
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let first = 2 * index;
    var pair = vec2<f32>(within(f32(x[first])), 0.0);
    if (first + 1 < uniforms.xShape) { pair.y = within(f32(x[first + 1])); }
    result[index] = bitcast<i32>(pack2x16float(pair));
  }`;

const RESTORE = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let pair = unpack2x16float(bitcast<u32>(small[index / 2]));
    result[index] = select(pair.x, pair.y, index % 2 == 1);
  }`;

/** See {@linkcode Kernels.shrinking}. */
export const halves: Shrinking = {
  least: 1024,
  shrink: (x) =>
    runShader(
      { name: "shrink", code: SHRINK, inputs: { x: flat(x) } },
      { shape: [Math.ceil(x.size / 2)], dtype: "int32" },
    ),
  restore: (small, shape) =>
    runShader({ name: "restore", code: RESTORE, inputs: { small } }, { shape: [...shape] }),
};

function flat(x: tf.Tensor): tf.Tensor {
  return tf.reshape(x, [x.size]);
}
