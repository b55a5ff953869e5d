import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";

/**
 * Pads all four sides with the mirror image of the pixels inside. The edge itself is not repeated: a row a b
 * c padded by 1 is b a b c b. Gradients flow.
 * @param x float32 [N, H, W, C] @param pixels on each side
 * @returns float32 [N, H + 2 pixels, W + 2 pixels, C]
 * @throws UserError when a side has no more than `pixels`
 */
export function reflectPad(x: tf.Tensor4D, pixels = 1): tf.Tensor4D {
  const [, height, width] = x.shape;
  if (Math.min(height, width) <= pixels) {
    throw new UserError(
      `maps of ${height}x${width} pixels cannot be padded with ${pixels} of their own: expected larger ones`,
    );
  }
  return along(along(x, 1, pixels), 2, pixels);
}

/** Pads one axis. */
function along(x: tf.Tensor4D, axis: 1 | 2, pixels: number): tf.Tensor4D {
  const side = x.shape[axis];
  const line = (at: number) => {
    const begin = [0, 0, 0, 0], size = [...x.shape];
    begin[axis] = at;
    size[axis] = 1;
    return tf.slice(x, begin, size);
  };
  const steps = Array.from({ length: pixels }, (_, k) => k + 1);
  return tf.concat([
    ...steps.toReversed().map((k) => line(k)),
    x,
    ...steps.map((k) => line(side - 1 - k)),
  ], axis) as tf.Tensor4D;
}
