/** The recorded values of current backbones: what a test of one case reads, and how it holds results to it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Random } from "../core/random.ts";
import type { Pass } from "../ops/layers/batch_norm.ts";
import { drawnFactors, timesEach } from "../ops/layers/dropout.ts";
import { type StoredTensor, toFloat32 } from "../weights/stored_tensor.ts";
import { formula } from "./formula.ts";
import { nhwc, readGolden, readGoldenJson, relative } from "./goldens.ts";

/** A tensor that follows from a name, or lies in the file. */
interface Recipe {
  readonly shape: readonly number[];
  readonly formula?: string;
  readonly scale?: number;
  readonly offset?: number;
}

/** A case of `backbones.json`; constants beside these are read by name. Shapes are as PyTorch keeps tensors. */
export interface BackboneCase {
  readonly name: string;
  readonly method: string;
  /** What `g...` are the gradients of. */
  readonly wrt?: readonly string[];
  readonly inputs: Readonly<Record<string, Recipe>>;
  readonly outputs: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly tolerance: number }>
  >;
  readonly weights_prefix?: string;
  /** By original state-dict name, in its order. */
  readonly weights?: Readonly<Record<string, Recipe>>;
  /** The weights whose gradients are recorded, in the order of `gw_norms` and `gw_dots`. */
  readonly trained?: readonly string[];
  /** Of `trained`: those whose gradient is zero but for rounding. */
  readonly zero_gradients?: readonly string[];
  readonly dot_prefix?: string;
  readonly [constant: string]: unknown;
}

/** Numbers in a shape, as PyTorch keeps them. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

const recorded = readGolden("backbones.safetensors").tensors;

/** Every case whose name begins so, in the list's order. */
export function backboneCases<T extends BackboneCase = BackboneCase>(beginning: string): readonly T[] {
  return readGoldenJson<T[]>("backbones.json").filter(({ name }) => name.startsWith(beginning));
}

/** A recorded tensor as the file keeps it. */
export function stored({ name }: Pick<BackboneCase, "name">, key: string): StoredTensor {
  const found = recorded.get(`${name}/${key}`);
  assert.ok(found, `no recorded ${name}/${key}`);
  return found;
}

function made(name: string, { shape, scale = 1, offset = 0 }: Recipe): StoredTensor {
  const size = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from(formula(name, size), (value) => value * scale + offset);
  return { dtype: "F32", shape: [...shape], data: values };
}

/** An input, from its formula where it has one. */
export function inputOf(of: BackboneCase, key: string): StoredTensor {
  const recipe = of.inputs[key];
  assert.ok(recipe, `${of.name} has no input ${key}`);
  return recipe.formula === undefined ? stored(of, key) : made(recipe.formula, recipe);
}

/** An input as a tensor, NCHW as NHWC. */
export function readInput<T extends tf.Tensor = tf.Tensor>(of: BackboneCase, key: string): T {
  return nhwc(inputOf(of, key)) as T;
}

/** A weight by its original state-dict name, as PyTorch keeps it. */
export function weightOf(of: BackboneCase, name: string): StoredTensor {
  const recipe = of.weights?.[name];
  assert.ok(recipe, `${of.name} has no weight ${name}`);
  return made(`${of.weights_prefix}${name}`, recipe);
}

/** Fails when `actual`, NHWC where the record is NCHW, is not what was recorded, to the tolerance of the list. */
export async function equalsBackbone(of: BackboneCase, key: string, actual: tf.Tensor): Promise<void> {
  const expected = nhwc(stored(of, key));
  const error = relative(await actual.data(), await expected.data());
  assert.deepEqual(actual.shape, expected.shape, `${of.name}/${key}`);
  expected.dispose();
  const { tolerance } = of.outputs[key]!;
  assert.ok(error <= tolerance, `${of.name}/${key}: off by ${error}`);
}

/**
 * Fails when the weights' gradients are not what was recorded: the norm of each, and its product with numbers that follow from the
 * weight's name, which a permuted gradient would change.
 * @param gradientOf a weight's gradient by its original state-dict name, in PyTorch's order
 */
export function equalsWeightGradients(of: BackboneCase, gradientOf: (name: string) => Numbers): void {
  const norms = toFloat32(stored(of, "gw_norms")), dots = toFloat32(stored(of, "gw_dots"));
  const tolerance = of.outputs["gw_norms"]!.tolerance;
  of.trained!.forEach((name, k) => {
    const { shape, values } = gradientOf(name), by = formula(`${of.dot_prefix}${name}`, values.length);
    assert.deepEqual(shape, of.weights![name]!.shape, `${of.name}: the gradient of ${name}`);
    if (of.zero_gradients?.includes(name)) return;
    let squares = 0, dot = 0, length = 0;
    for (let i = 0; i < values.length; i++) {
      squares += values[i]! ** 2;
      dot += values[i]! * by[i]!;
      length += by[i]! ** 2;
    }
    const norm = Math.sqrt(squares), expected = norms[k]!;
    assert.ok(
      Math.abs(norm - expected) <= tolerance * expected,
      `${of.name}: the gradient of ${name} has the norm ${norm}, expected ${expected}`,
    );
    // Of the largest product that these norms allow: a product of its own may be near zero.
    assert.ok(
      Math.abs(dot - dots[k]!) <= tolerance * expected * Math.sqrt(length),
      `${of.name}: the gradient of ${name} points elsewhere: ${dot}, expected ${dots[k]}`,
    );
  });
}

/** A stream that makes dropout keep what the mask keeps, number by number. @param mask 1: kept */
export function maskStream(mask: ArrayLike<number>): Random {
  let at = 0;
  return {
    next() {
      assert.ok(at < mask.length, "more numbers were drawn than the mask has");
      return mask[at++] === 1 ? 1 - 2 ** -32 : 0;
    },
  } as unknown as Random;
}

/** Drops whole images as a transformer's blocks do: factors are drawn before the block, and it multiplies. */
export function dropPath<T extends tf.Tensor>(x: T, probability: number, pass: Pass): T {
  return timesEach(x, drawnFactors(1, probability, pass));
}
