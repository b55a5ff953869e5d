import * as tf from "@tensorflow/tfjs-core";

/**
 * Resizes labels by picking: row k of the result is the row floor(k * from / to) of the labels, columns
 * alike. That is PyTorch's `nearest`, counted in float32 as PyTorch does, so that the same pixels are picked.
 * @param labels int32 [N, H, W], N at least 1 @param size [height, width] @returns int32 [N, height, width]
 */
export function nearestLabels(labels: tf.Tensor3D, size: readonly [number, number]): tf.Tensor3D {
  const [, height, width] = labels.shape;
  if (height === size[0] && width === size[1]) return tf.clone(labels);
  return tf.tidy(() => {
    const rows = tf.gather(labels, sourceIndices(height, size[0]), 1);
    return tf.gather(rows, sourceIndices(width, size[1]), 2);
  });
}

/** Which old row or column each new one takes. */
function sourceIndices(from: number, to: number): tf.Tensor1D {
  const scale = Math.fround(from / to);
  const indices = Array.from(
    { length: to },
    (_, k) => Math.min(Math.floor(Math.fround(k * scale)), from - 1),
  );
  return tf.tensor1d(indices, "int32");
}
