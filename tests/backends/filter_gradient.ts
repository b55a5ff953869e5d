/** The filter gradient as one matrix product, or one for each group of taps, is that of tap by tap. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { portable } from "../../ops/portable.ts";
import { filterGradientInGroups } from "../../backends/webgpu/filter_gradient.ts";
import { Random } from "../../core/random.ts";
import { backendTest, relative } from "../goldens.ts";

const CASES = [
  { side: [5, 7], filter: [1, 1, 3, 4], stride: 1, padding: 0, dilation: 1 },
  { side: [6, 5], filter: [1, 1, 3, 4], stride: 2, padding: 0, dilation: 1 },
  { side: [9, 6], filter: [3, 3, 2, 5], stride: 1, padding: 2, dilation: 2 },
  { side: [8, 11], filter: [7, 7, 3, 2], stride: 2, padding: 3, dilation: 1 },
  { side: [4, 4], filter: [3, 2, 1, 1], stride: 1, padding: 6, dilation: 6 },
] as const;

function random(shape: [number, number, number, number], name: string): tf.Tensor4D {
  const stream = Random.stream(1, name);
  return tf.tensor4d(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => stream.normal()),
    shape,
  );
}

/** Registers the tests. */
export function testFilterGradient(): void {
  for (const { side: [h, w], filter, ...window } of CASES) {
    const [fh, fw, input, output] = filter;
    const { stride, padding, dilation } = window;
    const out = (side: number, size: number) =>
      Math.floor((side + 2 * padding - dilation * (size - 1) - 1) / stride) + 1;
    const shape = [2, out(h, fh), out(w, fw), output] as [number, number, number, number];
    const tapBytes = 4 * 2 * shape[1] * shape[2] * input;
    for (const bytes of [1, 2.5 * tapBytes, 2 ** 20]) {
      const name = `${h} x ${w}, filter ${filter}, stride ${stride}, dilation ${dilation}`;
      backendTest("webgpu", `filter gradient of ${name} in groups of ${bytes} bytes`, async () => {
        const before = tf.memory().numTensors;
        const both = tf.tidy(() => {
          const x = random([2, h, w, input], "x"), dy = random(shape, "dy");
          return [filterGradientInGroups(bytes), portable.conv2dFilterGradient].map((compute) =>
            compute(dy, x, [...filter], window)
          );
        });
        const [ours, plain] = await Promise.all(both.map((x) => x.data()));
        tf.dispose(both);
        assert.equal(tf.memory().numTensors, before, "tensors leaked");
        const error = relative(ours!, plain!);
        assert.ok(error < 1e-5, `off by ${error}`);
      });
    }
  }
}
