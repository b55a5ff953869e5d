/** The recorded loss cases, through the built-in plugins, on whichever backend a test file selects. */
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../../ops/association/aggregation.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import type { LossTerm, Similarity, StepContext, View } from "../../core/plugin.ts";
import type { BackendName } from "../../core/plan.ts";
import { Registry } from "../../core/registry.ts";
import { losses, similarities } from "../../losses/mod.ts";
import { contextOf } from "../contexts.ts";
import { goldenTest, withGradients } from "../goldens.ts";
import { findCycles } from "../ops/association/dense.ts";

const registry = new Registry([...losses, ...similarities]);
const IGNORE = 255;

function similarity(name: string): Similarity {
  return registry.plan("similarity", name);
}

/** A term of the recorded cases, which need no network: taps come from the record. */
function term(name: string, options: unknown = {}): LossTerm {
  return registry.plan("loss", { type: name, options }).create({
    seed: 0,
    numClasses: 19,
    alignCorners: false,
    classes: [],
    taps: {},
    variable: (id, initial, trainable) => tf.variable(initial, trainable ?? true, id),
  });
}

/** Registers one test per recorded loss on `backend`. */
export function testLosses(backend: BackendName): void {
  for (
    const [name, plugin] of [["crossEntropy", "cross-entropy"], ["lovaszSoftmax", "lovasz-softmax"]] as const
  ) {
    goldenTest(backend, `loss/${name}`, (read) => {
      const labels = read("labels") as tf.Tensor3D;
      const { value, grads } = withGradients(
        (z) => term(plugin).compute(context({ z: z as tf.Tensor4D, labels })).loss,
        [read("logits")],
      );
      return { loss: value, glogits: grads[0]! };
    });
  }

  goldenTest(backend, "loss/lsr", (read) => {
    const { value, grads } = withGradients(
      (s, t) =>
        term("label-smoothing").compute(context({ z: s as tf.Tensor4D, target: t as tf.Tensor4D })).loss,
      [read("logitsS"), read("logitsT")],
    );
    return { loss: value, glogitsS: grads[0]!, glogitsT: grads[1]! };
  });

  for (const metric of ["cos", "kl"] as const) {
    for (const aggregated of [true, false]) {
      testAssociation(backend, metric, aggregated);
    }
  }

  goldenTest(backend, "inference/aggregate", (read) => {
    const run = (key: string, name: string, contrast: boolean) => {
      const x = read(key) as tf.Tensor4D;
      const mixed = aggregate(pixels(x), { similarity: similarity(name), alpha: 0.5, contrast });
      return tf.reshape(mixed, x.shape);
    };
    return {
      features_out: run("features", "cosine", true),
      probs_out: run("probs", "negative-kl", false),
    };
  });

  goldenTest(backend, "loss/full", (read) => {
    const labels = read("labels") as tf.Tensor3D;
    const terms: [string, number, LossTerm][] = [
      ["ce", 1, term("cross-entropy")],
      ["lovasz", 0.75, term("lovasz-softmax")],
      ["fass", 0.1, term("association", { levels: [{ tap: "layer4", similarity: "cosine" }] })],
      ["cass", 0.1, term("association", { levels: [{ tap: "probabilities", similarity: "negative-kl" }] })],
      ["lsr", 0.01, term("label-smoothing")],
    ];
    const results: Record<string, tf.Tensor> = {};
    const { value, grads } = withGradients(
      (fs, ft, zs, zt) => {
        const at = (truth: tf.Tensor3D) =>
          context({
            z: zs as tf.Tensor4D,
            target: zt as tf.Tensor4D,
            features: [fs as tf.Tensor4D, ft as tf.Tensor4D],
            labels: truth,
          });
        // The record's small labels are not its large ones resized; the large ones were made from them.
        const large = at(labels), small = at(read("labels_small") as tf.Tensor3D);
        const parts = terms.map(([key, weight, one]) => {
          const { loss } = one.compute(key === "fass" || key === "cass" ? small : large);
          // The gradient scope frees what it does not return.
          results[key] = tf.keep(tf.clone(loss));
          return tf.mul(loss, weight);
        });
        return tf.addN(parts);
      },
      [read("featuresS"), read("featuresT"), read("logitsS"), read("logitsT")],
    );
    const [gfeaturesS, gfeaturesT, glogitsS, glogitsT] = grads as tf.Tensor[];
    return {
      ...results,
      total: value,
      gfeaturesS: gfeaturesS!,
      gfeaturesT: gfeaturesT!,
      glogitsS: glogitsS!,
      glogitsT: glogitsT!,
    };
  });
}

function testAssociation(backend: BackendName, metric: "cos" | "kl", aggregated: boolean): void {
  goldenTest(backend, `loss/association_${metric}${aggregated ? "_sagg" : ""}`, (read) => {
    const how = similarity(metric === "cos" ? "cosine" : "negative-kl");
    const prepare = (x: tf.Tensor) => pixels((metric === "cos" ? x : tf.softmax(x)) as tf.Tensor4D);
    const mix = (x: tf.Tensor3D) =>
      aggregated ? aggregate(x, { similarity: how, alpha: 0.5, contrast: metric === "cos" }) : x;
    const source = read("source") as tf.Tensor4D, target = read("target") as tf.Tensor4D;
    const [n, height, width] = source.shape;
    const labels = tf.reshape(read("labels"), [n, height * width]) as tf.Tensor2D;
    const { value, grads } = withGradients(
      (s, t) =>
        associationLoss([prepare(s), mix(prepare(t))], labels, {
          similarity: how,
          contrast: true,
          objective: "contrastive",
          ignoreLabel: IGNORE,
        }).loss,
      [source, target],
    );
    const s = prepare(source), t = mix(prepare(target));
    const cycles = findCycles(how.pairwise(s, t), how.pairwise(t, s), { labels, ignoreLabel: IGNORE });
    return {
      loss: value,
      gsource: grads[0]!,
      gtarget: grads[1]!,
      aggregated: tf.reshape(t, target.shape),
      j_star: cycles.forward,
      i_star: cycles.back,
      associated: tf.reshape(cycles.associated, [n, height, width]),
    };
  });
}

interface Parts {
  readonly z: tf.Tensor4D;
  readonly labels?: tf.Tensor3D;
  readonly target?: tf.Tensor4D;
  readonly features?: readonly [tf.Tensor4D, tf.Tensor4D];
}

function context({ z, labels, target, features }: Parts): StepContext {
  const [n, height, width] = z.shape;
  const truth = labels ?? tf.zeros([n, height, width], "int32") as tf.Tensor3D;
  const view = (logits: tf.Tensor4D, layer4?: tf.Tensor4D): View => ({
    logits,
    taps: { logits, probabilities: tf.softmax(logits), ...(layer4 ? { layer4 } : {}) },
  });
  return contextOf({
    source: {
      ...view(z, features?.[0]),
      labels: truth,
      upsampled: resizeBilinear(z, [truth.shape[1], truth.shape[2]]),
    },
    ...(target ? { target: view(target, features?.[1]) } : {}),
  });
}

function pixels(x: tf.Tensor4D): tf.Tensor3D {
  const [n, height, width, channels] = x.shape;
  return tf.reshape(x, [n, height * width, channels]);
}
