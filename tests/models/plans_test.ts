/** What networks say of themselves before a weight exists, and the small parts that they are built of. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { classifier } from "../../models/classifier.ts";
import { lightHead } from "../../models/light_head.ts";
import { models } from "../../models/mod.ts";
import { resnetChannels, resnetTaps } from "../../models/resnet.ts";
import { blocksOf } from "../../models/resnet_options.ts";
import { defaultDeviation } from "../../models/vision_transformer.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";
import { looseLayers } from "../mit.ts";

const registry = new Registry(models);

function planOf(type: string, options: object = {}) {
  return registry.plan("model", { type, options });
}

/** Channels and stride of the taps, by name. */
function sizes(type: string, options: object, classes = 5): Record<string, [number, number]> {
  return Object.fromEntries(
    Object.entries(planOf(type, options).taps(classes)).map((
      [name, { channels, stride }],
    ) => [name, [channels, stride]]),
  );
}

Deno.test("resnetChannels, resnetTaps: four times the inner channels, rounded down, and a stem of twice as many if it is deep", () => {
  assert.deepEqual(resnetChannels({ width: 1, stem: "single" }), [64, 256, 512, 1024, 2048]);
  assert.deepEqual(resnetChannels({ width: 1, stem: "deep" }), [128, 256, 512, 1024, 2048]);
  assert.deepEqual(resnetChannels({ width: 0.07, stem: "deep" }), [8, 16, 32, 68, 140]);
  const taps = resnetTaps({ width: 0.5, stem: "single" });
  assert.deepEqual(Object.entries(taps).map(([name, { channels, stride }]) => [name, channels, stride]), [
    ["stem", 32, 2],
    ["pool", 32, 4],
    ["layer1", 128, 4],
    ["layer2", 256, 8],
    ["layer3", 512, 8],
    ["layer4", 1024, 8],
  ]);
  assert.deepEqual([blocksOf("resnet50"), blocksOf("resnet101"), blocksOf([1, 2, 3, 4])], [
    [3, 4, 6, 3],
    [3, 4, 23, 3],
    [1, 2, 3, 4],
  ]);
});

Deno.test("deeplab-v2 and pspnet: logits and probabilities of each class, the features that are classified, groups without norms if these are fixed", () => {
  const deeplab = sizes("deeplab-v2", { width: 0.25, heads: { early: "layer3" } });
  assert.deepEqual([deeplab["logits"], deeplab["probabilities"], deeplab["early"]], [[5, 8], [5, 8], [5, 8]]);
  const pyramid = sizes("pspnet", { width: 0.25 });
  assert.deepEqual([pyramid["pyramid"], pyramid["auxiliary"], pyramid["stem"]], [[128, 8], [5, 8], [32, 2]]);
  assert.deepEqual([planOf("deeplab-v2").featureTap, planOf("pspnet").featureTap], ["layer4", "pyramid"]);
  assert.deepEqual(planOf("pspnet", { batch_norm: "affine-frozen" }).groups, [
    "backbone/stem",
    "backbone/block",
    "backbone/downsample",
    "head",
  ]);
  assert.equal(planOf("pspnet").groups!.length, 8);
});

Deno.test("mit: sizes, heads and widths by preset; numbers that are given replace the preset's", () => {
  const widths = ["b0", "b1", "b2", "b5"].map((size) => sizes("mit", { size })["fused"]);
  assert.deepEqual(widths, [[256, 4], [256, 4], [768, 4], [768, 4]]);
  assert.deepEqual(sizes("mit", { size: "b5", head: "daformer" })["fused"], [256, 4]);
  assert.deepEqual(sizes("mit", { size: "b2", head_width: 12 })["fused"], [12, 4]);
  const named = sizes("mit", { size: "b2", dims: [8, 16, 40, 64] });
  assert.deepEqual([named["stage1"], named["stage2"], named["stage3"], named["stage4"]], [
    [8, 4],
    [16, 8],
    [40, 16],
    [64, 32],
  ]);
  const deeplab = planOf("mit", { head: "deeplab-v2" });
  assert.deepEqual([deeplab.featureTap, deeplab.taps(5)["logits"]!.stride, deeplab.transformers], [
    "stage4",
    32,
    undefined,
  ]);
  assert.ok(!("fused" in deeplab.taps(5)));
  const heads = ["segformer", "daformer", "deeplab-v2"].map((head) =>
    planOf("mit", { head }).taps(5)["logits"]!.head
  );
  assert.deepEqual(heads, ["decode_head.linear_pred.", "decode_head.conv_seg.", "decode_head."]);
});

Deno.test("dinov2: a tap for each block, strides in pixels of the image, four times finer behind the light head", () => {
  const small = { size: { width: 8, blocks: 2, heads: 2 }, patch: 12, image_scale: 1.5 };
  assert.deepEqual(sizes("dinov2", small), {
    block0: [8, 8],
    block1: [8, 8],
    decoded: [2, 2],
    logits: [5, 2],
    probabilities: [5, 2],
  });
  const plain = { ...small, head: "deeplab-v2" };
  assert.deepEqual(sizes("dinov2", plain), {
    block0: [8, 8],
    block1: [8, 8],
    logits: [5, 8],
    probabilities: [5, 8],
  });
  assert.deepEqual([planOf("dinov2", small).featureTap, planOf("dinov2", plain).featureTap], [
    "decoded",
    "block1",
  ]);
  assert.deepEqual([planOf("dinov2", small).groups!.at(-1), planOf("dinov2", plain).groups!.at(-1)], [
    "head/norm",
    "head",
  ]);
  assert.equal(planOf("dinov2").hides, true);
});

Deno.test("vgg19: taps of the channels that are given, whatever the classes", () => {
  assert.deepEqual(sizes("vgg19", { channels: [1, 2, 3, 4, 5] }), {
    relu1_1: [1, 1],
    relu2_1: [2, 2],
    relu3_1: [3, 4],
    relu4_1: [4, 8],
    relu5_1: [5, 16],
  });
  assert.ok(!registry.get("model", "vgg19", []).options.safeParse({ channels: [1, 2, 3, 4] }).success);
});

Deno.test("defaultDeviation is that of PyTorch's uniform default, 1 / sqrt(fan in) wide to either side", () => {
  for (const inputs of [1, 27, 588]) {
    const bound = 1 / Math.sqrt(inputs);
    assert.ok(Math.abs(defaultDeviation(inputs) - bound / Math.sqrt(3)) < 1e-12);
  }
});

backendTest(
  "cpu",
  "classifier: the sum of its dilated convolutions, of the map's size; small weights, a bias each if asked for",
  () => {
    tf.tidy(() => {
      const x = tf.tensor4d(normals(5 * 6 * 4, 1, "x"), [1, 5, 6, 4]);
      const shape = { prefix: "c.", rates: [1, 3], bias: true, part: "second" };
      const layers = looseLayers(), classify = classifier(layers, shape, [4, 3]);
      assert.deepEqual(layers.params.map(({ name, group, value }) => [name, group, value.shape]), [
        ["c.convs.0.0.weight", "head/second", [3, 3, 4, 3]],
        ["c.convs.0.0.bias", "head/second", [3]],
        ["c.convs.1.0.weight", "head/second", [3, 3, 4, 3]],
        ["c.convs.1.0.bias", "head/second", [3]],
      ]);
      const filters = [0, 2].map((k) => layers.params[k]!.value as tf.Tensor as tf.Tensor4D);
      const all = filters.flatMap((filter) => [...filter.dataSync()]);
      const deviation = Math.sqrt(all.reduce((sum, value) => sum + value ** 2, 0) / all.length);
      assert.ok(Math.abs(deviation / 0.01 - 1) < 0.2, `${deviation}`);
      const expected = tf.add(
        tf.conv2d(x, filters[0]!, 1, "same"),
        tf.conv2d(x, filters[1]!, 1, "same", "NHWC", 3),
      );
      assert.ok(relative(classify(x).dataSync(), expected.dataSync()) < 1e-5);
      layers.params[3]!.value.assign(tf.tensor1d([1, 2, 3]));
      const shifted = tf.sub(classify(x), expected).dataSync();
      assert.ok(shifted.every((value, k) => Math.abs(value - (k % 3 + 1)) < 1e-5));
    });
    return Promise.resolve();
  },
);

backendTest(
  "cpu",
  "lightHead: four times the sides and a quarter of the channels, normed at every pixel, no bias but the norms'",
  () => {
    tf.tidy(() => {
      const layers = looseLayers(), head = lightHead(layers, { width: 16, classes: 3, epsilon: 1e-6 });
      const decoded = head.decode(tf.tensor4d(normals(2 * 3 * 2 * 16, 1, "x"), [2, 3, 2, 16]));
      assert.deepEqual([decoded.shape, head.classify(decoded).shape], [[2, 12, 8, 4], [2, 12, 8, 3]]);
      const { mean, variance } = tf.moments(decoded, 3);
      assert.ok(mean.dataSync().every((value) => Math.abs(value) < 1e-4));
      assert.ok(variance.dataSync().every((value) => Math.abs(value - 1) < 0.05));
      assert.deepEqual(layers.params.filter(({ name }) => name.endsWith("bias")).map(({ name }) => name), [
        "upscale.1.bias",
        "upscale.4.bias",
        "upscale.6.bias",
      ]);
      assert.ok(
        layers.params.every(({ name, group }) => group === (/\.(1|4|6)\./.test(name) ? "head/norm" : "head")),
      );
    });
    return Promise.resolve();
  },
);
