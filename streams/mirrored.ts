/**
 * A stream with left and right exchanged. Everything that has a place (labels, distributions, weights) must
 * be turned along with the pixels; what is added to `Images` with a place must be turned here too.
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constants } from "../ops/constant.ts";

/**
 * Another stream's images with left and right exchanged, and so its labels, distributions and weights. No
 * gradient flows. With it a teacher can judge an image twice (`teacher-labels`).
 */
export const mirrored = definePlugin({
  kind: "stream",
  name: "mirrored",
  summary: "another stream's images, left and right exchanged",
  options: z.strictObject({
    stream: z.string().default("target").describe("the other stream"),
  }),
  plan: ({ stream }) => ({
    needs: { streams: [stream] },
    create: () => ({
      make: (ctx): Images => constants(() => turned(ctx.images(stream))),
    }),
  }),
});

function turned({ pixels, labels, soft, weights }: Images): Images {
  const turn = <T extends tf.Tensor>(x: T) => tf.reverse(x, 2) as T;
  return {
    pixels: turn(pixels),
    ...(labels ? { labels: turn(labels) } : {}),
    ...(soft ? { soft: turn(soft) } : {}),
    ...(weights ? { weights: turn(weights) } : {}),
  };
}
