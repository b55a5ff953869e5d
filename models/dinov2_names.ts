/**
 * What files call the tensors of DINOv2. Its own names are Meta's, after `backbone.`; deeplab_v2_names.ts
 * says how schemes work.
 */
import type { NameRule, TensorForm, WeightNames } from "../core/weights.ts";

/** The encoder's tensors in Meta's files; here they have `backbone.` before them. */
const ENCODER = String
  .raw`((?:cls_token|pos_embed|mask_token|register_tokens|patch_embed\.proj\..*|blocks\.\d+\..*|norm\..*))`;

const HEAD: readonly NameRule[] = [{ pattern: /^(?:upscale|out|classifier)\..*$/, to: "$&" }];

/** Parts of a block: Hugging Face's name, and the name here. */
const BLOCK_PARTS: readonly (readonly [string, string])[] = [
  ["norm1", "norm1"],
  ["attention.attention.qkv", "attn.qkv"],
  ["attention.output.dense", "attn.proj"],
  ["norm2", "norm2"],
  ["mlp.fc1", "mlp.fc1"],
  ["mlp.fc2", "mlp.fc2"],
];

const huggingFace: readonly NameRule[] = [
  { pattern: /^embeddings\.(cls_token|mask_token|register_tokens)$/, to: "backbone.$1" },
  { pattern: /^embeddings\.position_embeddings$/, to: "backbone.pos_embed" },
  { pattern: /^embeddings\.patch_embeddings\.projection\.(.*)$/, to: "backbone.patch_embed.proj.$1" },
  ...BLOCK_PARTS.map(([file, own]): NameRule => ({
    pattern: new RegExp(`^encoder\\.layer\\.(\\d+)\\.${file.replaceAll(".", "\\.")}\\.(weight|bias)$`),
    to: `backbone.blocks.$1.${own}.$2`,
  })),
  { pattern: /^encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1$/, to: "backbone.blocks.$1.ls$2.gamma" },
  { pattern: /^layernorm\.(weight|bias)$/, to: "backbone.norm.$1" },
  // A classifier of whole images.
  { pattern: /^classifier\./, to: null },
];

/** Hugging Face keeps queries, keys and values apart. */
const FORMS: readonly TensorForm[] = [{
  kind: "join",
  pattern: /(encoder\.layer\.\d+\.attention\.attention)\.(?<part>query|key|value)\.(weight|bias)$/,
  parts: ["query", "key", "value"],
  to: "$1.qkv.$3",
}];

/**
 * What files call the tensors of `dinov2`, whose own names are Meta's; and VFM-UDA's checkpoints of encoder
 * and head.
 */
export const DINOV2_NAMES: WeightNames = {
  perClass: /^(?:out|classifier)\./,
  classOrders: {},
  schemes: [
    { name: "plca", rules: [{ pattern: /^backbone\..*$/, to: "$&" }, ...HEAD] },
    // Linear classifiers of whole images come in files of their own, called `linear_head`.
    {
      name: "DINOv2",
      rules: [{ pattern: new RegExp(`^${ENCODER}$`), to: "backbone.$1" }, {
        pattern: /^linear_head\./,
        to: null,
      }],
    },
    { name: "Hugging Face", rules: huggingFace },
    {
      name: "VFM-UDA",
      rules: [
        { pattern: new RegExp(`^encoder\\.${ENCODER}$`), to: "backbone.$1" },
        ...HEAD,
        // A second copy of the encoder's mask token.
        { pattern: /^token_masking\.mask_token$/, to: null },
      ],
    },
  ],
  forms: FORMS,
  // VFM-UDA's student, which it evaluates; network_ema is its teacher.
  usual: "network",
  notice: "the published weights of DINOv2, with and without registers, are under the Apache License 2.0",
  lacking: [{
    pattern: /^backbone\.register_tokens$/,
    message: "the file has register tokens and the model none: with model.options.registers: 4 they are used",
  }],
};
