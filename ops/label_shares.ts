/** Labels at the size of a feature map, by how much of each cell they cover. */
import * as tf from "@tensorflow/tfjs-core";
import { byProducts, type Weights } from "./resize_products.ts";

/**
 * Labels at the size of a feature map (Hoyer et al. 2022, DAFormer): for every cell of a coarser grid the
 * label that covers at least `least` of it, else `ignore`. Ids from K on count together as one more class,
 * and give `ignore` where that wins. A grid that does not divide the labels' size has cells that overlap by a
 * pixel (adaptive pooling). DAFormer compares features with ImageNet's only in cells that clearly show a
 * thing.
 * @param labels int32 [N, H, W], none of them 0, ids not negative @param size [height, width] of the grid
 * @returns int32 [N, height, width], without a gradient
 */
export function labelsByShare(
  labels: tf.Tensor3D,
  size: readonly [number, number],
  { classes, least, ignore }: { readonly classes: number; readonly least: number; readonly ignore: number },
): tf.Tensor3D {
  return tf.tidy(() => {
    const [, height, width] = labels.shape;
    const ids = tf.cast(tf.minimum(labels, tf.scalar(classes, "int32")), "int32");
    const hot = tf.cast(tf.oneHot(ids, classes + 1), "float32") as tf.Tensor4D;
    const sides = { rows: cells(height, size[0]), columns: cells(width, size[1]) };
    const shares = byProducts(hot, sides, false);
    const winner = tf.argMax(shares, -1);
    // A share is a sum of rounded numbers: one that equals `least` may come out a little below it.
    const enough = tf.greaterEqual(tf.max(shares, -1), least - 1e-5);
    const known = tf.logicalAnd(enough, tf.less(winner, tf.scalar(classes, "int32")));
    return tf.cast(tf.where(known, winner, tf.fill(winner.shape, ignore, "int32")), "int32") as tf.Tensor3D;
  });
}

/** The mean over the pixels of every cell along one side. */
function cells(from: number, to: number): Weights {
  const data = new Float32Array(to * from);
  for (let cell = 0; cell < to; cell++) {
    const first = Math.floor(cell * from / to), end = Math.ceil((cell + 1) * from / to);
    data.fill(1 / (end - first), cell * from + first, cell * from + end);
  }
  return { data, shape: [to, from] };
}
