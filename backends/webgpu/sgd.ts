/**
 * A step of stochastic gradient descent in the variables' own buffers, one or two dispatches for a variable.
 * tfjs would write each variable to a new buffer and free the old one.
 */
import type { SgdCall } from "../../ops/kernel_types.ts";
import { portableSgdStep } from "../../ops/sgd_step.ts";
import { isShared, runShader, type Uniform } from "./shader.ts";

/** buffer = momentum buffer + gradient + decay value */
const DIRECTION = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = uniforms.momentum * result[index] + (gradient[index] + uniforms.decay * value[index]);
  }`;

/** value -= rate direction */
const STEP = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = result[index] - uniforms.rate * direction[index];
  }`;

/** Without momentum, in one go. */
const PLAIN_STEP = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = result[index] - uniforms.rate * (gradient[index] + uniforms.decay * result[index]);
  }`;

/** See {@linkcode Kernels.sgdStep}. */
export function sgdInPlace(call: SgdCall): void {
  const { value, gradient, buffer } = call;
  // A clone of a variable shares its buffer, and must not change with it.
  if (isShared(value) || (buffer && isShared(buffer))) return portableSgdStep(call);
  const numbers = (...names: ("rate" | "momentum" | "decay")[]): Uniform[] =>
    names.map((name) => ({ name, type: "f32", value: call[name] }));
  const { shape } = value;
  if (buffer === undefined) {
    const inputs = { gradient };
    const shader = { name: "sgd_plain", code: PLAIN_STEP, inputs, uniforms: numbers("rate", "decay") };
    runShader(shader, { shape, into: value });
    return;
  }
  const direction = { name: "sgd_direction", code: DIRECTION, inputs: { gradient, value } };
  runShader({ ...direction, uniforms: numbers("momentum", "decay") }, { shape, into: buffer });
  const step = { name: "sgd_step", code: STEP, inputs: { direction: buffer }, uniforms: numbers("rate") };
  runShader(step, { shape, into: value });
}
