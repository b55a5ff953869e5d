/**
 * The teacher of self-training methods. A network that learns from its own predictions drifts with its own
 * errors. A teacher that follows the student slowly averages over many steps, so its labels change little
 * from step to step and are a little better than the student's. Nothing trains it: after each step (or
 * before) its weights move towards the student's.
 */
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

const options = z.strictObject({
  decay: z.number().min(0).max(1).default(0.99)
    .describe("share of the teacher's own weights that stays in an update, once it has warmed up"),
  warm_up: z.boolean().default(true)
    .describe(
      "let min(1 - 1 / (step + warm_up_from), decay) stay instead, so that the first steps follow the student closely",
    ),
  warm_up_from: z.int().min(1).default(1).describe(
    "1: the first update copies the student; 2: half of the teacher's own weights stay in it, and so on",
  ),
  when: z.enum(["after", "before"]).default("after").describe(
    "after: it follows the student's update; before: it moves at the beginning of every step but the first",
  ),
  buffers: z.enum(["copied", "averaged", "own"]).default("copied").describe(
    "its running statistics: the student's, averaged like the weights, or those of its own passes",
  ),
  mode: z.enum(["train", "eval"]).default("train").describe(
    "train: its passes use the batch's statistics, if the model's policy is to use them; eval: the running ones",
  ),
});

type Options = z.output<typeof options>;

/**
 * A teacher whose weights are an exponential moving average of the student's (Tarvainen and Valpola 2017): w'
 * = a w' + (1 - a) w, where a = decay or, while warming up, min(1 - 1 / (step + f), decay), steps counted
 * from 0, f = `warm_up_from`. With decay 0.99 it averages over about 100 steps. It starts as a copy of the
 * student; no gradient flows through its views. It lies in checkpoints, so a resumed run has it.
 */
export const ema = definePlugin({
  kind: "network",
  name: "ema",
  summary: "a teacher: the moving average of the student's weights",
  source: "Tarvainen and Valpola 2017",
  options,
  plan: (given) => ({
    training: given.mode === "train",
    start: "student",
    changes: true,
    when: given.when,
    ownStatistics: given.buffers === "own",
    follow({ step }) {
      if (given.when === "before" && step === 0) return undefined;
      const stays = share(given, step);
      if (given.buffers === "own") return { parameters: stays };
      return { parameters: stays, buffers: given.buffers === "copied" ? 0 : stays };
    },
  }),
});

/** The share of the teacher's own weights that stays in this step. */
function share({ decay, warm_up, warm_up_from }: Options, step: number): number {
  return warm_up ? Math.min(1 - 1 / (step + warm_up_from), decay) : decay;
}
