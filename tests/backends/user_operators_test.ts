/** Gradients of tfjs's own operators, as a user's loss or model calls them, by central differences on every heap backend. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { backendTest } from "../goldens.ts";

/** A function of one tensor, and where its gradient is looked at. */
interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly f: (x: tf.Tensor) => tf.Tensor;
}

const drawn = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
const image = () => drawn([2, 7, 6, 3], 1) as tf.Tensor4D;
const four = (x: tf.Tensor) => x as tf.Tensor4D;

const CASES: readonly Case[] = [
  {
    name: "tf.conv2d, filter, same, stride 2",
    shape: [3, 3, 3, 4],
    f: (w) => tf.conv2d(image(), four(w), 2, "same"),
  },
  {
    name: "tf.conv2d, filter, valid",
    shape: [2, 3, 3, 2],
    f: (w) => tf.conv2d(image(), four(w), 1, "valid"),
  },
  {
    name: "tf.conv2d, image, same, stride 2",
    shape: [1, 7, 6, 3],
    f: (x) => tf.conv2d(four(x), drawn([3, 3, 3, 4], 2) as tf.Tensor4D, 2, "same"),
  },
  {
    name: "tf.depthwiseConv2d, filter, two outputs a channel",
    shape: [3, 3, 3, 2],
    f: (w) => tf.depthwiseConv2d(image(), four(w), 2, "same"),
  },
  {
    name: "tf.depthwiseConv2d, image, two outputs a channel",
    shape: [1, 7, 6, 3],
    f: (x) => tf.depthwiseConv2d(four(x), drawn([3, 3, 3, 2], 3) as tf.Tensor4D, 1, "same"),
  },
  {
    name: "tf.gather, rows that come twice or never",
    shape: [5, 2, 3],
    f: (x) => tf.gather(x, tf.tensor1d([4, 0, 4, 2], "int32")),
  },
  { name: "tf.avgPool", shape: [1, 7, 6, 3], f: (x) => tf.avgPool(four(x), 3, 2, "valid") },
  { name: "tf.maxPool", shape: [1, 7, 6, 3], f: (x) => tf.maxPool(four(x), 3, 2, "same") },
];

const STEP = 1e-2;

for (const backend of ["wasm", "native"] as const) {
  for (const { name, shape, f } of CASES) {
    backendTest(backend, `a gradient of ${name}`, async () => {
      const before = tf.memory().numTensors;
      const x = drawn([...shape], 5);
      // Weighted, so that every output counts differently.
      const loss = (at: tf.Tensor) =>
        tf.tidy(() => {
          const y = f(at);
          return tf.sum(tf.mul(y, drawn(y.shape, 7)));
        }) as tf.Scalar;
      const slope = tf.grad(loss)(x);
      const found = await slope.data(), values = await x.data();
      for (let k = 0; k < values.length; k += 5) {
        const [up, down] = [STEP, -STEP].map((by) => {
          const moved = Float32Array.from(values);
          moved[k]! += by;
          return tf.tidy(() => loss(tf.tensor(moved, x.shape)).dataSync()[0]!);
        });
        const expected = (up! - down!) / (2 * STEP);
        assert.ok(
          Math.abs(found[k]! - expected) < 2e-2,
          `${name} at ${k}: ${found[k]}, expected ${expected}`,
        );
      }
      tf.dispose([x, slope]);
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
    });
  }
}
