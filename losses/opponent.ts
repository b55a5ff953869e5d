/**
 * What terms with an opponent share. Such a term is a game: the opponent, a small network of the term's own,
 * learns to tell two kinds of maps apart (predictions on source and target, made and real images), and the
 * segmenter (or a maker of images) learns to be taken for the other kind.
 *
 * One step has two updates with two values. The term's value, `compute` of the term, is the error of taking
 * the wrong kind for the right one; its gradient passes through the opponent into the network, and leaves the
 * opponent as it is. The opponent's value, `compute` of its owner, is its error on both kinds with their true
 * labels. It gets the maps by `handoff`, detached: no gradient of it reaches the network. When the opponent
 * is at a loss, with binary cross-entropy each error is about ln 2 = 0.69. Near 0 it has won, and its
 * gradient tells the network little.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type ConfigPath, UserError } from "../core/errors.ts";
import type { OptimizerPlan, PluginLookup, Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { type Discriminator, discriminator } from "../ops/layers/discriminator.ts";

const CHANNELS = [64, 128, 256, 512, 1] as const;

/** The owner's name, and so the opponent's in events and checkpoints. */
export const OPPONENT = "discriminator";

/** The options of the opponent's Adam. @param beta1, beta2 the defaults of the decays */
export function adamOptions({ beta1, beta2 }: { readonly beta1: number; readonly beta2: number }) {
  return {
    lr: z.number().positive().default(1e-4).describe("the discriminator's Adam learning rate"),
    beta1: z.number().min(0).max(0.9999).default(beta1).describe("Adam's decay of the mean gradient"),
    beta2: z.number().min(0).max(0.9999).default(beta2).describe("Adam's decay of the squared gradient"),
  };
}

/** The options of every term whose opponent tells source from target. */
export const opponentOptions = {
  source_label: z.union([z.literal(0), z.literal(1)]).default(1)
    .describe("what the discriminator calls the source; the target is the other"),
  ...adamOptions({ beta1: 0.9, beta2: 0.99 }),
};

/**
 * The defaults of when an opponent is updated: ahead of the network or after it, and every how many steps.
 */
export interface Turn {
  readonly when: "before" | "after";
  readonly every: number;
}

/** The options of when the opponent is updated, with these defaults. */
export function turnOptions({ when, every }: Turn) {
  return {
    when: z.enum(["before", "after"]).default(when).describe(
      "before: ahead of the network, which meets it as it is by then; after: following it",
    ),
    every: z.int().min(1).default(every).describe("steps from one of its updates to the next"),
    first: z.int().min(0).default(0).describe("the step of its first update, counted from 0"),
  };
}

/** Plans Adam with the term's numbers. @param at where the recipe has the term's options */
export function opponentOptimizer(
  { lr, beta1, beta2 }: { readonly lr: number; readonly beta1: number; readonly beta2: number },
  at: ConfigPath,
  registry: PluginLookup,
): OptimizerPlan {
  return registry.plan("optimizer", { type: "adam", options: { lr, beta1, beta2 } }, at);
}

/**
 * The discriminator of Tsai et al. 2018 on maps with a channel for each class: channels 64, 128, 256, 512, 1,
 * so a score for each 32 x 32 pixels.
 * @returns `judge` throws UserError when maps are smaller than it needs
 */
export function fcDiscriminator(setup: Setup): Pick<Discriminator, "params" | "judge"> {
  return sizedJudge(discriminator(setup, { input: setup.numClasses, channels: CHANNELS }), "five");
}

/**
 * The same opponent, but `judge` throws UserError when maps have fewer rows or columns than it needs.
 * @param halvings how often it halves them, in words, for the error
 */
export function sizedJudge(
  { params, judge, smallest }: Discriminator,
  halvings: "four" | "five",
): Pick<Discriminator, "params" | "judge"> {
  return {
    params,
    judge(maps: tf.Tensor4D) {
      const [, height, width] = maps.shape;
      if (Math.min(height, width) < smallest) {
        throw new UserError(
          `the discriminator halves its input ${halvings} times: expected a crop of at least ${smallest} pixels, got ${height}x${width}`,
        );
      }
      return judge(maps);
    },
  };
}
