/** A share of a dataset: every n-th image of another one, for a target of which a few images are labelled. */
import type { PluginKit } from "../../core/kit.ts";

export default ({ z, definePlugin, pluginChoice }: PluginKit) =>
  definePlugin({
    kind: "dataset",
    name: "labelled-share",
    summary: "every n-th image of another dataset",
    options: z.strictObject({
      of: pluginChoice("dataset").describe("the dataset"),
      every: z.int().min(1).default(10).describe("images from one that is taken to the next"),
    }),
    plan({ of, every }, at, registry) {
      const whole = registry.plan("dataset", of, [...at, "of"]);
      return {
        ...whole,
        async open(setup) {
          const dataset = await whole.open(setup);
          return {
            length: Math.ceil(dataset.length / every),
            read: (index, want) => dataset.read(every * index, want),
          };
        },
      };
    },
  });
