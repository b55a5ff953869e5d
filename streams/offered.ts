/**
 * A stream made of what another one offers besides its pixels, so that networks can look at it: of
 * translation.ts the three further kinds of images. It computes nothing itself.
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { Tensor4D } from "../core/tensors.ts";
import { constant } from "../ops/constant.ts";

/**
 * Makes a stream of what another stream offers beside its pixels (`values`), so that networks can see it and
 * terms can name it. Without `value` it is the other stream's own pixels, with its labels. With `constant` no
 * gradient flows to whatever made them: what is learned from them then leaves their maker alone.
 * @throws Error in a step when the other stream offers no such value
 */
export const offered = definePlugin({
  kind: "stream",
  name: "offered",
  summary: "images that another stream offers beside its own, or its own as constants",
  options: z.strictObject({
    stream: z.string().describe("the other stream"),
    value: z.string().min(1).optional().describe("what it calls them; absent: its pixels, with its labels"),
    constant: z.boolean().default(false).describe("let no gradient through to what made them"),
  }),
  plan: ({ stream, value, constant: fixed }) => ({
    needs: { streams: [stream] },
    create: () => ({
      make(ctx): Images {
        const { pixels, values = {}, ...others } = ctx.images(stream);
        const chosen = value === undefined ? pixels : values[value];
        if (chosen === undefined) {
          const names = Object.keys(values);
          throw new Error(
            `the stream "${stream}" offers no "${value}"${names.length > 0 ? ` (${names.join(", ")})` : ""}`,
          );
        }
        const images = (fixed ? constant(() => tf.clone(chosen)) : chosen) as Tensor4D;
        return { pixels: images, ...(value === undefined ? others : {}) };
      },
    }),
  }),
});
