/** Consistency with a teacher: source pixels of random classes are pasted over the target, which a moving average labels. */
import type { PluginKit } from "../../core/kit.ts";
import type { Tensor, Tensor3D as Map, Tensor4D as Pixels } from "../../core/tensors.ts";

export default ({ tf, z, definePlugin }: PluginKit) => [
  definePlugin({
    kind: "stream",
    name: "class-mix",
    summary: "source pixels of random classes over a target image that the teacher labels",
    options: z.strictObject({
      teacher: z.string().default("teacher").describe("a network of the recipe"),
      threshold: z.number().min(0).max(1).default(0.9).describe(
        "confidence from which a pixel counts as sure",
      ),
    }),
    plan: ({ teacher, threshold }) => ({
      needs: { views: [{ stream: "target", by: teacher, labelResolution: true }], streams: ["source"] },
      create: ({ numClasses }) => ({
        make(ctx) {
          const source = ctx.images("source"), target = ctx.images("target");
          const p = tf.softmax(ctx.view("target", teacher).upsampled!);
          const sure = tf.cast(tf.greaterEqual(tf.max(p, -1), threshold), "float32");
          // Of each class 1 or 0: its source pixels are pasted or not. One more for labels that are ignored.
          const drawn = Array.from({ length: numClasses }, () => Number(ctx.random.next() < 0.5));
          const of = tf.cast(tf.minimum(source.labels!, numClasses), "int32");
          const mask: Tensor = tf.gather(tf.tensor1d([...drawn, 0]), of);
          const mix = <T extends Tensor>(mask: Tensor, pasted: Tensor, under: Tensor) =>
            tf.add(tf.mul(pasted, mask), tf.mul(under, tf.sub(1, mask))) as T;
          return {
            pixels: mix<Pixels>(tf.expandDims(mask, 3), source.pixels, target.pixels),
            labels: tf.cast(mix<Map>(mask, source.labels!, tf.argMax(p, -1)), "int32"),
            // Pasted pixels count whole, the others as far as the teacher is sure of the batch.
            weights: mix<Map>(mask, tf.scalar(1), tf.mean(sure)),
          };
        },
      }),
    }),
  }),
  definePlugin({
    kind: "loss",
    name: "weighted-cross-entropy",
    summary: "cross-entropy on the labels of a stream, each pixel as much as its weight says",
    options: z.strictObject({ stream: z.string().describe("a stream with labels and weights") }),
    plan: ({ stream }, at) => ({
      needs: { views: [{ stream, labelResolution: true, labels: true, at: [...at, "stream"] }] },
      create: ({ numClasses }) => ({
        compute(ctx) {
          const { upsampled, labels } = ctx.view(stream);
          const hot = tf.oneHot(labels!, numClasses);
          const each = tf.neg(tf.sum(tf.mul(tf.logSoftmax(upsampled!), hot), -1));
          return { loss: tf.mean(tf.mul(each, ctx.images(stream).weights!)) };
        },
      }),
    }),
  }),
];
