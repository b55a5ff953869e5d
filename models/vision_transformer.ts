/**
 * A vision transformer (Dosovitskiy et al. 2021) in DINOv2's form (Oquab et al. 2024). An image is cut into
 * patches; each becomes a token, a vector of `width` numbers. A token has no place by itself, so a vector for
 * its position is added. Blocks then let every token attend to every other. Beside the patches there is a
 * class token, which sums up the image, and perhaps registers: tokens that hold what the network would
 * otherwise store in patches without content of their own (Darcet et al. 2024).
 *
 * For segmentation the patches' tokens after a block, put back on the grid, are the map.
 */
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
  /** Patches along a side of the square table of positions; positions of other grids are sampled from it. */
  readonly table: number;
  /** How many register tokens there are; they have no position. */
  readonly registers: number;
  /** The channels within the feed-forward parts are so many times the width. */
  readonly ratio: number;
  /** Added to the variance by every norm. */
  readonly epsilon: number;
  /** How the table of positions is sampled. */
  readonly positions: PositionOptions;
  /** Whether blocks keep only their input for the gradient, and are computed again. */
  readonly checkpointing: boolean;
}

/** Which blocks of a transformer are read, and which patches it does not see. */
export interface TransformerPass {
  /** Blocks, counted from 0, whose patches are read beside the last one's; absent: none. */
  readonly blocks?: readonly number[];
  /** float32 [N, h, w]: 1 where a patch is replaced by the mask token; absent: nowhere. */
  readonly hidden?: tf.Tensor3D | undefined;
}

/** The output of a transformer; all of it has passed the last norm. */
export interface TransformerOutput {
  /** The patches after a block, float32 [N, h, w, C], by block: those that were asked for, and the last. */
  readonly maps: ReadonlyMap<number, tf.Tensor4D>;
  /** The class token after the last block, float32 [N, C]; computed when it is called. */
  classToken(): tf.Tensor2D;
}

/**
 * The standard deviation of PyTorch's default for a convolution of so many inputs. Numbers are drawn
 * uniformly there, normally here.
 */
export function defaultDeviation(inputs: number): number {
  return 1 / Math.sqrt(3 * inputs);
}

/** Standard deviations at the start: of the positions, and of class and register tokens. */
const POSITION_DEVIATION = 0.02, TOKEN_DEVIATION = 1e-6;

/**
 * Builds it: patches become tokens, positions are added, and blocks compute x += g1 attention(norm x), x +=
 * g2 mlp(norm x) with a learned factor g for each channel. There are 1 + registers + h w tokens, in this
 * order. Parameters are called as in the published files, after `backbone.`. `mask_token` replaces patches
 * that are hidden, before positions are added, so the network knows where something is missing.
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

/** The patches, with the mask token in the place of hidden ones. */
function replaced(patches: tf.Tensor4D, hidden: tf.Tensor3D, token: tf.Tensor): tf.Tensor4D {
  const mask = tf.expandDims(hidden, 3);
  return tf.add(tf.mul(patches, tf.sub(1, mask)), tf.mul(token, mask)) as tf.Tensor4D;
}

type Tokens = (x: tf.Tensor3D) => tf.Tensor3D;

/** Builds one block. With checkpointing only its input is kept for the gradient. */
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
  const blockParams = layers.params.slice(before).map(({ value }) => value);
  // At the end of the block everything is freed that is not kept for the gradient.
  const run: Tokens = (x) =>
    tf.tidy(() => {
      const [query, key, value] = tf.split(toAll(norm1(x)), 3, 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      const mixed = project(attention({ query, key, value, heads }));
      const y = tf.add(x, tf.mul(mixed, scale1)) as tf.Tensor3D;
      return tf.add(y, tf.mul(narrow(gelu(widen(norm2(y)))), scale2));
    });
  return checkpointing ? (x) => checkpoint(run, x, blockParams) : run;
}
