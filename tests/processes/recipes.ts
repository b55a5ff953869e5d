/** Small trainings of which several processes must make what one makes. */

/**
 * Streets of a few pixels, a network of a few channels, and a rate at which no association changes by
 * rounding.
 */
const small = {
  extends: "street",
  backend: "native",
  baseline: null,
  data: {
    source: { width: 64, height: 40, count: 12 },
    target: { width: 64, height: 40, count: 12 },
    val: { width: 64, height: 40, count: 5 },
  },
  input: { crop: [24, 32], workers: 0 },
  model: { options: { layers: [1, 1, 1, 1], width: 0.125 } },
  optimizer: { options: { lr: 0.00002 } },
  training: { steps: 30, batch: 4, validate_every: 0, log_every: 1 },
};

const alone = { "lovasz-softmax": null, association: null, "label-smoothing": null };

/** By name. */
export const RECIPES: Readonly<Record<string, object>> = {
  plca: small,
  adaptseg: {
    ...small,
    // Less a discriminator cannot see.
    input: { ...small.input, crop: [32, 32] },
    model: { options: { ...small.model.options, heads: { auxiliary: "layer3" } } },
    losses: {
      ...alone,
      "cross-entropy-auxiliary": { type: "cross-entropy", weight: 0.1, options: { tap: "auxiliary" } },
      // One level: a discriminator takes most of the time.
      "adversarial-auxiliary": {
        type: "adversarial",
        weight: 0.001,
        // Adam makes steps of one size of gradients that are rounding alone.
        options: { tap: "auxiliary", lr: 0.00001 },
      },
    },
  },
  dacs: {
    ...small,
    networks: { teacher: { type: "ema", options: { decay: 0.99, buffers: "own" } } },
    streams: { mixed: { type: "class-mix", options: { threshold: 0.2 } } },
    losses: {
      ...alone,
      mixed: { type: "cross-entropy", options: { stream: "mixed", denominator: "all" } },
    },
  },
};

/** The recipe as a text that plca reads; JSON is YAML. @param more laid over it */
export function recipeText(name: string, more: object = {}): string {
  return JSON.stringify({ ...RECIPES[name]!, name, ...more });
}
