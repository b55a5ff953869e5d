/** Pseudo-labels in rounds: before a phase the target is predicted once, and what the network is sure of becomes its labels. */
import type { PluginKit } from "../../core/kit.ts";

export default ({ z, definePlugin }: PluginKit) =>
  definePlugin({
    kind: "job",
    name: "pseudo-labels",
    summary: "labels of the target where the network is sure, for a stream to read",
    options: z.strictObject({
      threshold: z.number().min(0).max(1).default(0.7).describe("confidence from which a pixel gets a label"),
    }),
    plan: ({ threshold }) => ({
      reads: ["target"],
      dataset: ({ datasets, relabelled }) => relabelled(datasets["target"]!),
      async run({ images, writeLabels, ignoreLabel, note }) {
        let sure = 0, all = 0;
        for await (const image of images("target")) {
          const { labels, confidence } = await image.predict();
          confidence.forEach((share, pixel) => {
            if (share < threshold) labels[pixel] = ignoreLabel;
            else sure++;
          });
          all += labels.length;
          await writeLabels(image, labels);
        }
        note(`${(100 * sure / all).toFixed(1)} % of the pixels have labels`);
      },
    }),
  });
