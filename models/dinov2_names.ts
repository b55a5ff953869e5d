import type { WeightNames } from "../core/weights.ts";

/** What files call the tensors of `dinov2`: Meta's, Hugging Face's, and VFM-UDA's checkpoints of network and head. */
export const DINOV2_NAMES: WeightNames = {
  perClass: /^(?:out|classifier)\./,
  classOrders: {},
  schemes: [
    {
      name: "plca",
      rules: [{ pattern: /^backbone\..*$/, to: "$&" }, {
        pattern: /^(?:upscale|out|classifier)\..*$/,
        to: "$&",
      }],
    },
  ],
  lacking: [],
};
