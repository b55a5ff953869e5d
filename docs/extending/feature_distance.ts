/** A frozen network as a guide: features of the source stay near those of a network that nothing changes. */
import type { PluginKit } from "../../core/kit.ts";

export default ({ tf, z, definePlugin }: PluginKit) =>
  definePlugin({
    kind: "loss",
    name: "feature-distance",
    summary: "mean squared distance of the source's features from a frozen network's",
    options: z.strictObject({
      network: z.string().default("guide").describe("a network of the recipe"),
      tap: z.string().default("layer3").describe("the features that are compared, of both networks"),
    }),
    plan: ({ network, tap }, at) => ({
      needs: {
        views: ["student", network].map((by) => ({
          stream: "source",
          by,
          taps: [{ name: tap, at: [...at, "tap"] }],
          at: [...at, "network"],
        })),
      },
      create: () => ({
        compute(ctx) {
          const [own, guide] = ["student", network].map((by) => ctx.view("source", by).taps[tap]!);
          return { loss: tf.mean(tf.square(tf.sub(own!, guide!))) };
        },
      }),
    }),
  });
