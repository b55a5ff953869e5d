/** The opponent of terms that align outputs: a discriminator with an Adam of its own. */
import type * as tf from "@tensorflow/tfjs-core";
import { type ConfigPath, UserError } from "../core/errors.ts";
import type { OptimizerPlan, PluginLookup, Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { type Discriminator, discriminator } from "../ops/layers/discriminator.ts";

const CHANNELS = [64, 128, 256, 512, 1] as const;

/** What the owner is called. */
export const OPPONENT = "discriminator";

/**
 * Options of its Adam.
 * @param beta1 of the mean gradient, unless a recipe says otherwise
 * @param beta2 of the squared one
 */
export function adamOptions({ beta1, beta2 }: { readonly beta1: number; readonly beta2: number }) {
  return {
    lr: z.number().positive().default(1e-4).describe("the discriminator's Adam learning rate"),
    beta1: z.number().min(0).max(0.9999).default(beta1).describe("Adam's decay of the mean gradient"),
    beta2: z.number().min(0).max(0.9999).default(beta2).describe("Adam's decay of the squared gradient"),
  };
}

/** Options of every term with such an opponent. */
export const opponentOptions = {
  source_label: z.union([z.literal(0), z.literal(1)]).default(1)
    .describe("what the discriminator calls the source; the target is the other"),
  ...adamOptions({ beta1: 0.9, beta2: 0.99 }),
};

/** When an opponent is updated, unless a recipe says otherwise. */
export interface Turn {
  readonly when: "before" | "after";
  readonly every: number;
}

/** Options of its turn. */
export function turnOptions({ when, every }: Turn) {
  return {
    when: z.enum(["before", "after"]).default(when).describe(
      "before: ahead of the network, which meets it as it is by then; after: following it",
    ),
    every: z.int().min(1).default(every).describe("steps from one of its updates to the next"),
    first: z.int().min(0).default(0).describe("the step of its first update, counted from 0"),
  };
}

/** Adam with the term's numbers. */
export function opponentOptimizer(
  { lr, beta1, beta2 }: { readonly lr: number; readonly beta1: number; readonly beta2: number },
  at: ConfigPath,
  registry: PluginLookup,
): OptimizerPlan {
  return registry.plan("optimizer", { type: "adam", options: { lr, beta1, beta2 } }, at);
}

/**
 * The discriminator of Tsai et al. 2018 on maps with a channel per class.
 * @returns `judge` throws UserError when maps are smaller than it needs
 */
export function fcDiscriminator(setup: Setup): Pick<Discriminator, "params" | "judge"> {
  return sizedJudge(discriminator(setup, { input: setup.numClasses, channels: CHANNELS }), "five");
}

/**
 * The same, but `judge` throws UserError when maps are smaller than it needs.
 * @param halvings how often it halves them
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
