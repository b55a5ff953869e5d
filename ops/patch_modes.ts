/**
 * Patches of label maps as histograms, and the cluster of each (after Tsai et al. 2019). What a patch shows
 * is summed up by the shares of the classes in its four quarters, 4 K numbers; patches with similar numbers
 * (road below sky, cars beside a pavement) form a mode. patch_clusters.ts in losses/ finds the modes of the
 * source once; here patches are assigned to them in every step.
 */
import * as tf from "@tensorflow/tfjs-core";
import { adaptiveAveragePool } from "./average_pool.ts";
import { constant } from "./constant.ts";

/** Height and width of a patch in pixels, both even. */
export type Patch = readonly [number, number];

/** How many patches a map of this size holds, along each side; a rest that fills no patch is left out. */
export function patchGrid([height, width]: Patch, patch: Patch): [number, number] {
  return [Math.floor(height / patch[0]), Math.floor(width / patch[1])];
}

/**
 * The shares of the classes among the labelled pixels of each quarter of a patch; zeros where none is
 * labelled. No gradient.
 * @param labels int32 [N, H, W], not smaller than a patch; ids outside 0 .. classes - 1 are not labelled
 * @returns float32 [N, patches, 4 classes]: patches row by row, quarters top left, top right, bottom left,
 * bottom right
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
 * The nearest centre of each histogram by squared distance, the first of equally near ones. No gradient.
 * @param histograms float32 [N, patches, L] @param centres float32 [clusters, L] @returns int32 [N, patches]
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
 * The mean of each patch; pixels beyond the last whole patch are left out. Gradients flow.
 * @param maps float32 [N, H, W, C] @param grid as patchGrid gives it @returns float32 [N, rows, columns, C]
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
