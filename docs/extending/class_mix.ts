/** Consistency with a teacher: source pixels of random classes are pasted over the target, which a moving average labels. */
import type { PluginKit } from "../../core/kit.ts";

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
          // A number for each class, the ignore label's last: 1 is pasted.
          const pasted = Array.from(
            { length: numClasses + 1 },
            (_, k) => Number(k < numClasses && ctx.random.next() < 0.5),
          );
          const mask = tf.gather(tf.tensor1d(pasted, "int32"), tf.minimum(source.labels!, numClasses));
          const share = tf.mean(tf.cast(tf.greaterEqual(tf.max(p, -1), threshold), "float32"));
          const over = tf.expandDims(tf.cast(mask, "float32"), 3);
          const mixed = tf.add(tf.mul(source.pixels, over), tf.mul(target.pixels, tf.sub(1, over)));
          const labels = tf.where(tf.cast(mask, "bool"), source.labels!, tf.cast(tf.argMax(p, -1), "int32"));
          // Pasted pixels count whole, the others as far as the teacher is sure of the batch.
          const weights = tf.maximum(tf.cast(mask, "float32"), share);
          return {
            pixels: mixed as typeof source.pixels,
            labels: labels as NonNullable<typeof source.labels>,
            weights: weights as NonNullable<typeof source.weights>,
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
