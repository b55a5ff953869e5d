/** Bilinear resizing with aligned corners against recorded values; half-pixel centres are among the kernels' own tests. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { resizeBilinear, resizedRows } from "../../ops/resize_bilinear.ts";
import { backendTest, nhwc, readGolden, readGoldenJson, relative, withGradients } from "../goldens.ts";

interface Recorded {
  readonly name: string;
  readonly method: string;
  readonly align_corners?: boolean;
  readonly size: readonly [number, number];
}

const cases = readGoldenJson<Recorded[]>("methods.json")
  .filter(({ method, align_corners }) => method === "operator" && align_corners);
const { tensors } = readGolden("methods.safetensors");
const read = (key: string) => nhwc(tensors.get(key)!) as tf.Tensor4D;

for (const backend of ["native", "wasm", "cpu"] as const) {
  for (const { name, size } of cases) {
    backendTest(backend, `${name} equals the recorded values, with its gradient`, async () => {
      const before = tf.memory().numTensors;
      const found = tf.tidy(() => {
        const resize = (x: tf.Tensor) => resizeBilinear(x as tf.Tensor4D, size, { alignCorners: true });
        const { value, grads: [gradient] } = withGradients(resize, [read(`${name}/x`)], read(`${name}/gy`));
        return { y: value, gx: gradient! };
      });
      for (const [key, value] of Object.entries(found)) {
        const expected = read(`${name}/${key}`);
        assert.deepEqual(value.shape, expected.shape);
        const error = relative(await value.data(), await expected.data());
        assert.ok(error <= 1e-4, `${key}: off by ${error}`);
        tf.dispose([value, expected]);
      }
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
    });
  }
}

backendTest("native", "rows of a grid resized with aligned corners are the rows of the whole", () => {
  assert.equal(cases.length, 2);
  const sizes = [[9, 13, 33, 51], [9, 13, 5, 4], [1, 1, 5, 4], [4, 3, 1, 1], [5, 4, 5, 4]] as const;
  for (const [height, width, tall, wide] of sizes) {
    const data = Float32Array.from({ length: height * width }, (_, k) => Math.sin(k));
    tf.tidy(() => {
      const x = tf.tensor4d(data, [1, height, width, 1]);
      const whole = resizeBilinear(x, [tall, wide], { alignCorners: true }).dataSync();
      for (let first = 0; first < tall; first++) {
        const rows = { first, count: Math.min(3, tall - first) };
        const grid = { height, width, channels: 1, data };
        const part = resizedRows(grid, [tall, wide], { rows, alignCorners: true }).dataSync();
        part.forEach((value, k) => assert.ok(Math.abs(value - whole[first * wide + k]!) < 1e-6));
      }
      // The corners are the corners.
      if (tall > 1) assert.ok(Math.abs(whole.at(-1)! - data.at(-1)!) < 1e-6);
    });
  }
  return Promise.resolve();
});

backendTest("native", "aligned corners are another rule than half-pixel centres", () => {
  tf.tidy(() => {
    const x = tf.tensor4d([0, 1, 2, 3], [1, 1, 4, 1]);
    const at = (alignCorners: boolean) => [...resizeBilinear(x, [1, 7], { alignCorners }).dataSync()];
    assert.deepEqual(at(true), [0, 0.5, 1, 1.5, 2, 2.5, 3]);
    assert.notDeepEqual(at(false), at(true));
  });
  return Promise.resolve();
});
