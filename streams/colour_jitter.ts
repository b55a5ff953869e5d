/**
 * Random changes of colours. Images come normalised, as the network reads them, so they are taken back to RGB
 * in [0, 1], changed, and normalised again. What is drawn and what is done are apart: `drawChanges` draws
 * numbers on the host, always equally many, so that later draws do not depend on the result; `changeColours`
 * then computes on the device.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Normalization } from "../core/plan.ts";
import type { Random } from "../core/random.ts";

/** The largest changes of colours; numbers in [0, 1]. */
export interface Jitter {
  /** Largest value that is added, either way. */
  readonly brightness: number;
  /** Colours are multiplied by 1 - contrast to 1 + contrast. */
  readonly contrast: number;
  /** The saturation (of HSV) is multiplied by 1 - saturation to 1 + saturation. */
  readonly saturation: number;
  /** Largest turn of the hue, either way, in turns of the colour circle. */
  readonly hue: number;
  /**
   * `kornia`: brightness is added, contrast multiplies all colours, saturation is HSV's. `torchvision`:
   * brightness multiplies colours, contrast moves them from or to the image's mean grey, saturation from or
   * to the pixel's own grey. Absent: `kornia`.
   */
  readonly form?: "kornia" | "torchvision";
}

type Change = (image: tf.Tensor3D) => tf.Tensor;

/** Changes of one image, in the order in which they are made. */
export type Changes = readonly Change[];

/**
 * Draws the changes of one image: how much of each of the four, and in which order. It takes as many numbers
 * of `random` whatever comes out.
 */
export function drawChanges(jitter: Jitter, random: Random): Changes {
  const { brightness, contrast, saturation, hue, form = "kornia" } = jitter;
  const within = (most: number) => random.uniform(-most, most);
  const [brighter, contrasted, saturated, turned] = [brightness, contrast, saturation, hue].map(within);
  const changes: Changes = form === "kornia"
    ? [
      (image) => tf.add(image, brighter!),
      (image) => tf.mul(image, 1 + contrasted!),
      (image) => withSaturation(image, 1 + saturated!),
      (image) => withHue(image, turned!),
    ]
    : [
      (image) => tf.mul(image, 1 + brighter!),
      (image) => movedFrom(tf.mean(greyOf(image)), image, 1 + contrasted!),
      (image) => movedFrom(greyOf(image), image, 1 + saturated!),
      (image) => withHue(image, turned!),
    ];
  return [...random.permutation(changes.length)].map((k) => changes[k]!);
}

/**
 * Images with their changes made, cut to [0, 1] after every change. No gradient is defined.
 * @param pixels float32 [N, H, W, 3], normalised @param changes one list for each image; an empty one leaves
 * it as it is, but for values outside of [0, 1]
 * @returns float32 [N, H, W, 3], normalised
 */
export function changeColours(
  pixels: tf.Tensor4D,
  changes: readonly Changes[],
  { order, scale, mean, deviation }: Normalization,
): tf.Tensor4D {
  return tf.tidy(() => {
    const swapped = (x: tf.Tensor4D) => order === "bgr" ? tf.reverse(x, 3) : x;
    const shares = swapped(
      tf.div(tf.add(tf.mul(pixels, perChannel(deviation)), perChannel(mean)), 255 * scale),
    );
    const images = tf.unstack(shares).map((image, k) =>
      changes[k]!.reduce((changed, change) => within(change(changed)), within(image))
    );
    const back = swapped(tf.stack(images) as tf.Tensor4D);
    return tf.div(
      tf.sub(tf.mul(back, 255 * scale), perChannel(mean)),
      perChannel(deviation),
    ) as tf.Tensor4D;
  });
}

function perChannel(values: readonly [number, number, number]): tf.Tensor1D {
  return tf.tensor1d([...values]);
}

function within(image: tf.Tensor): tf.Tensor3D {
  return tf.clipByValue(image, 0, 1) as tf.Tensor3D;
}

/** float32 [H, W, 1]: the luma of ITU-R BT.601. */
function greyOf(image: tf.Tensor3D): tf.Tensor {
  return tf.sum(tf.mul(image, perChannel([0.299, 0.587, 0.114])), 2, true);
}

/** Colours at `factor` times their distance from a grey. */
function movedFrom(grey: tf.Tensor, image: tf.Tensor3D, factor: number): tf.Tensor {
  return tf.add(tf.mul(image, factor), tf.mul(grey, 1 - factor));
}

/**
 * The saturation times a factor, at most 1: colours move from or to their largest channel, hue and value
 * stay.
 */
function withSaturation(image: tf.Tensor3D, factor: number): tf.Tensor {
  const value = tf.max(image, 2, true);
  const spread = tf.sub(value, tf.min(image, 2, true));
  // A grey pixel has the spread 0, and value - image is 0 too: whatever the factor, it stays grey.
  const most = tf.div(value, tf.maximum(spread, 1e-6));
  return tf.sub(value, tf.mul(tf.sub(value, image), tf.minimum(most, factor)));
}

/** The hue turned by a share of the circle; saturation and value stay. */
function withHue(image: tf.Tensor3D, turn: number): tf.Tensor {
  const [r, g, b] = tf.split(image, 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const value = tf.max(image, 2, true);
  const spread = tf.sub(value, tf.min(image, 2, true));
  const safe = tf.maximum(spread, 1e-6);
  const sixth = (one: tf.Tensor, other: tf.Tensor, offset: number) =>
    tf.add(tf.div(tf.sub(one, other), safe), offset);
  const ofBlue = sixth(r, g, 4), ofGreen = sixth(b, r, 2), ofRed = sixth(g, b, 0);
  const hue = tf.add(
    tf.where(tf.equal(r, value), ofRed, tf.where(tf.equal(g, value), ofGreen, ofBlue)),
    6 * turn,
  );
  // A channel equals the value within 60 degrees of its own hue, falls over the next 60, and is value -
  // spread beyond.
  const channels = [5, 3, 1].map((offset) => {
    const k = positiveRest(tf.add(hue, offset), 6);
    const share = tf.clipByValue(tf.minimum(k, tf.sub(4, k)), 0, 1);
    return tf.sub(value, tf.mul(spread, share));
  });
  return tf.concat(channels, 2);
}

/** x modulo m in [0, m); backends differ in the sign of theirs. */
function positiveRest(x: tf.Tensor, m: number): tf.Tensor {
  return tf.sub(x, tf.mul(tf.floor(tf.div(x, m)), m));
}
