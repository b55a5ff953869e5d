/** The shaders of batch normalisation and of gradient descent give what the portable operators give. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { fusedBatchNorm, fusedBatchNormGradient } from "../../backends/webgpu/batch_norm.ts";
import { sgdInPlace } from "../../backends/webgpu/sgd.ts";
import { portableBatchNorm, portableBatchNormGradient } from "../../ops/portable_batch_norm.ts";
import { portableSgdStep } from "../../ops/sgd_step.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

/** Of the norm; both sides add float32 numbers in orders of their own. */
const TOLERANCE = 1e-5;

function random(shape: number[], name: string): tf.Tensor {
  return tf.tensor(normals(shape.reduce((a, b) => a * b, 1), 1, name), shape);
}

async function equal(actual: readonly tf.Tensor[], expected: readonly tf.Tensor[]): Promise<void> {
  assert.equal(actual.length, expected.length);
  for (const [k, tensor] of actual.entries()) {
    const [a, b] = await Promise.all([tensor.data(), expected[k]!.data()]) as [Float32Array, Float32Array];
    assert.deepEqual(tensor.shape, expected[k]!.shape);
    const error = relative(a, b);
    assert.ok(error <= TOLERANCE, `tensor ${k} is off by ${error}`);
  }
}

const SHAPES = [
  { shape: [1, 2, 3, 1], parts: [1] },
  { shape: [2, 5, 7, 33], parts: [1, 1] },
  { shape: [3, 20, 31, 64], parts: [1, 2] },
  { shape: [4, 3, 3, 70], parts: [2, 2] },
  { shape: [1, 60, 61, 3], parts: [1] },
] as const;

/** Registers the tests. */
export function testNormShaders(): void {
  for (const { shape, parts } of SHAPES) {
    for (const [relu, residual, given] of [[true, true, false], [true, false, false], [false, false, true]]) {
      const what = [relu ? "relu" : "", residual ? "residual" : "", given ? "given statistics" : ""].join(
        " ",
      );
      const name = `batch norm's shaders on ${shape.join("x")} in ${parts.length} parts ${what}`;
      backendTest("webgpu", name.trimEnd(), async () => {
        const sides = [...shape], channels = [sides[3]!];
        // Far from 0, so that a variance taken from plain sums of squares would be off.
        const x = tf.add(random(sides, "x"), 30) as tf.Tensor4D;
        const gamma = random(channels, "gamma") as tf.Tensor1D,
          beta = random(channels, "beta") as tf.Tensor1D;
        const mean = tf.add(random(channels, "mean"), 30) as tf.Tensor1D;
        const variance = tf.add(tf.square(random(channels, "variance")), 0.1) as tf.Tensor1D;
        const call = {
          x,
          gamma,
          beta,
          relu: relu!,
          epsilon: 1e-5,
          parts,
          ...(residual ? { residual: random(sides, "residual") as tf.Tensor4D } : {}),
          ...(given ? { given: { mean, variance } } : {}),
        };
        const [actual, expected] = [fusedBatchNorm(call), portableBatchNorm(call)];
        const flat = ({ y, statistics }: typeof actual) => [
          y,
          ...statistics.flatMap(({ mean, variance }) => [mean, variance]),
        ];
        await equal(flat(actual), flat(expected));
        const dy = random(sides, "dy") as tf.Tensor4D;
        const slope = {
          ...call,
          given: given!,
          residual: residual!,
          statistics: expected.statistics,
          ...(relu ? { y: expected.y } : {}),
        };
        const grads = [fusedBatchNormGradient(dy, slope), portableBatchNormGradient(dy, slope)].map((
          { dx, dGamma, dBeta, dResidual },
        ) => [dx, dGamma, dBeta, ...(dResidual ? [dResidual] : [])]);
        await equal(grads[0]!, grads[1]!);
      });
    }
  }

  backendTest("webgpu", "batch norm's shaders keep NaN through relu", async () => {
    const x = tf.tensor4d([NaN, 1, 2, 3], [1, 2, 2, 1]);
    const one = tf.tensor1d([1]), zero = tf.tensor1d([0]);
    const { y } = fusedBatchNorm({
      x,
      gamma: one,
      beta: zero,
      relu: true,
      epsilon: 0,
      parts: [1],
      given: { mean: zero, variance: one },
    });
    assert.deepEqual([...await y.data()], [NaN, 1, 2, 3]);
  });

  for (const momentum of [0.9, 0]) {
    backendTest(
      "webgpu",
      `gradient descent in place equals the portable one, momentum ${momentum}`,
      async () => {
        const steps = [sgdInPlace, portableSgdStep].map((step) => {
          const value = tf.variable(random([3, 50], "value"));
          const buffer = momentum > 0 ? tf.variable(tf.zeros([3, 50])) : undefined;
          for (const name of ["first", "second"]) {
            step({
              value,
              gradient: random([3, 50], name),
              ...(buffer ? { buffer } : {}),
              rate: 0.1,
              momentum,
              decay: 0.01,
            });
          }
          return [value, ...(buffer ? [buffer] : [])];
        });
        await equal(steps[0]!, steps[1]!);
      },
    );
  }

  backendTest("webgpu", "gradient descent leaves a copy of the weights as it was", async () => {
    const value = tf.variable(tf.tensor1d([1, 2]));
    const copy = tf.clone(value);
    sgdInPlace({ value, gradient: tf.tensor1d([1, 1]), rate: 1, momentum: 0, decay: 0 });
    assert.deepEqual([...await copy.data()], [1, 2]);
    assert.deepEqual([...await value.data()], [0, 1]);
  });

  backendTest("webgpu", "weights that were read once are read anew after the next step", async () => {
    const initial = tf.tensor1d([1, 2]);
    const value = tf.variable(initial);
    // Nobody else holds the values, so that the step works in place.
    initial.dispose();
    for (const expected of [[0, 1], [-1, 0], [-2, -1]]) {
      sgdInPlace({ value, gradient: tf.tensor1d([1, 1]), rate: 1, momentum: 0, decay: 0 });
      assert.deepEqual([...await value.data()], expected);
    }
  });

  backendTest(
    "webgpu",
    "gradient descent reaches the last of more weights than one row of workgroups",
    async () => {
      const count = 65535 * 128 + 3;
      const value = tf.variable(tf.ones([count]));
      sgdInPlace({ value, gradient: tf.ones([count]), rate: 1, momentum: 0, decay: 0 });
      assert.equal((await tf.sum(tf.abs(value)).data())[0], 0);
    },
  );
}
