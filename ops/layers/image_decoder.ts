/**
 * The decoder of DISE (Chang et al. 2019), which makes an image of two codes. Think of the structure as a
 * drawing, the features of the segmenter, which the network is trained to keep the same in both domains; and
 * of the texture as a palette, eight numbers for an image from a private encoder of one domain. Drawing and
 * palette may come from different images: the source's structure in the target's texture is a translated
 * image that still has the source's labels.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { instanceNorm } from "../image_norm.ts";
import { reflectPad } from "../reflect_pad.ts";
import { Companion, type Mapping } from "./companion.ts";
import { CODE } from "./private_encoder.ts";

/** The two codes from which images are decoded. */
export interface Content {
  /** float32 [N, h, w, structure]: features, which both domains share. */
  readonly structure: tf.Tensor4D;
  /** float32 [N, CODE]: the code of the look, by the private encoder of a domain. */
  readonly texture: tf.Tensor2D;
  /** The domain to which the image is to belong; laid beside the features as a plane of 0 or 1. */
  readonly domain: 0 | 1;
}

/** A decoder with its parameters. */
export interface ImageDecoder {
  readonly params: readonly Param[];
  /**
   * Images with values in [-1, 1]: float32 [N, 8 h - 8, 8 w - 8, 3]. Gradients flow to both codes.
   * @throws UserError when the structure has a single row or column, which cannot be padded
   */
  decode(content: Content): tf.Tensor4D;
}

/** How it is built. */
export interface ImageDecoderOptions {
  /** Begins the parameters' names. */
  readonly prefix?: string;
  /** Channels of the structure. */
  readonly structure: number;
  /** A quarter of the channels of its widest layers; 64 as published. */
  readonly width: number;
}

const BLOCKS = 3;

/**
 * Builds it: the code is widened by four linear maps and laid beside every pixel of the structure, with the
 * domain's number; three residual blocks; three transposed convolutions, each of which doubles the sides (the
 * first makes two pixels less, which undoes a pooling that rounds up), and tanh. The first convolution pads
 * with the structure's own pixels, the others with zeros.
 */
export function imageDecoder(
  setup: Setup,
  { prefix = "", structure, width }: ImageDecoderOptions,
): ImageDecoder {
  const layers = new Companion(setup, prefix);
  const wide = 4 * width;
  const code = [CODE, CODE, CODE, wide].map((output, k) => layers.linear(`mlp.${k}`, [CODE, output]));
  const first = normed(layers, "first", {
    input: structure + wide + 1,
    output: wide,
    bias: false,
    padding: 0,
  });
  const blocks = Array.from(
    { length: BLOCKS },
    (_, k) => [0, 1].map((part) => normed(layers, `res${k}.${part}`, { input: wide, output: wide })),
  );
  const ups = [0, 1, 2].map((k) => {
    const input = wide / 2 ** k;
    const window = { side: 4, input, output: input, stride: 2, padding: k === 0 ? 2 : 1 };
    const enlarge = layers.transposedConvolution(`up${k}.deconv`, window);
    const smooth = normed(layers, `up${k}`, { input, output: input / 2 });
    return (x: tf.Tensor4D) => tf.relu(smooth(instanceNorm(enlarge(x), { relu: true })));
  });
  const colours = layers.convolution("rgb", { side: 3, input: wide / 8, output: 3, padding: 1 });
  return {
    params: layers.params,
    decode({ structure, texture, domain }) {
      const [n, h, w] = structure.shape;
      const widened = code.reduce((x, layer, k) => {
        const y = layer(x);
        return k < code.length - 1 ? tf.relu(y) : y;
      }, texture);
      const laid = tf.tile(tf.reshape(widened, [n, 1, 1, wide]), [1, h, w, 1]);
      const plane = tf.fill([n, h, w, 1], domain);
      let x = tf.relu(first(reflectPad(tf.concat([structure, laid, plane], 3) as tf.Tensor4D)));
      for (const [before, after] of blocks) x = tf.add(x, after!(tf.relu(before!(x))));
      return tf.tanh(colours(ups.reduce((y, up) => up(y), x)));
    },
  };
}

interface Channels {
  readonly input: number;
  readonly output: number;
  readonly bias?: boolean;
  readonly padding?: number;
}

/** A 3x3 convolution and its normalisation. */
function normed(layers: Companion, name: string, channels: Channels): Mapping {
  const convolve = layers.convolution(`${name}.conv`, { side: 3, padding: 1, ...channels });
  const normalise = layers.imageLayerNorm(`${name}.norm`, channels.output);
  return (x) => normalise(convolve(x));
}
