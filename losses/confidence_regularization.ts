import type { Tensor1D } from "@tensorflow/tfjs-core";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { meanConfidence } from "../ops/confidence.ts";

/**
 * Keeps predictions on pseudo-labelled pixels from becoming over-confident (Zou et al. 2019, CRST): a wrong
 * pseudo-label does less harm if it is not believed entirely. `kld` is MRKLD, the divergence from even
 * predictions without its constant; `entropy` is MRENT, which the released code does not have (unofficial).
 * The released weight is 0.01: its 0.1 enters twice.
 *
 * The value of an image's pixels is multiplied by the image's mark (`values.mark` of the stream, 1 if there
 * is none), so that images of a source may be left out with 0. The logits are resized bilinearly to the
 * labels first. A batch without a label gives 0.
 */
export const confidenceRegularization = definePlugin({
  kind: "loss",
  name: "confidence-regularization",
  summary: "keeps predictions on pseudo-labels from over-confidence (MRKLD; unofficial: MRENT)",
  source: "Zou et al. 2019",
  options: z.strictObject({
    stream: z.string().default("source").describe("the labelled stream whose predictions are held back"),
    kind: z.enum(["kld", "entropy"]).default("kld").describe(
      "kld: the divergence from even predictions; entropy: their negative entropy (unofficial)",
    ),
  }),
  plan: ({ stream, kind }, at) => ({
    needs: { views: [{ stream, labelResolution: true, labels: true, at: [...at, "stream"] }] },
    create: () => ({
      compute(ctx) {
        const { upsampled, labels } = ctx.view(stream);
        const marks = ctx.images(stream).values?.["mark"] as Tensor1D | undefined;
        return { loss: meanConfidence(upsampled!, { labels: labels!, marks, kind, world: ctx.world }) };
      },
    }),
  }),
});
