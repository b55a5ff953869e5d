/** The recorded values of the adaptation methods: what a test of one case reads, and how it holds results to it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { StoredTensor } from "../weights/stored_tensor.ts";
import { formula } from "./formula.ts";
import { nhwc, readGolden, readGoldenJson, relative } from "./goldens.ts";

/** A network whose weights follow from their names. */
export interface FormulaWeights {
  readonly prefix: string;
  /** By state-dict name, in its order; of filters as PyTorch keeps them. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/** A case of `methods.json`; constants beside these are read by name. */
export interface MethodCase {
  readonly name: string;
  readonly method: string;
  readonly formula_weights?: Readonly<Record<string, FormulaWeights>>;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly [constant: string]: unknown;
}

const recorded = readGolden("methods.safetensors").tensors;

/** Every case whose name begins so, in the list's order. */
export function methodCases<T extends MethodCase = MethodCase>(beginning: string): readonly T[] {
  return readGoldenJson<T[]>("methods.json").filter(({ name }) => name.startsWith(beginning));
}

/** The case of this name. */
export function methodCase<T extends MethodCase = MethodCase>(name: string): T {
  const found = methodCases<T>(name).find((one) => one.name === name);
  assert.ok(found, `no recorded case ${name}`);
  return found;
}

/** A recorded tensor as the file keeps it. */
export function stored({ name }: Pick<MethodCase, "name">, key: string): StoredTensor {
  const found = recorded.get(`${name}/${key}`);
  assert.ok(found, `no recorded ${name}/${key}`);
  return found;
}

/** A recorded tensor, NCHW as NHWC. */
export function read<T extends tf.Tensor = tf.Tensor>(of: Pick<MethodCase, "name">, key: string): T {
  return nhwc(stored(of, key)) as T;
}

/** A weight as the formula makes it, filters [O, I, H, W] (of transposed convolutions [I, O, H, W]) as [H, W, I, O]. */
export function formulaWeight(
  { prefix, shapes }: FormulaWeights,
  name: string,
  { transposed = false } = {},
): tf.Tensor {
  const shape = shapes[name];
  assert.ok(shape, `no formula weight ${prefix}${name}`);
  const size = shape.reduce((product, side) => product * side, 1);
  const [factor, offset] = shape.length > 1
    ? [2 * Math.sqrt(6 / (size / shape[0]!)), 0]
    : name.endsWith("running_mean")
    ? [0.1, 0]
    : name.endsWith("running_var")
    ? [0.5, 1]
    : name.endsWith("weight") || name.endsWith("gamma")
    ? [0.2, 0.5]
    : [0.2, 0];
  const values = Float32Array.from(formula(`${prefix}${name}`, size), (value) => value * factor + offset);
  return tf.tidy(() => {
    const tensor = tf.tensor(values, [...shape]);
    if (shape.length !== 4) return tensor;
    return tf.transpose(tensor, transposed ? [2, 3, 0, 1] : [2, 3, 1, 0]);
  });
}

/** Assigns the formula's weights to variables by their names; `nameOf` gives the state-dict name of a variable's. */
export function fillWith(
  weights: FormulaWeights,
  variables: readonly { readonly name: string; readonly value: tf.Variable }[],
  nameOf: (name: string) => string = (name) => name,
): void {
  for (const { name, value } of variables) {
    tf.tidy(() => value.assign(formulaWeight(weights, nameOf(name))));
  }
}

/** Fails when `actual` is not what was recorded, in the norm. @param tolerance the goldens' README gives the usual ones */
export async function equalsRecorded(
  of: Pick<MethodCase, "name">,
  key: string,
  { actual, tolerance = 1e-4 }: { readonly actual: tf.Tensor; readonly tolerance?: number },
): Promise<void> {
  const expected = read(of, key);
  const error = relative(await actual.data(), await expected.data());
  assert.deepEqual(actual.shape, expected.shape, `${of.name}/${key}`);
  assert.ok(error <= tolerance, `${of.name}/${key}: off by ${error}`);
  expected.dispose();
}

/** Norms of tensors in their order, as `..._norms` are recorded. */
export function norms(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  // In double precision: float32 sums over a filter's million numbers are off by a thousandth.
  return tf.tensor1d(tensors.map((tensor) => {
    const values = tensor.dataSync();
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[k]! ** 2;
    return Math.sqrt(sum);
  }));
}
