/**
 * Stochastic gradient descent with momentum, the optimiser of DeepLab and of PLCA. The step itself is a
 * kernel (`sgdStep`), so that a backend can do it in the variables' own memory.
 */
import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "../ops/kernels.ts";
import { definePlugin, type OptimizedParam, type Optimizer, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { zeroSlots } from "./slots.ts";

/** The options of {@linkcode sgdOptimizer}, before the factors of groups and of the schedule. */
export interface SgdOptions {
  readonly lr: number;
  /** In [0, 1); 0 keeps no buffer. */
  readonly momentum: number;
  /** Added to the gradient as `weight_decay * p`. */
  readonly weight_decay: number;
}

/** Stochastic gradient descent as PyTorch computes it: no dampening, no Nesterov. */
export const sgd = definePlugin({
  kind: "optimizer",
  name: "sgd",
  summary: "stochastic gradient descent with momentum; weight decay is added to the gradient",
  source: "torch.optim.SGD; Sutskever et al. 2013",
  options: z.strictObject({
    lr: z.number().positive().default(2.5e-4).describe("learning rate before the schedule"),
    momentum: z.number().min(0).lt(1).default(0.9).describe(
      "share of the last step's direction that is kept",
    ),
    weight_decay: z.number().min(0).default(5e-4).describe(
      "factor of the weights that is added to the gradient",
    ),
  }),
  plan: (options) => ({
    repeats: true,
    create: (params, setup) => sgdOptimizer(params, setup, options),
  }),
});

/**
 * g += decay * p; buffer = momentum * buffer + g; p -= rate * buffer. Buffers start at zero, so the first
 * step's buffer is g. Slot: `momentum`, of the parameter's shape; none if momentum is 0.
 *
 * A parameter with `repeats` goes through this so often in a step, and g keeps the decay that was added
 * before. So did PyTorch up to 1.4 with a parameter that stood in its list several times.
 * @param params aligned with the gradients that `apply` gets
 */
export function sgdOptimizer(
  params: readonly OptimizedParam[],
  setup: Pick<Setup, "variable">,
  { lr, momentum, weight_decay }: SgdOptions,
): Optimizer {
  const slots: Record<string, tf.Variable> = {};
  const buffers = momentum === 0 ? [] : zeroSlots(params, setup, { slot: "momentum", slots });
  return {
    rate: lr,
    slots,
    apply(grads, multiplier) {
      params.forEach(({ value, rate = 1, decay = 1, repeats = 1 }, k) => {
        const gradient = grads[k];
        if (!gradient) return;
        const buffer = buffers[k];
        const numbers = { rate: lr * multiplier * rate, momentum, decay: weight_decay * decay };
        const update = (gradient: tf.Tensor) =>
          kernels().sgdStep({ value, gradient, ...(buffer ? { buffer } : {}), ...numbers });
        let direction = gradient;
        for (let once = 1; once < repeats; once++) {
          const next = tf.tidy(() => tf.add(direction, tf.mul(value, numbers.decay)));
          update(direction);
          if (direction !== gradient) direction.dispose();
          direction = next;
        }
        update(direction);
        if (direction !== gradient) direction.dispose();
      });
    },
  };
}
