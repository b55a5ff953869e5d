/**
 * Adam (Kingma and Ba 2015), and AdamW by an option. Each weight gets a step of about the learning rate,
 * whatever the size of its gradient: the running mean m of the gradient over the root of the running mean v
 * of its square. Both begin at 0, and would be too small at first; dividing by 1 - b^t corrects that.
 * Everything the optimiser remembers lies in slots, variables that a checkpoint holds, the count of steps
 * among them, so a resumed run goes on bit for bit.
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type OptimizedParam, type Optimizer, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { zeroSlots } from "./slots.ts";

/** The options of {@linkcode adamOptimizer}, before the factors of groups and of the schedule. */
export interface AdamOptions {
  readonly lr: number;
  /** Decay of the running mean of gradients, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of squared gradients, in [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Factor of the weight decay; `decoupled` says where it acts. */
  readonly weight_decay: number;
  /**
   * True: `rate * weight_decay * p` is subtracted from the weights before the step (AdamW). Absent or false:
   * `weight_decay * p` is added to the gradient, and so passes through the division by the root (Adam).
   */
  readonly decoupled?: boolean;
}

/** Adam as PyTorch computes it. */
export const adam = definePlugin({
  kind: "optimizer",
  name: "adam",
  summary: "Adam with bias correction; weight decay is added to the gradient",
  source: "Kingma and Ba 2015; torch.optim.Adam",
  options: z.strictObject({
    lr: z.number().positive().default(1e-4).describe("learning rate before the schedule"),
    beta1: z.number().min(0).lt(1).default(0.9).describe("decay of the mean of gradients"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("decay of the mean of squared gradients"),
    epsilon: z.number().positive().default(1e-8).describe("added to the root of the second moment"),
    weight_decay: z.number().min(0).default(0).describe(
      "factor of the weights that is added to the gradient",
    ),
  }),
  plan: (options) => ({ create: (params, setup) => adamOptimizer(params, setup, options) }),
});

/**
 * m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) +
 * epsilon). Slots: `mean` and `square` of the parameter's shape, and `step` (t, a scalar, counted for each
 * parameter: one without a gradient in a step is left alone, its slots too).
 * @param params aligned with the gradients that `apply` gets
 */
export function adamOptimizer(
  params: readonly OptimizedParam[],
  setup: Pick<Setup, "variable">,
  { lr, beta1, beta2, epsilon, weight_decay, decoupled = false }: AdamOptions,
): Optimizer {
  const slots: Record<string, tf.Variable> = {};
  const means = zeroSlots(params, setup, { slot: "mean", slots });
  const squares = zeroSlots(params, setup, { slot: "square", slots });
  const steps = zeroSlots(params, setup, { slot: "step", slots, scalar: true });
  return {
    rate: lr,
    slots,
    apply(grads, multiplier) {
      params.forEach(({ value, rate: factor = 1, decay = 1 }, k) => {
        const grad = grads[k];
        if (!grad) return;
        const mean = means[k]!, square = squares[k]!, step = steps[k]!;
        tf.tidy(() => {
          const decayed = weight_decay * decay;
          const g = decayed === 0 || decoupled ? grad : tf.add(grad, tf.mul(value, decayed));
          step.assign(tf.add(step, 1));
          mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(g, 1 - beta1)));
          square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(g), 1 - beta2)));
          const root = tf.add(tf.sqrt(tf.div(square, correction(beta2, step))), epsilon);
          const rate = tf.div(lr * multiplier * factor, correction(beta1, step));
          const left = decoupled ? tf.mul(value, 1 - lr * multiplier * factor * decayed) : value;
          value.assign(tf.sub(left, tf.div(tf.mul(mean, rate), root)));
        });
      });
    },
  };
}

/**
 * 1 - beta^step, by expm1: for a beta near 1 and a small step the plain difference would lose digits. The
 * result is a tensor, because the step is read from the slot that a checkpoint restores.
 */
function correction(beta: number, step: tf.Tensor): tf.Tensor {
  return beta === 0 ? tf.onesLike(step) : tf.neg(tf.expm1(tf.mul(step, Math.log(beta))));
}
