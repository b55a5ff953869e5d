import * as tf from "@tensorflow/tfjs-core";
import { constant } from "../ops/constant.ts";
import { labelsByShare } from "../ops/label_shares.ts";
import { maskedDistance } from "../ops/masked_distance.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import type { Tensor, Tensor3D } from "../core/tensors.ts";

/**
 * Cityscapes' things (its `hasInstances`, traffic lights and signs added), as the published code has them.
 */
const THINGS = [
  "traffic light",
  "traffic sign",
  "person",
  "rider",
  "car",
  "truck",
  "bus",
  "train",
  "motorcycle",
  "bicycle",
];

/**
 * Thing-class ImageNet feature distance (Hoyer et al. 2022, DAFormer). Training on synthetic images makes the
 * encoder forget what it learned on ImageNet about things (cars, people), which ImageNet shows and which look
 * real there. So at source pixels of things the encoder's features are held near those of a frozen copy: the
 * mean, over these feature pixels, of the Euclidean distance between the two networks' features.
 *
 * A feature pixel is of the class that covers at least `min_ratio` of its cell of the labels, else of none;
 * stuff (road, sky) is left out, because ImageNet does not show it as an object. The frozen network's
 * features are constants. A batch without such a pixel gives 0 (the published code: NaN).
 */
export const featureDistance = definePlugin({
  kind: "loss",
  name: "feature-distance",
  summary: "keeps the source's features of things near those of a frozen network",
  source: "Hoyer et al. 2022",
  options: z.strictObject({
    network: z.string().default("guide").describe("a frozen network of the recipe, as of ImageNet"),
    tap: z.string().default("layer4").describe("the features that are compared, of both networks"),
    things: z.array(z.string().min(1)).min(1).optional().describe(
      `names of classes; absent: of ${THINGS.join(", ")}, those that the source has`,
    ),
    min_ratio: z.number().positive().max(1).default(0.75).describe(
      "share of a feature pixel's cell that a class must cover",
    ),
  }),
  plan: ({ network, tap, things, min_ratio: least }, at) => ({
    needs: {
      views: ["student", network].map((by) => ({
        stream: "source",
        by,
        labels: true,
        taps: [{ name: tap, at: [...at, "tap"] }],
        at: [...at, "network"],
      })),
    },
    create({ classes }) {
      const counts = isThing(classes, things);
      return {
        compute(ctx) {
          const [student, guide] = ["student", network].map((by) => ctx.view("source", by).taps[tap]!);
          const [, height, width] = student!.shape;
          const { labels } = ctx.source;
          const mask = constant(() => {
            const options = { classes: classes.length, least, ignore: classes.length };
            return tf.gather(
              tf.tensor1d(counts) as Tensor,
              labelsByShare(labels, [height, width], options),
            ) as Tensor3D;
          });
          return { loss: maskedDistance(student!, guide!, mask, ctx.world) };
        },
      };
    },
  }),
});

/**
 * By train id, 1 for things and 0 for others; and a 0 more at the end, for the id that stands for no class.
 * @throws Error when a name is no class of the source, or the source has no thing
 */
function isThing(classes: readonly string[], given: readonly string[] | undefined): number[] {
  const things = given ?? THINGS;
  const unknown = given?.find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new Error(`things: "${unknown}" is no class of the source${suggestion(unknown, classes)}`);
  }
  if (!things.some((name) => classes.includes(name))) {
    throw new Error(`things: the source has none of ${things.join(", ")}; it has ${classes.join(", ")}`);
  }
  return [...classes.map((name) => Number(things.includes(name))), 0];
}
