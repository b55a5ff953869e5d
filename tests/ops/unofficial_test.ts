/** The recorded definitions of what SSF-DAN and PatchAlign did not publish. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import type { Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { classLosses, lossWeights, meanOfClasses, sureMasks } from "../../ops/class_reweighting.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { misjudged } from "../../ops/discrimination.ts";
import { kMeans } from "../../ops/k_means.ts";
import { patchHead, patchJudge } from "../../ops/layers/patch_networks.ts";
import { nearestCentres, type Patch, patchGrid, patchHistograms, patchMeans } from "../../ops/patch_modes.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { withGradients } from "../goldens.ts";
import { equalsRecorded, fillWith, type MethodCase, methodCase, methodCases, read } from "../methods.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";

interface UnofficialCase extends MethodCase {
  readonly threshold: number;
  readonly patch: Patch;
  readonly K: number;
}

function setupOf(numClasses: number): Setup {
  return { seed: 1, numClasses, variable: (_, initial) => tf.variable(initial) };
}

const CASES: Readonly<Record<string, (one: UnofficialCase) => Promise<void>>> = {
  async "ssfdan/reweighting"(one) {
    const masks = sureMasks(read(one, "probabilities") as tf.Tensor4D, one.threshold);
    await equalsRecorded(one, "masks", { actual: masks });
    // The record's scores are the channel sums of the masked features, in the place of a branch's.
    const losses = (features: tf.Tensor) => {
      const scores = tf.mul(tf.sum(features, 3, true), masks) as tf.Tensor4D;
      return classLosses(misjudged(scores, { label: 0 }), masks);
    };
    const each = losses(read(one, "features"));
    await equalsRecorded(one, "class_losses", { actual: each.losses });
    await equalsRecorded(one, "weights", { actual: lossWeights(each) });
    const { value, grads } = withGradients((features) => {
      const own = losses(features!);
      return meanOfClasses(own, lossWeights(own));
    }, [read(one, "features")]);
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gfeatures", { actual: grads[0]! });
  },
  async "patchalign/modes"(one) {
    const labels = read<tf.Tensor3D>(one, "labels");
    const [height, width] = labels.shape.slice(1) as [number, number];
    const centres = read<tf.Tensor2D>(one, "centres");
    // Of each of a patch's four cells the shares of the classes.
    const histograms = patchHistograms(labels, one.patch, centres.shape[1] / 4);
    await equalsRecorded(one, "histograms", { actual: histograms });
    const assigned = nearestCentres(histograms, centres);
    assert.deepEqual(await assigned.data(), await read(one, "assignment").data());
    const [rows, columns] = patchGrid([height, width], one.patch);
    assert.equal(rows * columns, one.tensors["assignment"]![1]);
  },
  async "patchalign/terms"(one) {
    const weights = one.formula_weights!;
    const [wide, classes] = weights["H"]!.shapes["0.weight"]!;
    const setup = setupOf(classes!);
    const head = patchHead(setup, { input: classes!, width: wide!, clusters: one.K });
    const opponent = patchJudge(setup, { input: one.K });
    for (const [key, { params }] of Object.entries({ H: head, D_l: opponent })) {
      fillWith(weights[key]!, params, (name) => name.replace(/^[a-z]+\./, ""));
    }
    const modesCase = methodCase<UnofficialCase>("patchalign/modes");
    const size = modesCase.tensors["labels"]!.slice(1) as [number, number];
    const grid = patchGrid(size, modesCase.patch);
    const cells = (z: tf.Tensor) => {
      const upsampled = resizeBilinear(z as tf.Tensor4D, size, { alignCorners: true });
      return patchMeans(tf.softmax(upsampled), grid, modesCase.patch);
    };
    const features = (z: tf.Tensor) => head.classify(cells(z));
    await equalsRecorded(one, "cells", { actual: cells(read(one, "z")) });
    await equalsRecorded(one, "features", { actual: features(read(one, "z")) });
    const labels = tf.reshape(read(modesCase, "assignment"), [-1, ...grid]) as tf.Tensor3D;
    const modes = withGradients((z) => crossEntropy(features(z!), { labels }), [read(one, "z")]);
    await equalsRecorded(one, "mode_loss", { actual: modes.value });
    await equalsRecorded(one, "gz_mode", { actual: modes.grads[0]! });
    const scores = (z: tf.Tensor) => opponent.judge(tf.softmax(features(z)));
    await equalsRecorded(one, "patch_out", { actual: scores(read(one, "z")) });
    const adversarial = withGradients((z) => tf.mean(misjudged(scores(z!), { label: 0 })), [read(one, "z")]);
    await equalsRecorded(one, "patch_adv", { actual: adversarial.value });
    await equalsRecorded(one, "gz_patch", { actual: adversarial.grads[0]! });
  },
};

for (
  const one of [...methodCases<UnofficialCase>("ssfdan/"), ...methodCases<UnofficialCase>("patchalign/")]
) {
  alsoOnTensorflow("native", `${one.name} equals the recorded values`, async () => {
    const check = CASES[one.name];
    assert.ok(check, `nothing checks ${one.name}`);
    await check(one);
  });
}

alsoOnTensorflow("native", "a class that no target pixel is sure of counts for nothing", async () => {
  const none = tf.zeros([1, 2, 2, 3]) as tf.Tensor4D;
  const each = classLosses(tf.ones([1, 2, 2, 3]), none);
  assert.deepEqual([...await meanOfClasses(each, lossWeights(each)).data()], [0]);
});

Deno.test("k-means finds what lies together, and says when there are fewer different points than clusters", () => {
  const points = [0, 0, 0.1, 0, 5, 5, 5.1, 5, 9, 0];
  const options = { clusters: 3, random: Random.stream(1, "clusters"), iterations: 100 };
  const centres = kMeans({ data: Float32Array.from(points), length: 2 }, options);
  const sorted = [0, 1, 2].map((k) =>
    [...centres.subarray(2 * k, 2 * k + 2)].map((one) => Math.round(20 * one) / 20)
  )
    .sort((a, b) => a[0]! - b[0]!);
  assert.deepEqual(sorted, [[0.05, 0], [5.05, 5], [9, 0]]);
  for (const [data, different] of [[[1, 1, 1, 1], 1], [[], 0]] as const) {
    assert.throws(
      () => kMeans({ data: Float32Array.from(data), length: 2 }, options),
      (error) =>
        error instanceof UserError &&
        error.message ===
          `there are ${different} different patches, expected at least 3, one for each cluster`,
    );
  }
});
