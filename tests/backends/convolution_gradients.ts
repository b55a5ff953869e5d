/** The gradients of convolutions, by shaders and matrix products, are those of the portable operators. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { portable } from "../../ops/portable.ts";
import { inputGradient } from "../../backends/webgpu/input_gradient.ts";
import type { Shape4D } from "../../ops/kernel_types.ts";
import { outputSide } from "../../ops/taps.ts";
import { filterGradientInGroups } from "../../backends/webgpu/filter_gradient.ts";
import { Random } from "../../core/random.ts";
import { backendTest, relative } from "../goldens.ts";

const CASES = [
  { side: [5, 7], filter: [1, 1, 3, 4], stride: 1, padding: 0, dilation: 1 },
  { side: [6, 5], filter: [1, 1, 3, 4], stride: 2, padding: 0, dilation: 1 },
  { side: [9, 6], filter: [3, 3, 2, 5], stride: 1, padding: 2, dilation: 2 },
  { side: [8, 11], filter: [7, 7, 3, 2], stride: 2, padding: 3, dilation: 1 },
  // Only for the filter: TensorFlow.js's own convolution fails with filters of one channel and so much dilation.
  { side: [4, 4], filter: [3, 2, 1, 1], stride: 1, padding: 6, dilation: 6 },
] as const;

function random(shape: Shape4D, name: string): tf.Tensor4D {
  const stream = Random.stream(1, name);
  return tf.tensor4d(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => stream.normal()),
    shape,
  );
}

/** Registers the tests. */
export function testConvolutionGradients(): void {
  for (const { side: [h, w], filter, ...window } of CASES) {
    const [fh, fw, input, output] = filter;
    const { stride, dilation } = window;
    const shape: Shape4D = [2, outputSide(h, fh, window), outputSide(w, fw, window), output];
    const name = `${h} x ${w}, filter ${filter}, stride ${stride}, dilation ${dilation}`;
    if (input > 1) {
      backendTest("webgpu", `input gradient of ${name}`, () =>
        agree(() => {
          const filters = random([...filter], "filter"), dy = random(shape, "dy");
          return [inputGradient(2 ** 27), portable.conv2dInputGradient].map((compute) =>
            compute(dy, filters, [2, h, w, input], window)
          );
        }));
    }
    const tapBytes = 4 * 2 * shape[1] * shape[2] * input;
    for (const bytes of [1, 2.5 * tapBytes, 2 ** 20]) {
      backendTest("webgpu", `filter gradient of ${name} in groups of ${bytes} bytes`, () =>
        agree(() => {
          const x = random([2, h, w, input], "x"), dy = random(shape, "dy");
          return [filterGradientInGroups(bytes), portable.conv2dFilterGradient].map((compute) =>
            compute(dy, x, [...filter], window)
          );
        }));
    }
  }
}

/** Fails where the two differ, or where tensors are left. */
async function agree(compute: () => tf.Tensor[]): Promise<void> {
  const before = tf.memory().numTensors;
  const both = tf.tidy(compute);
  const [ours, plain] = await Promise.all(both.map((x) => x.data()));
  tf.dispose(both);
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  const error = relative(ours!, plain!);
  assert.ok(error < 1e-5, `off by ${error}`);
}
