import * as tf from "@tensorflow/tfjs-core";
import { lovasz } from "../ops/lovasz.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * A differentiable stand-in for 1 - IoU, averaged over the classes that are present in the batch (Berman et
 * al. 2018; ops/lovasz.ts has the equation). The whole objective adds it to Eq. 11, against the imbalance of
 * classes (Kang et al. 2020, Eq. 14). The logits are resized bilinearly to the labels first. In [0, 1]; a
 * batch without a label gives 0.
 */
export const lovaszSoftmax = definePlugin({
  kind: "loss",
  name: "lovasz-softmax",
  summary: "a surrogate of the mean IoU on the labelled source pixels",
  source: "Berman et al. 2018; Kang et al. 2020, section 3.5",
  options: z.strictObject({
    stream: z.string().default("source").describe("the labelled stream that is learned from"),
  }),
  plan: ({ stream }, at) => ({
    needs: { views: [{ stream, labelResolution: true, labels: true, at: [...at, "stream"] }] },
    create: () => ({
      compute(ctx) {
        const { upsampled, labels } = ctx.view(stream);
        return { loss: lovasz(tf.softmax(upsampled!), labels!, ctx.world) };
      },
    }),
  }),
});
