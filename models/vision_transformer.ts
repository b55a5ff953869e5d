import * as tf from "@tensorflow/tfjs-core";
import { attention } from "../ops/attention.ts";
import { checkpoint } from "../ops/checkpoint.ts";
import { gelu } from "../ops/gelu.ts";
import { convolutionLayer } from "../ops/layers/convolution.ts";
import { layerNormLayer } from "../ops/layers/layer_norm.ts";
import { linearLayer } from "../ops/layers/linear.ts";
import { type Layers, layersIn } from "../ops/layers/scope.ts";
import { type PositionOptions, resizePositions } from "../ops/resize_positions.ts";

/** The size of a vision transformer in DINOv2's form. */
export interface VisionTransformerShape {
  /** Channels of a token. */
  readonly width: number;
  readonly blocks: number;
  /** Attention heads; they divide the width. */
  readonly heads: number;
  /** Pixels along a side of a patch. */
  readonly patch: number;
  /**
   * Patches along a side of the square whose positions are known; those of other sizes are sampled from it.
   */
  readonly table: number;
  /** Tokens beside the patches and the class token, which have no position. */
  readonly registers: number;
  /** Channels within the feed-forward parts, in times of the width. */
  readonly ratio: number;
  /** Added to the variance by every norm. */
  readonly epsilon: number;
  /** How the table of positions is sampled. */
  readonly positions: PositionOptions;
  /** Whether blocks keep only their input for the gradient, and are computed again. */
  readonly checkpointing: boolean;
}

/** What of a transformer is read, and what it does not see. */
export interface TransformerPass {
  /** Blocks, counted from 0, whose patches are read beside the last one's; absent: none. */
  readonly blocks?: readonly number[];
  /** float32 [N, h, w]: 1 where a patch is replaced by the mask token; absent: nowhere. */
  readonly hidden?: tf.Tensor3D | undefined;
}

/** What a transformer makes of images, all of it through the last norm. */
export interface TransformerOutput {
  /** float32 [N, h, w, C] by block: those that were asked for, and the last. */
  readonly maps: ReadonlyMap<number, tf.Tensor4D>;
  /** float32 [N, C], of the last block; made when it is called. */
  classToken(): tf.Tensor2D;
}

/**
 * PyTorch's for a convolution of so many inputs; a uniform distribution there, a normal one of the same
 * deviation here.
 */
export function defaultDeviation(inputs: number): number {
  return 1 / Math.sqrt(3 * inputs);
}

/** Of the positions at the start, and of tokens that have none. */
const POSITION_DEVIATION = 0.02, TOKEN_DEVIATION = 1e-6;

/**
 * A vision transformer as in DINOv2 (Dosovitskiy et al. 2021; Oquab et al. 2024): patches of an image become
 * tokens; positions are added; blocks x += g1 attention(norm x), x += g2 mlp(norm x) with learned g. Its
 * parameters are called as in the published files, after `backbone.`; `mask_token` takes the place of patches
 * that are hidden, before positions are added.
 * @returns a function of float32 [N, h patch, w patch, 3]
 */
export function visionTransformer(layers: Layers, shape: VisionTransformerShape) {
  const { width, patch, table, registers, epsilon, positions } = shape;
  const tokens = layersIn(layers, "token");
  const token = (name: string, sides: readonly number[], deviation: number) =>
    tokens.normal(`backbone.${name}`, sides, deviation) as tf.Variable<tf.Rank.R3>;
  const classToken = token("cls_token", [1, 1, width], TOKEN_DEVIATION);
  const known = layers.normal(
    "backbone.pos_embed",
    [1, 1 + table ** 2, width],
    POSITION_DEVIATION,
    "position",
  ) as tf.Variable<tf.Rank.R3>;
  const registerTokens = registers === 0
    ? undefined
    : token("register_tokens", [1, registers, width], TOKEN_DEVIATION);
  const maskToken = tokens.param("backbone.mask_token", tf.zeros([1, width]));
  const embed = convolutionLayer(layersIn(layers, "patch"), ["backbone.patch_embed.proj", patch, 3, width], {
    stride: patch,
    constantInput: true,
    deviation: defaultDeviation(3 * patch ** 2),
  });
  const blocks = Array.from(
    { length: shape.blocks },
    (_, k) => blockOf(layers, `backbone.blocks.${k}`, shape),
  );
  const norm = layerNormLayer(layers, ["backbone.norm", width], epsilon);
  const positionsOf = (h: number, w: number): tf.Tensor3D =>
    h === table && w === table ? known : resizePositions(known, [h, w], positions);
  return (images: tf.Tensor4D, { blocks: wanted = [], hidden }: TransformerPass = {}): TransformerOutput => {
    const patches = embed(images);
    const [count, h, w] = patches.shape;
    const seen = hidden === undefined ? patches : replaced(patches, hidden, maskToken);
    const each = (one: tf.Tensor3D) => tf.add(tf.zeros([count, one.shape[1], width]), one) as tf.Tensor3D;
    const located = tf.add(
      tf.concat([each(classToken), tf.reshape(seen, [count, h * w, width]) as tf.Tensor3D], 1),
      positionsOf(h, w),
    ) as tf.Tensor3D;
    let x = registerTokens === undefined ? located : tf.concat([
      tf.slice(located, [0, 0, 0], [count, 1, width]),
      each(registerTokens),
      tf.slice(located, [0, 1, 0], [count, h * w, width]),
    ], 1);
    const maps = new Map<number, tf.Tensor4D>();
    blocks.forEach((block, k) => {
      x = block(x);
      if (k !== blocks.length - 1 && !wanted.includes(k)) return;
      const map = tf.slice(x, [0, 1 + registers, 0], [count, h * w, width]);
      maps.set(k, tf.reshape(norm(map), [count, h, w, width]));
    });
    const last = x;
    const first = () => norm(tf.slice(last, [0, 0, 0], [count, 1, width]));
    return { maps, classToken: () => tf.reshape(first(), [count, width]) };
  };
}

/** Hidden patches are the mask token. */
function replaced(patches: tf.Tensor4D, hidden: tf.Tensor3D, token: tf.Tensor): tf.Tensor4D {
  const mask = tf.expandDims(hidden, 3);
  return tf.add(tf.mul(patches, tf.sub(1, mask)), tf.mul(token, mask)) as tf.Tensor4D;
}

type Tokens = (x: tf.Tensor3D) => tf.Tensor3D;

function blockOf(
  all: Layers,
  name: string,
  { width, heads, ratio, epsilon, checkpointing }: VisionTransformerShape,
): Tokens {
  const layers = layersIn(all, "block");
  const before = layers.params.length;
  const scale = (part: string) => layers.param(`${name}.${part}.gamma`, tf.ones([width]), "scale");
  const norm1 = layerNormLayer(layers, [`${name}.norm1`, width], epsilon);
  const toAll = linearLayer(layers, [`${name}.attn.qkv`, width, 3 * width]);
  const project = linearLayer(layers, [`${name}.attn.proj`, width, width]);
  const scale1 = scale("ls1");
  const norm2 = layerNormLayer(layers, [`${name}.norm2`, width], epsilon);
  const widen = linearLayer(layers, [`${name}.mlp.fc1`, width, ratio * width]);
  const narrow = linearLayer(layers, [`${name}.mlp.fc2`, ratio * width, width]);
  const scale2 = scale("ls2");
  const own = layers.params.slice(before).map(({ value }) => value);
  // What the gradient does not keep is freed at the end of the block.
  const run: Tokens = (x) =>
    tf.tidy(() => {
      const [query, key, value] = tf.split(toAll(norm1(x)), 3, 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      const mixed = project(attention({ query, key, value, heads }));
      const y = tf.add(x, tf.mul(mixed, scale1)) as tf.Tensor3D;
      return tf.add(y, tf.mul(narrow(gelu(widen(norm2(y)))), scale2));
    });
  return checkpointing ? (x) => checkpoint(run, x, own) : run;
}
