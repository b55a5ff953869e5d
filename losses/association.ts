import * as tf from "@tensorflow/tfjs-core";
import { associationLoss } from "../ops/association/loss.ts";
import { type AssociationLevel, contrastByDefault, levelPixels } from "../ops/association/level.ts";
import { associationMeasures } from "../ops/association/measures.ts";
import { nearestLabels } from "../ops/nearest.ts";
import type { ConfigPath } from "../core/errors.ts";
import {
  definePlugin,
  type LossOutput,
  type MeasureContext,
  type PluginLookup,
  type StepContext,
} from "../core/plugin.ts";
import { choiceName, pluginChoice } from "../core/plugin_choice.ts";
import { z } from "../core/schema.ts";

const level = z.strictObject({
  tap: z.string().describe("where in the network pixels are compared, e.g. layer4 or probabilities"),
  similarity: pluginChoice("similarity").describe("how pixels are compared"),
  weight: z.number().min(0).default(1).describe("factor of this level in the sum over levels"),
});

const aggregation = z.strictObject({
  alpha: z.number().min(0).max(1).default(0.5).describe("share of the aggregated value, Eq. 7"),
  contrast: z.boolean().optional().describe(
    "contrast-normalise the aggregation's similarities; absent: as the similarity's published use has it",
  ),
});

const options = z.strictObject({
  levels: z.array(level).min(1).default([
    { tap: "layer4", similarity: "cosine", weight: 1 },
    { tap: "probabilities", similarity: "negative-kl", weight: 1 },
  ]).describe("the sum of the loss over these levels is the term"),
  contrast: z.boolean().default(true).describe("contrast-normalise the similarities, Eq. 5-6"),
  aggregation: z.union([aggregation, z.literal(false)]).default({ alpha: 0.5 })
    .describe("spatial aggregation of the target before associating, Eq. 7-8; false: none"),
  objective: z.enum(["contrastive", "direct"]).default("contrastive")
    .describe("contrastive: Eq. 4 and 10; direct: only raise the similarity of associated pairs (Sim-PLCA)"),
});

type Options = z.output<typeof options>;

interface Level extends AssociationLevel {
  readonly weight: number;
}

/**
 * The association loss on any list of levels (Kang et al. 2020, Eq. 1-10 and 12). At a level, source pixels
 * and the target pixels that they are cycle-consistent with are drawn together against all other pixels; the
 * levels' losses are added by weight. ops/association/README.md says how to think of it.
 *
 * The k-th source image is paired with the k-th target image. The loss of a level is the mean over the
 * associated pixels of the batch, 0 when there are none. As in the published code, mean and deviation of the
 * contrast normalisation carry no gradient, aggregated features do not enter the classifier, and the second
 * factor uses the returned pixel i*.
 *
 * Logged by level label (the tap, `tap#2` if it is listed again): the loss, and the share of source pixels
 * that are associated; in diagnostics the measures of ops/association/measures.ts as well.
 */
export const association = definePlugin({
  kind: "loss",
  name: "association",
  summary: "pixel-level cycle association between source and target, on any list of levels",
  source: "Kang et al. 2020, Eq. 1-10 and 12",
  options,
  plan(given, at, registry) {
    const levels = planLevels(given, [...at, "levels"], registry);
    return {
      needs: {
        taps: levels.map(({ tap, similarity }, k) => ({
          name: tap,
          space: similarity.accepts,
          at: [...at, "levels", k, "tap"],
        })),
      },
      exhibits: levels,
      create: () => ({
        compute: (ctx) => sumOfLevels(ctx, levels, given),
        measure: (ctx) => measures(ctx, levels),
      }),
    };
  },
});

/** The levels with their similarities planned and unique labels. */
function planLevels(
  { levels, contrast, aggregation }: Options,
  at: ConfigPath,
  registry: PluginLookup,
): Level[] {
  const labels = new Map<string, number>();
  return levels.map(({ tap, similarity: choice, weight }, k) => {
    const path = [...at, k, "similarity"];
    const seen = (labels.get(tap) ?? 0) + 1;
    labels.set(tap, seen);
    const similarity = registry.plan("similarity", choice, path);
    return {
      kind: "association",
      tap,
      weight,
      label: seen === 1 ? tap : `${tap}#${seen}`,
      similarity,
      similarityName: choiceName(choice),
      contrast,
      ...(aggregation === false ? {} : {
        aggregation: {
          alpha: aggregation.alpha,
          contrast: aggregation.contrast ?? contrastByDefault(similarity),
        },
      }),
    };
  });
}

/** The weighted sum of the levels' losses, with what is logged of each. */
function sumOfLevels(ctx: StepContext, levels: readonly Level[], given: Options): LossOutput {
  const logs: Record<string, tf.Scalar> = {};
  const losses = levels.map((one) => {
    const { loss, associated } = levelLoss(ctx, one, given);
    logs[one.label] = loss;
    logs[`${one.label} associated`] = associated;
    return tf.mul(loss, one.weight) as tf.Scalar;
  });
  return { loss: losses.reduce((a, b) => tf.add(a, b)), logs };
}

/** The loss of one level, between the source's and the target's tap. */
function levelLoss(
  { source, target, ignoreLabel, world }: StepContext,
  level: Level,
  { objective }: Options,
) {
  const { tap, similarity, contrast } = level;
  const { from, candidates, labels } = levelPixels(
    { source: source.taps[tap]!, target: target!.taps[tap]!, labels: source.labels },
    level,
  );
  return associationLoss([from, candidates], labels, { similarity, contrast, objective, ignoreLabel, world });
}

/** The measures of every level; how much is right only if the recipe lets the target's labels be read. */
function measures(ctx: MeasureContext, levels: readonly Level[]): Record<string, tf.Scalar> {
  const { source, target, ignoreLabel } = ctx;
  const hidden = ctx.hiddenLabels("target");
  return Object.fromEntries(levels.flatMap((level) => {
    const tap = target!.taps[level.tap]!;
    const [n, height, width] = tap.shape;
    const targetLabels = hidden &&
      tf.reshape(nearestLabels(hidden, [height, width]), [n, height * width]) as tf.Tensor2D;
    const pixels = levelPixels(
      { source: source.taps[level.tap]!, target: tap, labels: source.labels },
      level,
    );
    const levelMeasures = associationMeasures({ ...pixels, targetLabels }, {
      similarity: level.similarity,
      ignoreLabel,
    });
    return Object.entries(levelMeasures).map(([name, value]) => [`${level.label} ${name}`, value]);
  }));
}
