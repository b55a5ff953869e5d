/** A convolution with bias and leaky ReLU is one operator; its numbers are those of three. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { conv2d } from "../../ops/conv2d.ts";
import { gradients } from "../../ops/gradients.ts";
import { backendTest } from "../goldens.ts";

const WINDOW = { stride: 2, padding: 1 } as const;

/** An image, a filter and a bias with numbers of both signs. */
function given(): { readonly x: tf.Tensor4D; readonly w: tf.Tensor4D; readonly bias: tf.Tensor1D } {
  return {
    x: tf.randomNormal([2, 9, 11, 3], 0, 1, "float32", 1) as tf.Tensor4D,
    w: tf.randomNormal([4, 4, 3, 6], 0, 1, "float32", 2) as tf.Tensor4D,
    bias: tf.randomNormal([6], 0, 1, "float32", 3) as tf.Tensor1D,
  };
}

for (const backend of ["native", "cpu"] as const) {
  backendTest(
    backend,
    `conv2d on ${backend}: bias and leak give what bias, then maximum(y, leak y), give`,
    () => {
      tf.tidy(() => {
        const { x, w, bias } = given();
        const fused = gradients(() => tf.sum(tf.square(conv2d(x, w, { ...WINDOW, bias, leak: 0.2 }))), [
          x,
          w,
          bias,
        ]);
        const plain = gradients(() => {
          const y = tf.add(conv2d(x, w, WINDOW), bias);
          return tf.sum(tf.square(tf.maximum(y, tf.mul(y, 0.2))));
        }, [x, w, bias]);
        const pairs = [
          [fused.value, plain.value],
          ...fused.grads.map((grad, k) => [grad!, plain.grads[k]!] as const),
        ];
        for (const [a, b] of pairs) {
          const scale = tf.max(tf.abs(b!)).dataSync()[0]!;
          const off = tf.max(tf.abs(tf.sub(a!, b!))).dataSync()[0]!;
          assert.ok(off <= 2e-6 * scale, `off by ${off} of ${scale}`);
        }
      });
      return Promise.resolve();
    },
  );
}

backendTest("native", "conv2d: NaN passes the leaky ReLU", () => {
  tf.tidy(() => {
    const { w, bias } = given();
    const y = conv2d(tf.fill([1, 4, 4, 3], NaN) as tf.Tensor4D, w, { ...WINDOW, bias, leak: 0.2 });
    assert.ok([...y.dataSync()].every(Number.isNaN));
  });
  return Promise.resolve();
});

backendTest("native", "conv2d: no images give no images, and zeros for the gradient of the bias", () => {
  tf.tidy(() => {
    const { w, bias } = given();
    const none = tf.zeros([0, 8, 8, 3]) as tf.Tensor4D;
    const { value, grads } = gradients(() => conv2d(none, w, { ...WINDOW, bias, leak: 0.2 }), [bias]);
    assert.deepEqual(value.shape, [0, 4, 4, 6]);
    assert.deepEqual([...grads[0]!.dataSync()], [0, 0, 0, 0, 0, 0]);
  });
  return Promise.resolve();
});

backendTest("native", "conv2d: a bias that is not trainable has a gradient of zeros", () => {
  tf.tidy(() => {
    const { x, w, bias } = given();
    const fixed = tf.variable(bias, false) as tf.Variable<tf.Rank.R1>;
    const { grads } = gradients(() => tf.sum(conv2d(x, w, { ...WINDOW, bias: fixed })), [w, fixed]);
    assert.ok(grads[0]!.dataSync().some((value) => value !== 0));
    assert.ok(grads[1]!.dataSync().every((value) => value === 0));
    fixed.dispose();
  });
  return Promise.resolve();
});
