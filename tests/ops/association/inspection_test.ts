/** Looking into association and aggregation, held against the recorded values and against the losses' own counts. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { aggregate } from "../../../ops/association/aggregation.ts";
import { associationLoss } from "../../../ops/association/loss.ts";
import { cycleOutcome } from "../../../ops/association/outcome.ts";
import { associationCycles, similarityRow } from "../../../ops/association/inspection.ts";
import type { Similarity } from "../../../core/plugin.ts";
import { Registry } from "../../../core/registry.ts";
import { similarities } from "../../../losses/mod.ts";
import { backendTest, goldenTest, type Read, relative } from "../../goldens.ts";

const registry = new Registry(similarities);
const IGNORE = 255;

function similarity(name: string): Similarity {
  return registry.plan("similarity", name);
}

/** A recorded case as one image pair after the other. */
function pairsOf(read: Read, { kl, aggregated }: { kl: boolean; aggregated: boolean }) {
  const how = similarity(kl ? "negative-kl" : "cosine");
  const prepare = (key: string) => {
    const x = read(key) as tf.Tensor4D;
    const [n, height, width, channels] = x.shape;
    return tf.reshape(kl ? tf.softmax(x) : x, [n, height * width, channels]) as tf.Tensor3D;
  };
  const source = prepare("source"), own = prepare("target");
  const target = aggregated ? aggregate(own, { similarity: how, alpha: 0.5, contrast: !kl }) : own;
  const [n, pixels] = source.shape;
  const labels = tf.reshape(read("labels"), [n, pixels]) as tf.Tensor2D;
  const { associated } = associationLoss([source, target], labels, {
    similarity: how,
    contrast: true,
    objective: "contrastive",
    ignoreLabel: IGNORE,
  });
  const images = (x: tf.Tensor3D) => tf.split(x, n) as tf.Tensor3D[];
  const [sources, targets, ids] = [images(source), images(target), labels.arraySync()];
  return {
    how,
    n,
    share: associated.dataSync()[0]!,
    pairs: sources.map((one, k) => ({ source: one, target: targets[k]!, labels: ids[k]! })),
  };
}

for (const kl of [false, true]) {
  for (const aggregated of [false, true]) {
    const name = `loss/association_${kl ? "kl" : "cos"}${aggregated ? "_sagg" : ""}`;
    goldenTest("native", name, (read) => {
      const { how, n, share, pairs } = pairsOf(read, { kl, aggregated });
      const found = pairs.map(({ source, target, labels }) => {
        const { forward, back, similarity } = associationCycles([source, target], how);
        const outcome = Array.from(
          back,
          (end, start) => cycleOutcome([labels[start]!, labels[end]!], IGNORE),
        );
        return { forward, back, similarity, consistent: outcome.map((one) => Number(one === "consistent")) };
      });
      const all = found.flatMap(({ consistent }) => consistent);
      assert.ok(Math.abs(all.reduce((a, b) => a + b) / all.length - share) < 1e-6, "as the loss counts");
      const stacked = (rows: ArrayLike<number>[], dtype: "int32" | "float32") =>
        tf.tensor(rows.map((row) => Array.from(row)), undefined, dtype);
      const [, height, width] = read("source").shape;
      return {
        j_star: stacked(found.map(({ forward }) => forward), "int32"),
        i_star: stacked(found.map(({ back }) => back), "int32"),
        associated: tf.tensor(all, [n, height!, width!]),
      };
    });
  }
}

goldenTest("native", "inference/aggregate", (read) => {
  for (
    const [key, name, contrast] of [["features", "cosine", true], ["probs", "negative-kl", false]] as const
  ) {
    const x = read(key) as tf.Tensor4D;
    const [, height, width, channels] = x.shape;
    const pixels = tf.reshape(tf.slice(x, 0, 1), [1, height * width, channels]) as tf.Tensor3D;
    const recorded = tf.reshape(tf.slice(read(key === "probs" ? "probs_out" : "features_out"), 0, 1), [
      -1,
      channels,
    ]);
    for (const row of [0, 7, height * width - 1]) {
      const { weights } = similarityRow([pixels, pixels], { row, similarity: similarity(name), contrast });
      const mixed = tf.matMul(tf.tensor2d(weights, [1, weights.length]), tf.squeeze(pixels, [0]));
      const own = tf.slice(tf.squeeze(pixels, [0]), [row, 0], [1, channels]);
      const result = tf.add(tf.mul(own, 0.5), tf.mul(mixed, 0.5));
      const expected = tf.slice(recorded, [row, 0], [1, channels]);
      const error = relative(result.dataSync(), expected.dataSync());
      assert.ok(error < 1e-4, `${name}, pixel ${row}: off by ${error}`);
    }
  }
  return {};
});

for (const name of similarities.map((plugin) => plugin.name)) {
  backendTest("native", `${name}: a row is what the matrix has there, and its softmax`, () => {
    const before = tf.memory().numTensors;
    const how = similarity(name);
    const pixels = (seed: number, count: number) => {
      const x = tf.randomNormal([1, count, 5], 0, 1, "float32", seed);
      return (how.accepts === "simplex" ? tf.softmax(x) : x) as tf.Tensor3D;
    };
    tf.tidy(() => {
      const a = pixels(1, 11), b = pixels(2, 600);
      const d = how.pairwise(a, b).arraySync()[0]!;
      for (const contrast of [false, true]) {
        for (const row of [0, 10]) {
          const found = similarityRow([a, b], { row, similarity: how, contrast });
          const own = d[row]!;
          const mean = own.reduce((sum, value) => sum + value) / own.length;
          const deviation = Math.sqrt(
            own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (own.length - 1),
          );
          const z = own.map((value) => contrast ? (value - mean) / (deviation + 1e-10) : value);
          const powers = z.map((value) => Math.exp(value - Math.max(...z)));
          const total = powers.reduce((sum, value) => sum + value);
          assert.ok(relative(found.similarities, own) < 1e-5);
          assert.ok(relative(found.normalised, z) < 1e-4);
          assert.ok(relative(found.weights, powers.map((power) => power / total)) < 1e-4);
        }
      }
    });
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
    return Promise.resolve();
  });
}
