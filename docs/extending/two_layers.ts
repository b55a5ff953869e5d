/**
 * A model: a strided convolution and a classifier. Parameters have the names of a PyTorch state dict. Filters are HWIO. A tap is a map
 * that terms may read; `taps` says its channels and how many image pixels one of its pixels covers along each side.
 */
import type { PluginKit } from "../../core/kit.ts";
import type { Tensor4D } from "../../core/tensors.ts";

export default ({ tf, z, definePlugin }: PluginKit) =>
  definePlugin({
    kind: "model",
    name: "two-layers",
    summary: "a strided convolution and a classifier",
    options: z.strictObject({ width: z.int().min(1).default(8).describe("channels") }),
    plan: ({ width }) => ({
      featureTap: "features",
      taps: (classes) => ({
        features: { channels: width, stride: 4, space: "real" },
        logits: { channels: classes, stride: 4, space: "real", head: "classifier." },
        probabilities: { channels: classes, stride: 4, space: "simplex" },
      }),
      create({ seed, numClasses, variable }) {
        const stem = variable("stem.weight", tf.randomNormal([7, 7, 3, width], 0, 0.1, "float32", seed));
        const last = variable(
          "classifier.weight",
          tf.randomNormal([1, 1, width, numClasses], 0, 0.1, "float32", seed + 1),
        );
        const classify = (features: Tensor4D) => tf.conv2d(features, last as unknown as Tensor4D, 1, "same");
        return {
          params: [
            { name: "stem.weight", value: stem, group: "backbone" },
            { name: "classifier.weight", value: last, group: "head" },
          ],
          buffers: {},
          classify,
          forward: (batches) =>
            batches.map((images) => {
              const features = tf.relu(tf.conv2d(images, stem as unknown as Tensor4D, 4, "same"));
              const logits = classify(features);
              return { logits, taps: { features, logits, probabilities: tf.softmax(logits) } };
            }),
        };
      },
    }),
  });
