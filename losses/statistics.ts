import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * A pass and nothing else. The pass over the stream moves the network's running statistics, as every pass in
 * training does; the loss is the constant 0, so the weights stay as they are. A phase with this term alone
 * estimates the statistics anew for one domain (Lian et al. 2019).
 */
export const statistics = definePlugin({
  kind: "loss",
  name: "statistics",
  summary: "nothing but a pass: running statistics move, weights stay",
  source: "Lian et al. 2019",
  options: z.strictObject({
    stream: z.string().default("target").describe("the stream that is passed through the network"),
  }),
  plan: ({ stream }, at) => ({
    needs: { views: [{ stream, at: [...at, "stream"] }] },
    create: () => ({ compute: () => ({ loss: tf.scalar(0) }) }),
  }),
});
