import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Param, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { STUDENT } from "../core/term.ts";
import { cosineOf } from "../ops/discrepancy.ts";
import { furtherTapOption, logitsNeed, MAIN } from "./read_logits.ts";

/**
 * Keeps two heads from becoming one (Luo et al. 2019): 1 + cos(w1, w2), all weights and biases of a head
 * being one vector. The heads must be alike in their shapes.
 */
export const weightDiscrepancy = definePlugin({
  kind: "loss",
  name: "weight-discrepancy",
  summary: "keeps the weights of two heads apart: 1 + their cosine",
  source: "Luo et al. 2019",
  options: z.strictObject({ tap: furtherTapOption }),
  plan: ({ tap }, at) => ({
    // The source's view is made for its labels anyway; needing it refuses a head that is none when the recipe is read.
    needs: {
      views: [logitsNeed({ stream: "source", tap, resolution: "features" }, at)],
      parameters: [STUDENT],
    },
    create({ taps }: TermSetup) {
      const [first, second] = [tap, MAIN].map((name) => {
        const head = taps[name]?.head;
        if (head === undefined) throw new Error(`the model does not say which parameters make "${name}"`);
        return head;
      });
      return {
        compute(ctx) {
          const all = ctx.parameters(STUDENT);
          const [a, b] = [vectorOf(all, first!), vectorOf(all, second!)];
          if (a.size !== b.size) {
            throw new Error(
              `"${tap}" has ${a.size} weights and "${MAIN}" ${b.size}; expected heads of one shape, on one stage`,
            );
          }
          return { loss: tf.add(cosineOf(a, b), 1) as tf.Scalar };
        },
      };
    },
  }),
});

function vectorOf(params: readonly Param[], head: string): tf.Tensor1D {
  const own = params.filter(({ name }) => name.startsWith(head));
  if (own.length === 0) throw new Error(`the network has no parameter whose name begins with "${head}"`);
  return tf.concat(own.map(({ value }) => tf.reshape(value, [value.size]) as tf.Tensor1D));
}
