/** What every built-in similarity keeps to; a new one needs its formula below and nothing else. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { TapInfo } from "../../core/plugin.ts";
import { relative } from "../goldens.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { checkGradient, normals } from "./differences.ts";

/** D(a, b) of one pair of pixels, in double precision. */
const FORMULAS: Readonly<Record<string, (a: Float32Array, b: Float32Array) => number>> = {
  cosine: (a, b) => sum(a, (x, k) => x * b[k]!) / (Math.hypot(...a) * Math.hypot(...b)),
  "negative-kl": (a, b) => -sum(a, (x, k) => x * (Math.log(x + 1e-10) - Math.log(b[k]! + 1e-10))),
  "negative-euclidean": (a, b) => -Math.hypot(...a.map((x, k) => x - b[k]!)),
};

/** In the norm, of all values together: a product of float32 numbers over at most 16 channels, and a root or logarithm. */
const TOLERANCE = 1e-5;

const registry = builtins();
const shape = fc.record({
  n: fc.integer({ min: 1, max: 3 }),
  p: fc.integer({ min: 1, max: 9 }),
  q: fc.integer({ min: 1, max: 9 }),
  channels: fc.integer({ min: 2, max: 16 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

for (const plugin of registry.all("similarity")) {
  const { name } = plugin;
  const similarity = registry.plan("similarity", name);
  const { accepts, symmetric } = similarity;
  const test = (what: string, run: () => void) =>
    alsoOnTensorflow("wasm", `${name}: ${what}`, () => Promise.resolve(tf.tidy(run)));
  const property = (check: (one: { a: tf.Tensor3D; b: tf.Tensor3D }) => void) =>
    fc.assert(
      fc.property(shape, ({ n, p, q, channels, seed }) =>
        tf.tidy(() =>
          check({
            a: pixels([n, p, channels], { space: accepts, seed, name: "a" }),
            b: pixels([n, q, channels], { space: accepts, seed, name: "b" }),
          })
        )),
      { seed: 1, numRuns: 25 },
    );

  test("every value is the formula of its pair", () => {
    assert.ok(FORMULAS[name], `add the formula of ${name}`);
    property(({ a, b }) => {
      const [n, p] = a.shape, q = b.shape[1];
      const values = similarity.pairwise(a, b);
      assert.deepEqual(values.shape, [n, p, q]);
      assert.equal(values.dtype, "float32");
      const expected = rows(a).flatMap((x, row) => {
        const image = Math.floor(row / p);
        return rows(b).slice(image * q, (image + 1) * q).map((y) => FORMULAS[name]!(x, y));
      });
      close(values, expected);
    });
  });

  test("some rows and columns have the values they have among all", () => {
    property(({ a, b }) => {
      const half = (x: tf.Tensor3D) => Math.ceil(x.shape[1] / 2);
      const some = (x: tf.Tensor3D) => tf.slice(x, [0, x.shape[1] - half(x), 0], [-1, -1, -1]);
      const whole = similarity.pairwise(a, b);
      const part = tf.slice(whole, [0, a.shape[1] - half(a), b.shape[1] - half(b)], [-1, -1, -1]);
      close(similarity.pairwise(some(a), some(b)), part.dataSync());
    });
  });

  test(`D(a, b) ${symmetric ? "equals" : "differs from"} D(b, a), as it says`, () => {
    const a = pixels([2, 7, 5], { space: accepts, seed: 1, name: "a" });
    const b = pixels([2, 6, 5], { space: accepts, seed: 1, name: "b" });
    const there = similarity.pairwise(a, b).dataSync();
    const back = tf.transpose(similarity.pairwise(b, a), [0, 2, 1]).dataSync();
    assert.equal(relative(there, back) <= TOLERANCE, symmetric);
  });

  test("nothing is more like a pixel than the pixel itself", () => {
    property(({ a }) => {
      const values = similarity.pairwise(a, a);
      const best = tf.max(values, 2, true);
      const own = tf.mul(values, tf.expandDims(tf.eye(a.shape[1]), 0));
      // A distance is the root of a difference of squares, so a zero comes out as some 1e-3.
      assert.ok(Math.max(...tf.sub(tf.squeeze(best, [2]), tf.sum(own, 2)).dataSync()) < 1e-2);
    });
  });

  for (const which of ["first", "second", "both"] as const) {
    test(`the gradient with respect to ${which} agrees with finite differences`, () => {
      const a = pixels([2, 7, 5], { space: "real", seed: 1, name: "a" });
      const b = pixels([2, 7, 5], { space: "real", seed: 1, name: "b" });
      // Values weigh differently, or the slopes of many would cancel.
      const weights = tf.tensor(normals(2 * 7 * 7, 1, "weights"), [2, 7, 7]);
      const f = (given: tf.Tensor) => {
        // Of probabilities, the logits are varied: only sums of 1 are pixels.
        const [x, left, right] = [given, a, b].map((one) =>
          accepts === "simplex" ? tf.softmax(one) : one
        ) as [
          tf.Tensor3D,
          tf.Tensor3D,
          tf.Tensor3D,
        ];
        const values = similarity.pairwise(which === "second" ? left : x, which === "first" ? right : x);
        return tf.sum(tf.mul(weights, values)) as tf.Scalar;
      };
      const at = which === "second" ? b : a;
      checkGradient(which, {
        at: at.dataSync() as Float32Array,
        gradient: tf.grad(f)(at).dataSync(),
        f: (values) => tf.tidy(() => f(tf.tensor(values, at.shape)).dataSync()[0]!),
      });
    });
  }

  test("values and gradients stay finite for zeros, equal pixels and sure predictions", () => {
    for (const x of extremes(accepts)) {
      const { value, grads } = tf.valueAndGrads((a, b) => {
        const values = similarity.pairwise(a as tf.Tensor3D, b as tf.Tensor3D);
        return tf.sum(values) as tf.Scalar;
      })([x, tf.clone(x)]);
      const same = tf.grad((a) => tf.sum(similarity.pairwise(a as tf.Tensor3D, a as tf.Tensor3D)))(x);
      for (const tensor of [value, ...grads, same]) {
        assert.ok(Array.from(tensor.dataSync()).every(Number.isFinite), `${x}: ${tensor}`);
      }
    }
  });
}

function sum(values: Float32Array, f: (value: number, k: number) => number): number {
  let total = 0;
  values.forEach((value, k) => total += f(value, k));
  return total;
}

function close(actual: tf.Tensor, expected: ArrayLike<number>): void {
  const error = relative(actual.dataSync(), expected);
  assert.ok(error <= TOLERANCE, `off by ${error}`);
}

interface Pixels {
  readonly space: TapInfo["space"];
  readonly seed: number;
  readonly name: string;
}

function pixels(shape: [number, number, number], { space, seed, name }: Pixels): tf.Tensor3D {
  const values = tf.tensor3d(normals(shape[0] * shape[1] * shape[2], seed, name), shape);
  return space === "simplex" ? tf.softmax(values) : values;
}

/** One array for each pixel of each image. */
function rows(x: tf.Tensor3D): Float32Array[] {
  const [n, p, channels] = x.shape;
  const values = x.dataSync() as Float32Array;
  return Array.from({ length: n * p }, (_, k) => values.slice(k * channels, (k + 1) * channels));
}

function extremes(space: TapInfo["space"]): readonly tf.Tensor3D[] {
  const oneHot = tf.tensor3d([[[1, 0, 0], [0, 1, 0], [1, 0, 0]]]);
  if (space === "simplex") return [oneHot, tf.fill([1, 3, 3], 1 / 3)];
  const zeros = tf.zeros([1, 3, 3]) as tf.Tensor3D;
  return [
    zeros,
    tf.ones([1, 3, 3]),
    tf.mul(oneHot, 1e6),
    tf.mul(oneHot, 1e-6),
    tf.concat([zeros, oneHot], 1),
  ];
}
