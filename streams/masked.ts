/**
 * Masked images (Hoyer et al. 2023, MIC). A teacher labels the whole image; the student sees the same image
 * with much of it hidden and must give the same labels. It can label a hidden pixel only from what is around
 * it, and so it learns to use context. This stream makes the masked images; labels are those of the stream
 * that it masks, and an ordinary loss, such as `cross-entropy`, compares.
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images, type StepContext } from "../core/plugin.ts";
import type { Random } from "../core/random.ts";
import { z } from "../core/schema.ts";
import { drawnForOwn, type Place } from "../core/world.ts";
import { constant } from "../ops/constant.ts";
import { blurOptions, disturbed, jitterOptions } from "./disturbance.ts";

const options = z.strictObject({
  stream: z.string().default("pseudo").describe(
    "the stream whose images are masked, with its labels and weights",
  ),
  share: z.number().min(0).lt(1).default(0.7).describe("probability of a cell, or a patch, to be hidden"),
  hide: z.enum(["cells", "patches", "auto"]).default("cells").describe(
    "cells of pixels, which become the mean colour; patches of a transformer, which sees its mask token instead; auto: patches " +
      "where the recipe's model can do without some, else cells",
  ),
  cell: z.int().min(1).default(64).describe("pixels along a side of a cell, about"),
  jitter: z.union([z.literal(false), jitterOptions]).default(jitterOptions.parse({})).describe(
    "change the colours before; false: never",
  ),
  blur: z.union([z.literal(false), blurOptions]).default(blurOptions.parse({})).describe(
    "blur the images before; false: never",
  ),
});

type Options = z.output<typeof options>;

/**
 * Images of which much is hidden, in one of two ways. Labels and weights are those of the stream that is
 * masked. No gradient flows.
 *
 * - `hide: cells` changes the images here. Of a grid of round(H / cell) x round(W / cell) cells (at least one
 *   along a side) each is kept if a number drawn in [0, 1) is above `share`. The pixels of the others become
 *   0, which is the mean colour, since images are normalised.
 * - `hide: patches` leaves pixels as they are and hands `share` on as {@linkcode Images.hide}. The networks
 *   that learn then draw which of their patches are replaced by the mask token (Englert et al. 2024). The
 *   plan's `hides` demands a model that can; `auto` demands nothing and asks the `hides` of the model.
 */
export const masked = definePlugin({
  kind: "stream",
  name: "masked",
  summary: "a stream's images, much of them hidden: cells of pixels, or patches of a transformer",
  source: "Hoyer et al. 2023; Englert et al. 2024",
  options,
  plan: (given) => ({
    needs: { streams: [given.stream] },
    ...(given.hide === "patches" ? { hides: true } : {}),
    create: ({ hides }) => ({
      make(ctx): Images {
        // `values` are not handed on: its maker made them for the images as they were.
        const { pixels, values: _, ...others } = ctx.images(given.stream);
        const patches = given.hide === "patches" || (given.hide === "auto" && hides);
        const changed = (pixels: tf.Tensor4D) => disturbed(pixels, given, ctx);
        const seen = constant(() =>
          patches ? tf.clone(changed(pixels)) : withoutCells(changed(pixels), given, ctx)
        );
        return { ...others, pixels: seen, ...(patches ? { hide: given.share } : {}) };
      },
    }),
  }),
});

/** Sets hidden cells to 0. */
function withoutCells(
  pixels: tf.Tensor4D,
  { cell, share }: Options,
  { random, world }: StepContext,
): tf.Tensor4D {
  const [n, height, width] = pixels.shape;
  return tf.mul(pixels, tf.expandDims(keptPixels([n, height, width], { cell, share, random, world }), 3));
}

/**
 * float32 [N, H, W]: 1 where a pixel's cell is kept, 0 elsewhere. The grid is enlarged by nearest neighbours.
 * Every process draws for the images of all (`drawnForOwn`), so its own get the same cells as in one process.
 */
function keptPixels(
  [n, height, width]: readonly [number, number, number],
  { cell, share, random, world }: Pick<Options, "cell" | "share"> & {
    readonly random: Random;
    readonly world: Place;
  },
): tf.Tensor3D {
  const cellsOf = (side: number) => Math.max(1, Math.round(side / cell));
  const rows = cellsOf(height), columns = cellsOf(width);
  const kept = Uint8Array.from(drawnForOwn(n * rows * columns, world, () => Number(random.next() > share)));
  const data = new Float32Array(n * height * width);
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (let y = 0; y < height; y++) {
      const row = (image * rows + Math.floor(y * rows / height)) * columns;
      for (let x = 0; x < width; x++) data[at++] = kept[row + Math.floor(x * columns / width)]!;
    }
  }
  return tf.tensor3d(data, [n, height, width]);
}
