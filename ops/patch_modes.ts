/** Patches of label maps as histograms, and the cluster of each (after Tsai et al. 2019). */
import * as tf from "@tensorflow/tfjs-core";
import { adaptiveAveragePool } from "./average_pool.ts";
import { constant } from "./constant.ts";

/** Height and width of a patch in pixels, both even. */
export type Patch = readonly [number, number];

/** How many patches a map of this size holds, along each side; what fills none is left out. */
export function patchGrid([height, width]: Patch, patch: Patch): [number, number] {
  return [Math.floor(height / patch[0]), Math.floor(width / patch[1])];
}

/**
 * float32 [N, patches, 4 K], patches row by row: of each quarter (top left, top right, bottom left, bottom
 * right) the classes' shares of its labelled pixels; zeros where none is.
 * @param labels int32 [N, H, W]
 */
export function patchHistograms(labels: tf.Tensor3D, patch: Patch, classes: number): tf.Tensor3D {
  return constant(() => {
    const [n, height, width] = labels.shape;
    const [rows, columns] = patchGrid([height, width], patch);
    const used = tf.slice(labels, [0, 0, 0], [n, rows * patch[0], columns * patch[1]]);
    const hot = tf.reshape(
      tf.cast(tf.oneHot(tf.reshape(used, [used.size]) as tf.Tensor1D, classes), "float32"),
      [
        ...used.shape,
        classes,
      ],
    );
    const means = adaptiveAveragePool(hot as tf.Tensor4D, [2 * rows, 2 * columns]);
    const shares = tf.div(means, tf.maximum(tf.sum(means, 3, true), 1e-12));
    // [N, rows, 2, columns, 2, K] to [N, rows, columns, 2, 2, K].
    const quarters = tf.transpose(tf.reshape(shares, [n, rows, 2, columns, 2, classes]), [0, 1, 3, 2, 4, 5]);
    return tf.reshape(quarters, [n, rows * columns, 4 * classes]) as tf.Tensor3D;
  });
}

/**
 * int32 [N, patches]: the nearest centre by squared distance, the first of equals.
 * @param centres float32 [K, 4 C]
 */
export function nearestCentres(histograms: tf.Tensor3D, centres: tf.Tensor2D): tf.Tensor2D {
  return constant(() => {
    const [n, patches, length] = histograms.shape;
    const flat = tf.reshape(histograms, [n * patches, length]) as tf.Tensor2D;
    const squares = tf.sum(tf.square(centres), 1);
    const distances = tf.sub(squares, tf.mul(tf.matMul(flat, centres, false, true), 2));
    return tf.cast(tf.reshape(tf.argMin(distances, 1), [n, patches]), "int32") as tf.Tensor2D;
  });
}

/**
 * The mean of each patch of a map that holds a whole number of them or more.
 * @param maps float32 [N, H, W, C]
 */
export function patchMeans(
  maps: tf.Tensor4D,
  [rows, columns]: readonly [number, number],
  patch: Patch,
): tf.Tensor4D {
  const [n, , , channels] = maps.shape;
  const used = tf.slice(maps, [0, 0, 0, 0], [n, rows * patch[0], columns * patch[1], channels]);
  return adaptiveAveragePool(used, [rows, columns]);
}
