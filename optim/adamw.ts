import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { adamOptimizer } from "./adam.ts";

/**
 * Adam whose weight decay acts on the weights themselves (Loshchilov and Hutter 2019): w -= rate * decay * w,
 * then the step of Adam. In plain Adam, weights with large gradients would decay less than others.
 */
export const adamw = definePlugin({
  kind: "optimizer",
  name: "adamw",
  summary: "Adam with decoupled weight decay: weights shrink by rate * decay ahead of the step",
  source: "Loshchilov and Hutter 2019; torch.optim.AdamW",
  options: z.strictObject({
    lr: z.number().positive().default(6e-5).describe("learning rate before the schedule"),
    beta1: z.number().min(0).lt(1).default(0.9).describe("decay of the mean of gradients"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("decay of the mean of squared gradients"),
    epsilon: z.number().positive().default(1e-8).describe("added to the root of the second moment"),
    weight_decay: z.number().min(0).default(0.01).describe(
      "share of the weights that a step at rate 1 takes off; norms have none with groups: {norm: {decay: 0}}",
    ),
  }),
  plan: (options) => ({
    create: (params, setup) => adamOptimizer(params, setup, { ...options, decoupled: true }),
  }),
});
