/** Vectors of length 1: directions are kept, and gradients have no part along them. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { inverseNorms, SMALLEST_NORM, unitVectors } from "../../ops/unit.ts";
import { checkGradient, normals } from "../contracts/differences.ts";
import { backendTest, withGradients } from "../goldens.ts";

for (const backend of ["cpu", "native", "wasm"] as const) {
  backendTest(
    backend,
    "unitVectors: every vector has length 1, and a zero vector stays zero with no gradient",
    () => {
      tf.tidy(() => {
        const x = tf.tensor3d([3, 4, 0, 0, -0.001, 0, 1e4, 1e4], [1, 4, 2]);
        const { value, grads } = withGradients((y) => unitVectors(y as tf.Tensor3D), [x], tf.ones([1, 4, 2]));
        const half = Math.SQRT1_2;
        [0.6, 0.8, 0, 0, -1, 0, half, half].forEach((one, k) =>
          assert.ok(Math.abs(value.dataSync()[k]! - one) < 1e-6)
        );
        const slopes = grads[0]!.dataSync();
        assert.deepEqual([slopes[2], slopes[3]], [0, 0]);
        // The slope 1, 1 lies along the last vector, whose length alone it would change.
        assert.ok(Math.abs(slopes[6]!) < 1e-8 && Math.abs(slopes[7]!) < 1e-8);
      });
      return Promise.resolve();
    },
  );

  backendTest(backend, "unitVectors: gradients are slopes, and at a right angle to their vectors", () => {
    tf.tidy(() => {
      const at = normals(2 * 3 * 5, 1, "unit"), by = tf.tensor3d(normals(at.length, 2, "by"), [2, 3, 5]);
      const x = tf.tensor3d(at, [2, 3, 5]);
      const { grads } = withGradients((y) => unitVectors(y as tf.Tensor3D), [x], by);
      const along = tf.sum(tf.mul(grads[0]!, x), 2).dataSync();
      assert.ok(along.every((one) => Math.abs(one) < 1e-5), `${along}`);
      checkGradient("unit vectors", {
        at,
        gradient: grads[0]!.dataSync(),
        f: (values) =>
          tf.tidy(() => tf.sum(tf.mul(unitVectors(tf.tensor3d(values, [2, 3, 5])), by)).dataSync()[0]!),
      });
    });
    return Promise.resolve();
  });
}

backendTest(
  "cpu",
  "inverseNorms: one number for each vector, 0 for zero vectors, and bounded for tiny ones",
  () => {
    tf.tidy(() => {
      const found = inverseNorms(tf.tensor2d([[3, 4], [0, 0], [1e-13, 0]]));
      assert.deepEqual(found.shape, [3, 1]);
      const [first, zero, tiny] = found.dataSync();
      assert.ok(Math.abs(first! - 0.2) < 1e-7);
      assert.equal(zero, 0);
      assert.ok(Math.abs(tiny! * SMALLEST_NORM - 1) < 1e-5, `${tiny}`);
    });
    return Promise.resolve();
  },
);
