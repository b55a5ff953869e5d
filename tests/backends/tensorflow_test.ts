/** The recorded cases on TensorFlow, and what only it does. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { aggregate } from "../../ops/association/aggregation.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { tensorflowKernels } from "../../backends/tensorflow/kernels.ts";
import { nodeBackend, run } from "../../backends/tensorflow/operator.ts";
import { tensorflowRows } from "../../backends/tensorflow/rows.ts";
import { UserError } from "../../core/errors.ts";
import type { Similarity } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { similarities } from "../../losses/mod.ts";
import { tensorflowIsInstalled, tensorflowTest } from "../tensorflow.ts";
import { denseAggregate, denseAssociation } from "../ops/association/dense.ts";
import { testDeviceStreaming } from "./device_streaming.ts";
import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

if (tensorflowIsInstalled) {
  testOperators("tensorflow");
  testLosses("tensorflow");
}

/** Both passes of association with aggregation, both sides with `count` pixels. */
function associate(similarity: Similarity, count: number, dense: boolean): void {
  const mix = dense ? denseAggregate : aggregate, relate = dense ? denseAssociation : associationLoss;
  const options = { similarity, contrast: true, objective: "contrastive" as const, ignoreLabel: 255 };
  tf.tidy(() => {
    const pixels = (seed: number) =>
      tf.softmax(tf.randomNormal([1, count, 16], 0, 1, "float32", seed)) as tf.Tensor3D;
    const labels = tf.zeros([1, count], "int32") as tf.Tensor2D;
    tf.grads((s, t) => {
      const mixed = mix(t as tf.Tensor3D, { similarity, alpha: 0.5, contrast: true });
      return relate([s as tf.Tensor3D, mixed], labels, options).loss;
    })([pixels(1), pixels(2)]);
  });
}

for (const { name } of similarities) {
  tensorflowTest(`${name}: twice the pixels need twice the memory, not four times`, async () => {
    const registry = new Registry([...similarities]);
    const similarity = registry.plan("similarity", name);
    replaceKernels("tensorflow", {
      ...tensorflowKernels(),
      deviceRows: { ...tensorflowRows, blockRows: () => 32 },
    });
    const peak = async (count: number, dense: boolean) => {
      const { peakBytes } = await tf.profile(() => {
        associate(similarity, count, dense);
        return tf.scalar(0);
      });
      return peakBytes;
    };
    const streamed = await peak(800, false) / await peak(400, false);
    const whole = await peak(800, true) / await peak(400, true);
    assert.ok(streamed < 2.2, `streamed: ${streamed} times`);
    // The measure would see it.
    assert.ok(whole > 3.5, `whole matrices: ${whole} times`);
  });
}

tensorflowTest("TensorFlow holds no tensor that we have freed", () => {
  const registry = new Registry([...similarities]);
  const similarity = registry.plan("similarity", "cosine");
  const held = () => nodeBackend().binding.getNumOfTensors();
  associate(similarity, 50, false);
  const before = held();
  associate(similarity, 50, false);
  assert.equal(held(), before);
  const x = tf.add(tf.ones([3]), 1);
  assert.ok(held() > before);
  x.dispose();
  return Promise.resolve();
});

tensorflowTest("what TensorFlow refuses is an error that names the operator and the shapes", () => {
  tf.tidy(() => {
    const types = { T: "float32" } as const, inputs = [tf.zeros([2, 2]), tf.zeros([3, 3])];
    assert.throws(() => run("MatMul", inputs, { attributes: { types } }), {
      name: "Error",
      message: "TensorFlow's MatMul of [2, 2], [3, 3]: Matrix size-incompatible: In[0]: [2,2], In[1]: [3,3]",
    });
    assert.throws(() => tf.fill([2 ** 20, 2 ** 20], 1), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^no memory for TensorFlow's Fill of \[2\], \[\]: OOM when allocating tensor with shape\[1048576,1048576\] .*; lower input\.crop or training\.batch, or set model\.options\.checkpointing: true; /,
      );
      return true;
    });
    // It goes on after both.
    assert.deepEqual([...tf.add(tf.ones([2]), 1).dataSync()], [2, 2]);
  });
  return Promise.resolve();
});

tensorflowTest(
  "the package's kernels that fail elsewhere are mended, and free nothing of their caller's",
  () => {
    tf.tidy(() => {
      const whole = tf.tensor1d([0, 1], "int32"), flags = tf.tensor1d([false, true], "bool");
      assert.ok(Math.abs(tf.exp(whole).dataSync()[1]! - Math.E) < 1e-6);
      assert.deepEqual([...whole.dataSync()], [0, 1]);
      assert.equal(tf.argMax(flags).dataSync()[0], 1);
      assert.equal(tf.argMin(flags).dataSync()[0], 0);
      assert.deepEqual([...tf.prelu(tf.tensor1d([-4, 3]), tf.tensor1d([0.5, 2])).dataSync()], [-2, 3]);
    });
    return Promise.resolve();
  },
);

tensorflowTest("convolution and pooling with padding in pixels equal those of a padded image", () => {
  tf.tidy(() => {
    // Below zero, so that padding with zeros would be a maximum.
    const x = tf.sub(tf.randomUniform([1, 5, 6, 2], 0, 1, "float32", 1), 2) as tf.Tensor4D;
    const filter = tf.randomNormal([3, 3, 2, 3], 0, 1, "float32", 2) as tf.Tensor4D;
    const wide = (image: tf.Tensor, value: number) =>
      tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], value) as tf.Tensor4D;
    const equal = (actual: readonly tf.Tensor[], expected: readonly tf.Tensor[]) =>
      actual.forEach((tensor, k) => {
        assert.deepEqual(tensor.shape, expected[k]!.shape);
        const error = tf.max(tf.abs(tf.sub(tensor, expected[k]!))).dataSync()[0]!;
        assert.ok(error < 1e-4, `${k}: off by ${error}`);
      });
    const convolved = (pad: number | "valid") =>
      tf.grads((a, f) => tf.conv2d((pad === 1 ? a : wide(a!, 0)) as tf.Tensor4D, f as tf.Tensor4D, 2, pad))([
        x,
        filter,
      ]);
    equal(convolved(1), convolved("valid"));
    equal([tf.maxPool(x, 3, 2, 1)], [tf.maxPool(wide(x, -9), 3, 2, "valid")]);
    const pooled = (pad: number | "valid") =>
      tf.grad((a) => tf.maxPool((pad === 1 ? a : wide(a, -9)) as tf.Tensor4D, 3, 2, pad))(x);
    equal([pooled(1)], [pooled("valid")]);
  });
  return Promise.resolve();
});

if (tensorflowIsInstalled) {
  // Last: it leaves the operators of a device behind.
  testDeviceStreaming("tensorflow", (rows) => ({ ...tensorflowRows, blockRows: () => rows }), 30);
}
