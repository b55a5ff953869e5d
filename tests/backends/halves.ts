/** Maps that are kept in 16 bits: what they lose, what gradients lose by it, and that nothing else changes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { halves } from "../../backends/webgpu/halves.ts";
import { selectBackend } from "../../backends/select.ts";
import { webgpuKernels } from "../../backends/webgpu/kernels.ts";
import { batchNorm } from "../../ops/batch_norm.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { gradients } from "../../ops/gradients.ts";
import { kernels, replaceKernels } from "../../ops/kernels.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, goldenCases, goldenTest, relative } from "../goldens.ts";
import { peakBytesOf } from "./device_watch.ts";
import { type Case, OPERATORS } from "./operators.ts";

/**
 * Of the norm, for recorded operators. A number of 16 bits is off by 2^-12 of itself on average and 2^-11 at
 * most; a sum over pixels adds some to that.
 */
const TOLERANCE = 2e-3;

/** Keeps every map in 16 bits, however small. */
function keepHalves(): void {
  replaceKernels("webgpu", { ...webgpuKernels(undefined, true), shrinking: { ...halves, least: 1 } });
}

function random(shape: number[], name: string): tf.Tensor {
  return tf.tensor(normals(shape.reduce((a, b) => a * b, 1), 1, name), shape);
}

/** Gradients of two convolutions with a norm each and a shortcut, as in a block of a ResNet. */
async function blockGradients(): Promise<{ value: Float32Array; grads: Float32Array[] }> {
  const before = tf.memory().numTensors;
  const x = random([2, 9, 9, 8], "x") as tf.Tensor4D;
  const variable = (shape: number[], name: string) => {
    const initial = random(shape, name), made = tf.variable(initial);
    initial.dispose();
    return made;
  };
  const weights = [
    ...["a", "b"].map((name) => variable([3, 3, 8, 8], name)),
    ...["gamma", "beta"].map((name) => variable([8], name)),
  ];
  const [first, second, gamma, beta] = weights as [
    tf.Variable<tf.Rank.R4>,
    tf.Variable<tf.Rank.R4>,
    tf.Variable<tf.Rank.R1>,
    tf.Variable<tf.Rank.R1>,
  ];
  const { value, grads } = gradients(() => {
    const norm = (map: tf.Tensor4D, residual?: tf.Tensor4D) =>
      batchNorm(map, { gamma, beta }, { epsilon: 1e-5, relu: true, ...(residual ? { residual } : {}) });
    const y = norm(conv2d(x, first, { padding: 1 }));
    return tf.sum(tf.square(norm(conv2d(y, second, { padding: 1 }), x))) as tf.Scalar;
  }, [x, ...weights]);
  const read = async (tensor: tf.Tensor) => await tensor.data() as Float32Array;
  const result = { value: await read(value), grads: await Promise.all(grads.map((grad) => read(grad!))) };
  tf.dispose([x, ...weights, value, ...grads.map((grad) => grad!)]);
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  return result;
}

/** Registers the tests. */
export function testHalves(): void {
  backendTest("webgpu", "a map in 16 bits: eleven digits, nothing infinite, NaN stays", async () => {
    const values = [1, -2.5, 1 + 2 ** -10, 1 + 2 ** -12, 70000, -Infinity, 2 ** -24, 2 ** -26, NaN];
    const x = tf.tensor1d(values);
    const small = halves.shrink(x);
    assert.deepEqual([small.dtype, small.shape], ["int32", [5]]);
    const back = halves.restore(small, [3, 3]);
    assert.deepEqual(back.shape, [3, 3]);
    const expected = [1, -2.5, 1 + 2 ** -10, 1, 65504, -65504, 2 ** -24, 0, NaN];
    assert.deepEqual([...await back.data()], expected);
    tf.dispose([x, small, back]);
  });

  backendTest(
    "webgpu",
    "gradients of maps in 16 bits are off by their rounding, values are not",
    async () => {
      const full = await blockGradients();
      keepHalves();
      const half = await blockGradients();
      assert.deepEqual(half.value, full.value);
      half.grads.forEach((grad, k) => {
        const error = relative(grad, full.grads[k]!);
        assert.ok(error > 1e-6 && error < TOLERANCE, `gradient ${k} is off by ${error}`);
      });
    },
  );

  backendTest("webgpu", "labels that were cast to float32 are kept in 16 bits as well", async () => {
    const labels = tf.tensor1d([1, 0, 18], "int32");
    const cast = tf.cast(labels, "float32"), small = halves.shrink(cast), back = halves.restore(small, [3]);
    assert.deepEqual([...await back.data()], [1, 0, 18]);
    tf.dispose([labels, cast, small, back]);
  });

  backendTest("webgpu", "what is kept in 16 bits takes less memory", async () => {
    const x = random([1, 64, 64, 16], "x") as tf.Tensor4D, filter = random([3, 3, 16, 16], "filter");
    const weight = tf.variable(filter) as tf.Variable<tf.Rank.R4>;
    const gamma = tf.ones([16]) as tf.Tensor1D, beta = tf.zeros([16]) as tf.Tensor1D;
    const block = (map: tf.Tensor4D) =>
      tf.tidy(() =>
        batchNorm(conv2d(map, weight, { padding: 1 }), { gamma, beta }, { epsilon: 1e-5, relu: true })
      );
    const chain = () =>
      gradients(() => {
        let map = x;
        for (let k = 0; k < 10; k++) {
          const next = block(map);
          if (map !== x) map.dispose();
          map = next;
        }
        return tf.sum(map) as tf.Scalar;
      }, [weight]);
    const peak = (half: boolean) => {
      replaceKernels("webgpu", webgpuKernels(undefined, half));
      return peakBytesOf(() => {
        const { value, grads } = chain();
        tf.dispose([value, ...grads.map((grad) => grad!)]);
      });
    };
    const share = await peak(true) / await peak(false);
    assert.ok(share < 0.75, `${share} of the memory`);
    tf.dispose([x, filter, weight, gamma, beta]);
  });

  backendTest(
    "webgpu",
    "the precision of a recipe is that of the kernels, until another is chosen",
    async () => {
      await selectBackend("webgpu", { precision: "half" });
      assert.equal(kernels().shrinking, halves);
      await selectBackend("webgpu");
      assert.equal(kernels().shrinking, undefined);
    },
  );

  for (const one of goldenCases<Case>()) {
    const run = OPERATORS[one.op];
    if (run === undefined) continue;
    goldenTest("webgpu", one.name, (read) => {
      keepHalves();
      return run(one, read);
    }, { how: ` to ${TOLERANCE}, kept in 16 bits`, tolerance: TOLERANCE });
  }
}
