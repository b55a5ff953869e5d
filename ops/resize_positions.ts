/**
 * The table of positions of a vision transformer, resized to another grid of patches. A transformer adds a
 * learned vector to each patch by its place; images of another size have another grid, so the table is
 * interpolated bicubically, as the published code of DINOv2 does. Two ways are in use: models without
 * registers sample at shifted places, models with registers average when the grid shrinks. The differences
 * are small, but weights were trained with one of them.
 */
import * as tf from "@tensorflow/tfjs-core";
import { byProducts, type Weights } from "./resize_products.ts";

/** How {@linkcode resizePositions} samples. */
export interface PositionOptions {
  /**
   * Added to the new side before it is divided by the old one: 0.1 in DINOv2. It has no effect with
   * `antialias`.
   */
  readonly offset: number;
  /** Whether a grid that shrinks is averaged over more of its cells, as in DINOv2 with registers. */
  readonly antialias: boolean;
}

/** The cubic kernel (Keys 1981). @param a its slope at 1 */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * The matrix that samples a side: each new cell is the cubic mix of four old ones; cells beyond the edge
 * count as those at it.
 */
function sampled(from: number, to: number, offset: number): Weights {
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const centre = (row + 0.5) * from / (to + offset) - 0.5, first = Math.floor(centre) - 1;
    for (let cell = first; cell < first + 4; cell++) {
      const inside = Math.min(Math.max(cell, 0), from - 1);
      data[row * from + inside]! += cubic(cell - centre, -0.75);
    }
  }
  return { data, shape: [to, from] };
}

/**
 * The matrix with antialiasing: the kernel is as wide as a new cell; cells beyond the edge are left out, and
 * the weights add up to one.
 */
function averaged(from: number, to: number): Weights {
  const data = new Float32Array(to * from), scale = from / to, width = Math.max(1, scale);
  for (let row = 0; row < to; row++) {
    const centre = (row + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - 2 * width + 0.5));
    const end = Math.min(from, Math.trunc(centre + 2 * width + 0.5));
    const weights = Array.from(
      { length: end - first },
      (_, k) => cubic((first + k + 0.5 - centre) / width, -0.5),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, k) => data[row * from + first + k] = weight / total);
  }
  return { data, shape: [to, from] };
}

/**
 * A table of positions for another grid: the first token stays as it is, the others are a square grid that is
 * resized. A grid of the same size is still sampled, unless `offset` is 0. Gradients flow.
 * @param x float32 [1, 1 + m^2, C] @param size [height, width] of the new grid, in patches
 * @returns float32 [1, 1 + height width, C]
 * @throws Error when the tokens after the first are no square
 */
export function resizePositions(
  x: tf.Tensor3D,
  [height, width]: readonly [number, number],
  { offset, antialias }: PositionOptions,
): tf.Tensor3D {
  const [, tokens, channels] = x.shape, side = Math.round(Math.sqrt(tokens - 1));
  if (side < 1 || side ** 2 !== tokens - 1) {
    throw new Error(`a table of positions is [${x.shape}], expected one token and a square grid`);
  }
  const [rows, columns] = [height, width].map((to) =>
    antialias ? averaged(side, to) : sampled(side, to, offset)
  );
  const matrices = { rows: rows!, columns: columns! };
  const op = tf.customGrad((...args) => ({
    value: byProducts(args[0] as tf.Tensor4D, matrices, false),
    gradFunc: (dy: tf.Tensor) => byProducts(dy as tf.Tensor4D, matrices, true),
  }));
  const [first, grid] = tf.split(x, [1, tokens - 1], 1);
  const resized = op(tf.reshape(grid!, [1, side, side, channels]));
  return tf.concat([first!, tf.reshape(resized, [1, height * width, channels])], 1) as tf.Tensor3D;
}
