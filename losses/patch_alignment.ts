import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { misjudged } from "../ops/discrimination.ts";
import { patchHead, patchJudge } from "../ops/layers/patch_networks.ts";
import { nearestCentres, type Patch, patchHistograms, patchMeans } from "../ops/patch_modes.ts";
import { clusterPatches, wholeGrid } from "./patch_clusters.ts";
import { OPPONENT, opponentOptimizer, opponentOptions } from "./opponent.ts";
import { logitsNeed, readLogits } from "./read_logits.ts";

const HEAD = "head";

const side = z.int().min(2).refine((pixels) => pixels % 2 === 0, {
  error: "expected an even number of pixels",
});

const options = z.strictObject({
  patch: z.tuple([side, side]).default([32, 64]).describe(
    "height and width of a patch, in pixels of the crop",
  ),
  clusters: z.int().min(2).max(1000).default(50).describe(
    "modes that patches of the source's labels fall into",
  ),
  width: z.int().min(1).max(1024).default(256).describe("channels inside of the head that tells modes"),
  adversarial: z.number().min(0).default(0.05).describe(
    "factor of the opponent's part, beside 1 for the cross-entropy of the modes",
  ),
  warmup: z.number().min(0).max(1).default(0).describe("share of the phase in which that factor is 0"),
  head_lr: z.number().positive().default(2.5e-3).describe("the head's SGD learning rate"),
  ...opponentOptions,
});

type Options = z.output<typeof options>;

/**
 * Alignment of patches (after Tsai et al. 2019, PatchAlign). Unofficial: they published no code, this is our
 * reading. The picture: a patch of a street scene is of some mode, such as road with a kerb or sky over
 * trees. The target's patches should fall into the modes that the source's have.
 *
 * Before the first step patches of the source's labels are clustered, by the shares of the classes in their
 * four quarters; the centres lie in a buffer. In a step, a head predicts the cluster of each patch from its
 * mean probabilities: on the source it learns the true one, by cross-entropy (part `modes`). An opponent
 * tells from these predictions which domain a patch is of, and the segmenter makes the target's look like the
 * source's (part `adversarial`). The head is trained jointly with the network, by an optimiser of its own.
 * Patches without a labelled pixel have no cluster.
 */
export const patchAlignment = definePlugin({
  kind: "loss",
  name: "patch-alignment",
  summary: "unofficial: the target's patches fall into the clusters of the source's labels",
  source: "after Tsai et al. 2019; unofficial",
  options,
  plan(given, at, registry) {
    const sgd = { lr: given.head_lr, momentum: 0.9, weight_decay: 5e-4 };
    const views = ["source", "target"].map((stream) =>
      logitsNeed({ stream, tap: "logits", resolution: "labels" }, at)
    );
    return {
      needs: { views: [{ ...views[0]!, labels: true }, views[1]!] },
      owners: [
        {
          name: HEAD,
          when: "joint",
          optimizer: registry.plan("optimizer", { type: "sgd", options: sgd }, at),
        },
        { name: OPPONENT, optimizer: opponentOptimizer(given, at, registry) },
      ],
      create: (setup) => term(setup, given),
    };
  },
});

/** Allocates the head, the opponent and the buffer of centres. */
function term(setup: TermSetup, given: Options): LossTerm {
  const { numClasses } = setup;
  const { patch, clusters, width, source_label: source } = given;
  const head = patchHead(setup, { input: numClasses, width, clusters });
  const opponent = patchJudge(setup, { input: clusters });
  const start = tf.zeros([clusters, 4 * numClasses]);
  const centres = setup.variable("centres", start, false) as tf.Variable<tf.Rank.R2>;
  start.dispose();
  const wrong = (maps: tf.Tensor, label: 0 | 1) =>
    tf.mean(misjudged(opponent.judge(maps as tf.Tensor4D), { label })) as tf.Scalar;
  return {
    buffers: { centres },
    hooks: {
      async begin(tools) {
        const clustered = await clusterPatches(tools, { patch, clusters, numClasses });
        tf.tidy(() => centres.assign(tf.tensor2d(clustered, [clusters, 4 * numClasses])));
      },
    },
    compute(ctx) {
      const { step, steps } = ctx;
      const [labelled, other] = ["source", "target"].map((stream) => {
        const p = tf.softmax(readLogits(ctx.view(stream), { tap: "logits", resolution: "labels" }));
        const grid = wholeGrid([p.shape[1], p.shape[2]], patch);
        return { modes: head.classify(patchMeans(p, grid, patch)), grid };
      });
      const [n] = labelled!.modes.shape;
      const assigned = modesOf(ctx.source.labels, { patch, numClasses, centres });
      const modes = crossEntropy(
        labelled!.modes,
        {
          labels: tf.reshape(assigned, [n, ...labelled!.grid]) as tf.Tensor3D,
        },
        "valid",
        ctx.world,
      );
      const [ofSource, target] = [labelled!, other!].map((one) => tf.softmax(one.modes));
      const adversarial = wrong(target!, source);
      const factor = step < given.warmup * steps ? 0 : given.adversarial;
      return {
        loss: tf.add(modes, tf.mul(adversarial, factor)),
        logs: { modes, adversarial },
        handoff: { source: ofSource!, target: target! },
      };
    },
    owners: {
      [HEAD]: { params: head.params },
      [OPPONENT]: {
        params: opponent.params,
        compute: (maps) => ({
          loss: tf.div(
            tf.add(wrong(maps["source"]!, source), wrong(maps["target"]!, source === 1 ? 0 : 1)),
            2,
          ),
        }),
      },
    },
  };
}

interface Modes {
  readonly patch: Patch;
  readonly numClasses: number;
  /** float32 [clusters, 4 numClasses] */
  readonly centres: tf.Tensor2D;
}

/**
 * The cluster of every patch, int32 [N, patches]; -1, which is no cluster, where no pixel of a patch is
 * labelled.
 */
function modesOf(labels: tf.Tensor3D, { patch, numClasses, centres }: Modes): tf.Tensor2D {
  return constant(() => {
    const histograms = patchHistograms(labels, patch, numClasses);
    const known = tf.cast(tf.greater(tf.sum(histograms, 2), 0), "int32");
    const nearest = tf.add(nearestCentres(histograms, centres), 1);
    return tf.cast(tf.sub(tf.mul(nearest, known), 1), "int32") as tf.Tensor2D;
  });
}
