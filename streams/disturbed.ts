/**
 * A stream changed in its colours and blurred, for terms that compare two views of the same images. A recipe
 * names it; the step makes it anew from the other stream each time (train/compute_pass.ts).
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";
import { blurOptions, disturbed as change, jitterOptions } from "./disturbance.ts";

/**
 * Another stream's images with changed colours and blurred; labels, distributions and weights are the other
 * stream's, its `values` are left out. No gradient flows.
 */
export const disturbed = definePlugin({
  kind: "stream",
  name: "disturbed",
  summary: "another stream's images with their colours changed at random, and blurred",
  options: z.strictObject({
    stream: z.string().default("source").describe("the other stream"),
    jitter: z.union([z.literal(false), jitterOptions]).default(jitterOptions.parse({})).describe(
      "change the colours; false: never",
    ),
    blur: z.union([z.literal(false), blurOptions]).default(false).describe("blur the images; false: never"),
  }),
  plan: ({ stream, ...disturbance }) => ({
    needs: { streams: [stream] },
    create: () => ({
      make(ctx): Images {
        const { pixels, values: _, ...others } = ctx.images(stream);
        return { ...others, pixels: constant(() => tf.clone(change(pixels, disturbance, ctx))) };
      },
    }),
  }),
});
