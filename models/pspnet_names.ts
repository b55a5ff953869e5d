import type { NameRule, WeightNames } from "../core/weights.ts";

/** PyTorch's counts of batches, which serve an option that this network does not use. */
const COUNTERS: NameRule = { pattern: /\.num_batches_tracked$/, to: null };

const STAGES = /^((?:conv[1-3]|bn[1-3]|layer[1-4])\..*)$/;

const DECODER = String.raw`((?:ppm\.\d+\.[12]|conv_last\.[014]|cbr_deepsup\.[01]|conv_last_deepsup)\..*)`;

/**
 * What files call the tensors of `pspnet`: whole networks, and encoder and decoder in a file each, as they
 * were released. deeplab_v2_names.ts says how schemes work.
 */
export const PSPNET_NAMES: WeightNames = {
  perClass: /^decoder\.(?:conv_last\.4|conv_last_deepsup)\./,
  classOrders: {},
  schemes: [
    {
      name: "plca",
      rules: [COUNTERS, { pattern: /^backbone\..*$/, to: "$&" }, {
        pattern: new RegExp(`^decoder\\.${DECODER}$`),
        to: "$&",
      }],
    },
    {
      name: "encoder and decoder",
      rules: [
        COUNTERS,
        { pattern: new RegExp(`^(?:encoder\\.)?${STAGES.source.slice(1)}`), to: "backbone.$1" },
        { pattern: new RegExp(`^(?:decoder\\.)?${DECODER}$`), to: "decoder.$1" },
        { pattern: /^fc\./, to: null },
      ],
    },
  ],
  lacking: [],
};
