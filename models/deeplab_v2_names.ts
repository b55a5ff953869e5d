import type { NameRule, NameScheme, WeightNames } from "../core/weights.ts";

/** PyTorch counts batches for an option that none of these networks use. */
const COUNTERS: NameRule = { pattern: /\.num_batches_tracked$/, to: null };

const OWN: readonly NameRule[] = [COUNTERS, { pattern: /^(?:backbone|classifier)\..*$/, to: "$&" }];

const STAGES = String.raw`((?:conv1|bn1|layer[1-4])\..*)`;

/** The order in which the published checkpoints of Kang et al. 2020 count Cityscapes' classes; SYNTHIA's are the first 16. */
const PUBLISHED = [
  "sky",
  "building",
  "road",
  "sidewalk",
  "fence",
  "vegetation",
  "pole",
  "car",
  "traffic sign",
  "person",
  "bicycle",
  "motorcycle",
  "traffic light",
  "rider",
  "bus",
  "wall",
  "terrain",
  "truck",
  "train",
];

/** A classifier on layer4 called `layer<head>.conv2d_list`; one on layer3, for training only, is left out. */
function adapted(head: number, name: string): NameScheme {
  return {
    name,
    rules: [
      COUNTERS,
      { pattern: new RegExp(`^(?:Scale\\.)?${STAGES}$`), to: "backbone.$1" },
      {
        pattern: new RegExp(`^(?:Scale\\.)?layer${head}\\.conv2d_list\\.(\\d+)\\.(weight|bias)$`),
        to: "classifier.0.convs.$1.0.$2",
      },
      ...(head > 5 ? [{ pattern: /^(?:Scale\.)?layer5\./, to: null }] : []),
    ],
  };
}

/** What files call the tensors of {@linkcode deeplabV2}, whose own names are those of the published PLCA checkpoints. */
export const DEEPLAB_V2_NAMES: WeightNames = {
  perClass: /^classifier\./,
  classOrders: { published: PUBLISHED },
  schemes: [
    { name: "published PLCA", wrapper: "weights", classOrder: "published", rules: OWN },
    { name: "plca", rules: OWN },
    {
      name: "torchvision",
      rules: [
        COUNTERS,
        { pattern: new RegExp(`^${STAGES}$`), to: "backbone.$1" },
        { pattern: /^fc\./, to: null },
      ],
    },
    adapted(5, "DeepLab-v2 (layer5)"),
    adapted(6, "DeepLab-v2 (layer6)"),
  ],
  lacking: [{
    pattern: /^classifier\..*\.bias$/,
    message:
      "the file's classifier has biases other than zero and the model none: with model.options.classifier_bias: true they are used",
  }],
};
