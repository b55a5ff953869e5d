import type { NameRule, NameScheme, WeightNames } from "../core/weights.ts";

/** PyTorch counts batches for an option that none of these networks use. */
const COUNTERS: NameRule = { pattern: /\.num_batches_tracked$/, to: null };

const STAGES = String.raw`((?:conv1|bn1|layer[1-4])\..*)`;

/**
 * The order in which the published checkpoints of Kang et al. 2020 count Cityscapes' classes; SYNTHIA's are
 * the first 16.
 */
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

/** What a network has of what files may have. */
export interface NamedParts {
  /** Further heads beside the main one. */
  readonly heads: number;
  /** Convolutions of each head that are summed. */
  readonly branches: number;
}

/**
 * A file's layer5 and layer6 by the network's classifiers; null: one that is for training only, which the
 * network has not. Branches that the network has not are left out, too.
 */
function adapted(
  name: string,
  { branches }: NamedParts,
  classifiers: Readonly<Record<number, number | null>>,
): NameScheme {
  const heads = Object.entries(classifiers).flatMap(([layer, place]): NameRule[] => {
    const file = String.raw`^(?:Scale\.)?layer${layer}\.`;
    if (place === null) return [{ pattern: new RegExp(file), to: null }];
    return [
      ...Array.from({ length: branches }, (_, branch) => ({
        pattern: new RegExp(`${file}conv2d_list\\.${branch}\\.(weight|bias)$`),
        to: `classifier.${place}.convs.${branch}.0.$1`,
      })),
      { pattern: new RegExp(String.raw`${file}conv2d_list\.\d+\.(?:weight|bias)$`), to: null },
    ];
  });
  return {
    name,
    rules: [COUNTERS, { pattern: new RegExp(`^(?:Scale\\.)?${STAGES}$`), to: "backbone.$1" }, ...heads],
  };
}

/** The network's own names; classifiers and branches that it has not are known and not needed. */
function ownNames({ heads, branches }: NamedParts): readonly NameRule[] {
  const numbers = (count: number) => `(?:${Array.from({ length: count }, (_, k) => k).join("|")})`;
  return [
    COUNTERS,
    { pattern: /^backbone\..*$/, to: "$&" },
    {
      pattern: new RegExp(`^classifier\\.${numbers(heads + 1)}\\.convs\\.${numbers(branches)}\\..*$`),
      to: "$&",
    },
    { pattern: /^classifier\.\d+\.convs\.\d+\./, to: null },
  ];
}

/**
 * What files call the tensors of {@linkcode deeplabV2}, whose own names are those of the published PLCA
 * checkpoints.
 */
export function deeplabV2Names(parts: NamedParts): WeightNames {
  const own = ownNames(parts);
  return {
    perClass: /^classifier\./,
    classOrders: { published: PUBLISHED },
    schemes: [
      { name: "published PLCA", wrapper: "weights", classOrder: "published", rules: own },
      { name: "plca", rules: own },
      {
        name: "torchvision",
        rules: [
          COUNTERS,
          { pattern: new RegExp(`^${STAGES}$`), to: "backbone.$1" },
          { pattern: /^fc\./, to: null },
        ],
      },
      // The one classifier of some files is layer5; where there are two, layer6 is the main one.
      adapted("DeepLab-v2 (layer5)", parts, { 5: 0 }),
      adapted("DeepLab-v2 (layer6)", parts, { 5: parts.heads > 0 ? 1 : null, 6: 0 }),
    ],
    lacking: [{
      pattern: /^classifier\..*\.bias$/,
      message:
        "the file's classifier has biases other than zero and the model none: with model.options.classifier_bias: true they are used",
    }],
  };
}
