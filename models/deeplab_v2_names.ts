/**
 * What files call the tensors of DeepLab-v2. Its own names are those of the published PLCA checkpoints; other
 * files are translated by schemes. A scheme is a list of rules, pattern and name here; the first rule whose
 * pattern matches a name decides, and `to: null` marks a tensor that the network does not need. Of the
 * schemes, the one that explains most of a file's names is taken (core/weights.ts).
 */
import type { NameRule, NameScheme, WeightNames } from "../core/weights.ts";

/** PyTorch's counts of batches, which serve an option that none of these networks use. */
const COUNTERS: NameRule = { pattern: /\.num_batches_tracked$/, to: null };

const STAGES = String.raw`((?:conv1|bn1|layer[1-4])\..*)`;

/**
 * The order in which the published checkpoints of Kang et al. 2020 count Cityscapes' classes; SYNTHIA's are
 * the first 16. Classifier weights are put into the recipe's order.
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

/** How many of the parts that files may have the network has. */
export interface NamedParts {
  /** Further heads beside the main one. */
  readonly heads: number;
  /** Convolutions of each head that are summed. */
  readonly branches: number;
}

/**
 * The scheme of files whose classifiers are called layer5 and layer6.
 * @param classifiers the place of each layer's classifier in the network; null: the network has none like it
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

/** The network's own names. Classifiers and branches that it lacks are known and left out. */
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
 * What files call the tensors of {@linkcode deeplabV2} with these parts: published PLCA checkpoints, plca's
 * own files, torchvision's ResNets, and DeepLab-v2 as other methods publish it.
 */
export function deeplabV2Names(parts: NamedParts): WeightNames {
  const rules = ownNames(parts);
  return {
    perClass: /^classifier\./,
    classOrders: { published: PUBLISHED },
    schemes: [
      { name: "published PLCA", wrapper: "weights", classOrder: "published", rules },
      { name: "plca", rules },
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
