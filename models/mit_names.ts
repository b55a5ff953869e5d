/**
 * What files call the tensors of the Mix Transformer and of its heads. Its own names are those of SegFormer's
 * and DAFormer's checkpoints; deeplab_v2_names.ts says how schemes work. Other libraries also cut matrices
 * differently (queries, keys and values joined or apart), which FORMS puts right before names are compared.
 */
import type { NameRule, NameScheme, TensorForm, WeightNames } from "../core/weights.ts";

/** PyTorch's counts of batches, which serve an option that none of these networks use. */
const COUNTERS: NameRule = { pattern: /(?:^|\.)num_batches_tracked$/, to: null };

/** The network's head. Tensors of other heads are known and left out. */
export type HeadName = "segformer" | "daformer" | "deeplab-v2";

/** The parts of the published encoder, after `backbone.`. */
const ENCODER = String.raw`((?:patch_embed[1-4]|block[1-4]\.\d+|norm[1-4])\..*)`;

/** The tensors of each head, after `decode_head.`. */
const HEADS: Readonly<Record<HeadName, string>> = {
  segformer: String.raw`((?:linear_c[1-4]|linear_fuse|linear_pred)\..*)`,
  daformer: String.raw`((?:embed_layers|fuse_layer|conv_seg)\..*)`,
  "deeplab-v2": String.raw`(convs\.\d+\.0\..*)`,
};

/**
 * Original names: SegFormer's files, and those of DAFormer, HRDA (whose head lies a level deeper) and MIC.
 */
function original(head: HeadName): readonly NameRule[] {
  return [
    COUNTERS,
    { pattern: new RegExp(`^backbone\\.${ENCODER}$`), to: "$&" },
    { pattern: /^backbone\.head\./, to: null },
    { pattern: new RegExp(`^decode_head\\.(?:head\\.)?${HEADS[head]}$`), to: "decode_head.$1" },
    // SegFormer's files have an unused classifier, HRDA's a second head; other models' heads are left out.
    { pattern: /^(?:decode_head|auxiliary_head)\./, to: null },
  ];
}

/** The encoder alone, as SegFormer, DAFormer, timm and segmentation_models_pytorch keep it. */
const ENCODER_RULES: readonly NameRule[] = [
  COUNTERS,
  { pattern: new RegExp(`^${ENCODER}$`), to: "backbone.$1" },
  { pattern: /^head\./, to: null },
];

/** Rules of one stage, counted from 0 as Hugging Face and mmsegmentation do. */
type StageRules = (stage: number) => readonly NameRule[];

const everyStage = (rules: StageRules) => [0, 1, 2, 3].flatMap(rules);

/** Parts of a block: Hugging Face's name, and the name here. */
export const HUGGING_FACE_PARTS: readonly (readonly [string, string])[] = [
  ["layer_norm_1", "norm1"],
  ["layer_norm_2", "norm2"],
  ["attention.self.query", "attn.q"],
  ["attention.self.kv", "attn.kv"],
  ["attention.self.sr", "attn.sr"],
  ["attention.self.layer_norm", "attn.norm"],
  ["attention.output.dense", "attn.proj"],
  ["mlp.dense1", "mlp.fc1"],
  ["mlp.dwconv.dwconv", "mlp.dwconv.dwconv"],
  ["mlp.dense2", "mlp.fc2"],
];

const MMSEGMENTATION_PARTS: readonly (readonly [string, string])[] = [
  ["norm1", "norm1"],
  ["norm2", "norm2"],
  ["attn.q", "attn.q"],
  ["attn.kv", "attn.kv"],
  ["attn.sr", "attn.sr"],
  ["attn.norm", "attn.norm"],
  ["attn.attn.out_proj", "attn.proj"],
  ["ffn.layers.0", "mlp.fc1"],
  ["ffn.layers.1", "mlp.dwconv.dwconv"],
  ["ffn.layers.4", "mlp.fc2"],
];

const plain = (text: string) => text.replaceAll(".", "\\.");

/**
 * A rule for a part with weight and bias.
 * @param file the part's name in files, as a pattern @param own the part's name here, which may have `$1`
 * @param groups how many groups the pattern has
 */
const rule = (file: string, own: string, groups = 0): NameRule => ({
  pattern: new RegExp(`^${file}\\.(weight|bias)$`),
  to: `${own}.$${groups + 1}`,
});

/** The scheme of Hugging Face's files, with SegFormer's head if the network has it. */
function huggingFace(head: HeadName): NameScheme {
  const encoder = String.raw`(?:(?:segformer\.)?encoder\.)?`;
  return {
    name: "Hugging Face",
    rules: [
      COUNTERS,
      ...everyStage((stage) => [
        rule(`${encoder}patch_embeddings\\.${stage}\\.proj`, `backbone.patch_embed${stage + 1}.proj`),
        rule(`${encoder}patch_embeddings\\.${stage}\\.layer_norm`, `backbone.patch_embed${stage + 1}.norm`),
        ...HUGGING_FACE_PARTS.map(([file, own]) =>
          rule(
            `${encoder}block\\.${stage}\\.(\\d+)\\.${plain(file)}`,
            `backbone.block${stage + 1}.$1.${own}`,
            1,
          )
        ),
        rule(`${encoder}layer_norm\\.${stage}`, `backbone.norm${stage + 1}`),
        ...(head === "segformer"
          ? [rule(`decode_head\\.linear_c\\.${stage}\\.proj`, `decode_head.linear_c${stage + 1}.proj`)]
          : []),
      ]),
      ...(head === "segformer"
        ? [
          { pattern: /^decode_head\.linear_fuse\.weight$/, to: "decode_head.linear_fuse.conv.weight" },
          { pattern: /^decode_head\.batch_norm\./, to: "decode_head.linear_fuse.bn." },
          { pattern: /^decode_head\.classifier\./, to: "decode_head.linear_pred." },
        ]
        : []),
      { pattern: /^(?:decode_head|classifier)\./, to: null },
    ],
  };
}

/**
 * The encoder in mmsegmentation's names. Its head has a batch norm in every stage and is another network:
 * left out.
 */
const MMSEGMENTATION: NameScheme = {
  name: "mmsegmentation",
  rules: [
    COUNTERS,
    ...everyStage((stage) => [
      rule(`(?:backbone\\.)?layers\\.${stage}\\.0\\.projection`, `backbone.patch_embed${stage + 1}.proj`),
      rule(`(?:backbone\\.)?layers\\.${stage}\\.0\\.norm`, `backbone.patch_embed${stage + 1}.norm`),
      ...MMSEGMENTATION_PARTS.map(([file, own]) =>
        rule(
          `(?:backbone\\.)?layers\\.${stage}\\.1\\.(\\d+)\\.${plain(file)}`,
          `backbone.block${stage + 1}.$1.${own}`,
          1,
        )
      ),
      rule(`(?:backbone\\.)?layers\\.${stage}\\.2`, `backbone.norm${stage + 1}`),
    ]),
    { pattern: /^(?:decode_head|auxiliary_head)\./, to: null },
  ],
};

/**
 * Tensors that files cut differently: queries, keys and values in one matrix (mmsegmentation), keys and
 * values in two (Hugging Face), matrices as 1x1 convolutions (mmsegmentation).
 */
const FORMS: readonly TensorForm[] = [
  {
    kind: "split",
    pattern: /(layers\.\d+\.1\.\d+)\.attn\.attn\.in_proj_(weight|bias)$/,
    into: [{ to: "$1.attn.q.$2", share: 1 }, { to: "$1.attn.kv.$2", share: 2 }],
  },
  {
    kind: "join",
    pattern: /(block\.\d+\.\d+\.attention\.self)\.(?<part>key|value)\.(weight|bias)$/,
    parts: ["key", "value"],
    to: "$1.kv.$3",
  },
  { kind: "matrix", pattern: /layers\.\d+\.1\.\d+\.ffn\.layers\.[04]\.weight$/ },
];

/** The notice that goes with files that others wrote. */
const LICENCE =
  "the published weights of MiT and SegFormer are under the NVIDIA Source Code License (non-commercial: research and " +
  "evaluation only); it binds whoever uses them or what is trained from them";

/** What files call the tensors of `mit` with this head. */
export function mitNames(head: HeadName): WeightNames {
  return {
    perClass: /^decode_head\.(?:linear_pred|conv_seg|convs\.\d+\.0)\./,
    classOrders: {},
    schemes: [
      { name: "SegFormer and DAFormer", rules: original(head) },
      { name: "MiT", rules: ENCODER_RULES },
      huggingFace(head),
      MMSEGMENTATION,
    ],
    forms: FORMS,
    // The student of DAFormer, HRDA and MIC, which they evaluate; ema_model is its teacher, imnet_model the
    // encoder of ImageNet.
    usual: "model",
    notice: LICENCE,
    lacking: [],
  };
}
