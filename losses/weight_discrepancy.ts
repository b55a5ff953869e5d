import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Param, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { STUDENT } from "../core/term.ts";
import { cosineOf } from "../ops/discrepancy.ts";
import { furtherTapOption, logitsNeed, MAIN } from "./read_logits.ts";

/**
 * Keeps two heads from learning the same weights (Luo et al. 2019): 1 + cos(w1, w2), in [0, 2], where w1 and
 * w2 are all weights and biases of a head as one vector. A recipe uses it beside `local-adversarial`, which
 * looks where the predictions of the two heads differ; with equal heads it would find nothing. The heads must
 * have equally many weights.
 * @throws Error at the start when the model does not say which parameters make a head, in a step when the
 * sizes differ
 */
export const weightDiscrepancy = definePlugin({
  kind: "loss",
  name: "weight-discrepancy",
  summary: "keeps the weights of two heads apart: 1 + their cosine",
  source: "Luo et al. 2019",
  options: z.strictObject({ tap: furtherTapOption }),
  plan: ({ tap }, at) => ({
    // `compute` reads parameters only. The view is asked for nevertheless, because the check of views refuses
    // a tap that is no head before training begins.
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

/**
 * The parameters of a head as one vector, in the network's order.
 * @param head how their names begin, as in `classifier.0.`
 */
function vectorOf(params: readonly Param[], head: string): tf.Tensor1D {
  const ofHead = params.filter(({ name }) => name.startsWith(head));
  if (ofHead.length === 0) throw new Error(`the network has no parameter whose name begins with "${head}"`);
  return tf.concat(ofHead.map(({ value }) => tf.reshape(value, [value.size]) as tf.Tensor1D));
}
