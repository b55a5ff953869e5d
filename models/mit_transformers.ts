/**
 * SegFormer as the Python library transformers keeps it, for `plca export --hub`: the configuration, and the
 * inverse of the scheme "Hugging Face" in mit_names.ts. Two things differ beside the names: transformers has
 * keys and values in a tensor each, and fuses the coarsest stage first.
 */
import type { HubTensor, TransformersLayout } from "../core/hub.ts";
import { HUGGING_FACE_PARTS } from "./mit_names.ts";
import type { MixTransformerShape } from "./mix_transformer.ts";

/** The sizes of a Mix Transformer with SegFormer's head. */
export interface SegformerNumbers {
  readonly shape: MixTransformerShape;
  /** Channels of the fused features. */
  readonly width: number;
  /** Probability that training leaves a channel out before the classifier. */
  readonly dropout: number;
  /** Whether the fusing convolution takes the finest stage first. */
  readonly finestFirst: boolean;
}

/**
 * The layout of `SegformerForSemanticSegmentation`. Its `tensors` throws Error for a tensor that transformers
 * has no place for.
 */
export function segformerLayout(
  { shape, width, dropout, finestFirst }: SegformerNumbers,
): TransformersLayout {
  const { dims, blocks, heads, reductions, ratio, dropPath } = shape;
  return {
    imageProcessor: "SegformerImageProcessor",
    config: {
      architectures: ["SegformerForSemanticSegmentation"],
      model_type: "segformer",
      num_channels: 3,
      num_encoder_blocks: 4,
      depths: blocks,
      hidden_sizes: dims,
      num_attention_heads: heads,
      sr_ratios: reductions,
      mlp_ratios: [ratio, ratio, ratio, ratio],
      patch_sizes: [7, 3, 3, 3],
      strides: [4, 2, 2, 2],
      hidden_act: "gelu",
      layer_norm_eps: shape.epsilon.block,
      drop_path_rate: dropPath,
      classifier_dropout_prob: dropout,
      attention_probs_dropout_prob: 0,
      hidden_dropout_prob: 0,
      initializer_range: 0.02,
      decoder_hidden_size: width,
      reshape_last_stage: true,
      semantic_loss_ignore_index: 255,
      dtype: "float32",
    },
    tensors(state) {
      const tensors = new Map<string, HubTensor>();
      for (const [name, tensor] of state) {
        const fused = name === FUSE && finestFirst ? stagesReversed(tensor) : tensor;
        for (const [hubName, part] of inTransformers(name, fused)) tensors.set(hubName, part);
      }
      return tensors;
    },
  };
}

const FUSE = "decode_head.linear_fuse.conv.weight";

/** Names here, with a stage counted from 1 and the rest of the name as groups, and the names there. */
const OUTSIDE_BLOCKS: readonly (readonly [RegExp, (stage: number, rest: string) => string])[] = [
  [
    /^backbone\.patch_embed(\d)\.(proj\..*)$/,
    (stage, rest) => `segformer.encoder.patch_embeddings.${stage}.${rest}`,
  ],
  [
    /^backbone\.patch_embed(\d)\.norm(\..*)$/,
    (stage, rest) => `segformer.encoder.patch_embeddings.${stage}.layer_norm${rest}`,
  ],
  [/^backbone\.norm(\d)(\..*)$/, (stage, rest) => `segformer.encoder.layer_norm.${stage}${rest}`],
  [/^decode_head\.linear_c(\d)(\..*)$/, (stage, rest) => `decode_head.linear_c.${stage}${rest}`],
];

const HEAD: readonly (readonly [string, string])[] = [
  [FUSE, "decode_head.linear_fuse.weight"],
  ["decode_head.linear_fuse.bn.", "decode_head.batch_norm."],
  ["decode_head.linear_pred.", "decode_head.classifier."],
];

/**
 * A tensor under its names in transformers: one, or two for keys and values. @throws Error when there is no
 * place for it
 */
function inTransformers(name: string, tensor: HubTensor): (readonly [string, HubTensor])[] {
  const block = /^backbone\.block(\d)\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (block) {
    const [, stage, index, part, kind] = block;
    const hubPart = HUGGING_FACE_PARTS.find(([, ours]) => ours === part)?.[0];
    const before = `segformer.encoder.block.${Number(stage) - 1}.${index}`;
    if (hubPart?.endsWith(".kv")) {
      const [key, value] = halves(tensor);
      const attention = `${before}.${hubPart.slice(0, -".kv".length)}`;
      return [[`${attention}.key.${kind}`, key], [`${attention}.value.${kind}`, value]];
    }
    if (hubPart !== undefined) return [[`${before}.${hubPart}.${kind}`, tensor]];
  }
  for (const [pattern, hubName] of OUTSIDE_BLOCKS) {
    const [, stage, rest] = pattern.exec(name) ?? [];
    if (stage !== undefined) return [[hubName(Number(stage) - 1, rest!), tensor]];
  }
  for (const [ours, hubName] of HEAD) {
    if (name.startsWith(ours)) return [[hubName + name.slice(ours.length), tensor]];
  }
  throw new Error(`SegFormer of transformers has no place for the tensor ${name}`);
}

/** The upper and the lower half of the first axis: keys and values. */
function halves({ shape: [rows, ...rest], data }: HubTensor): [HubTensor, HubTensor] {
  const shape = [rows! / 2, ...rest], middle = data.length / 2;
  return [{ shape, data: data.slice(0, middle) }, { shape, data: data.slice(middle) }];
}

/** [width, 4 * width, 1, 1] with the four stages of the second axis in the opposite order. */
function stagesReversed({ shape, data }: HubTensor): HubTensor {
  const [rows, columns] = shape as [number, number], width = columns / 4;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let stage = 0; stage < 4; stage++) {
      const from = row * columns + stage * width;
      out.set(data.subarray(from, from + width), row * columns + (3 - stage) * width);
    }
  }
  return { shape, data: out };
}
