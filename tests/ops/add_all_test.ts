/** Sums of more tensors than a GPU has bindings for. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { addAll } from "../../ops/add_all.ts";
import { inspectBackends } from "../../backends/select.ts";
import type { BackendName } from "../../core/plan.ts";
import { clipGradients, gradientNorm } from "../../train/clip.ts";
import { backendTest } from "../goldens.ts";

const COUNT = 40;

function testSums(backend: BackendName): void {
  backendTest(
    backend,
    `${COUNT} tensors are added, and the norm of ${COUNT} gradients is theirs`,
    async () => {
      const tensors = () => Array.from({ length: COUNT }, (_, k) => tf.tensor1d([k, 1]));
      const before = tf.memory().numTensors;
      const { sum, norm, clipped } = tf.tidy(() => ({
        sum: addAll(tensors()),
        norm: gradientNorm(tensors()),
        clipped: clipGradients(tensors(), 1).at(-1)!,
      }));
      assert.deepEqual([...await sum.data()], [COUNT * (COUNT - 1) / 2, COUNT]);
      // Squares of 0 to 39, and 40 ones.
      const expected = Math.sqrt(39 * 40 * 79 / 6 + 40);
      const [found] = await norm.data();
      assert.ok(Math.abs(found! - expected) < 1e-3 * expected, `${found} instead of ${expected}`);
      const [largest] = await clipped.data();
      assert.ok(Math.abs(largest! - 39 / expected) < 1e-4, `${largest} instead of ${39 / expected}`);
      tf.dispose([sum, norm, clipped]);
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
    },
  );
}

testSums("wasm");
const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
if (webgpu.available) testSums("webgpu");
else Deno.test.ignore(`webgpu: sums of many tensors (${webgpu.detail})`, () => {});
