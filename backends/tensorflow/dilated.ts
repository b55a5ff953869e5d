/**
 * The gradients of dilated convolutions on the processor, where TensorFlow has none. The straightforward way
 * lays out, for each output pixel, what its window saw: I numbers for each tap. With few output channels (a
 * classifier head has one per class) it is cheaper the other way round. For each input pixel, lay out the
 * gradients of the output pixels that saw it, O numbers for each tap, [pixels, taps O]; both gradients are
 * then products with this layout. Taps that see nothing but padding are left out; in a head with a dilation
 * of 24 on a small crop these are most of them.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";

/** Bytes of the layout that exists at once. */
const LAYOUT_BYTES = 2 ** 25;

/** A position in the filter. */
interface Tap {
  readonly row: number;
  readonly column: number;
}

/** Up to so many output channels this layout is the cheaper one. */
const FEW_OUTPUTS = 64;

/**
 * Whether the gradients of this file apply and are the faster ones: stride 1, no more padding than the window
 * reaches, few output channels.
 */
export function isShifted(
  [height, width, , output]: readonly number[],
  { stride, padding, dilation }: Window,
): boolean {
  const reach = dilation * (Math.min(height!, width!) - 1);
  return stride === 1 && padding <= reach && output! <= FEW_OUTPUTS;
}

/**
 * The taps along one axis that see a pixel of the image for some output; tap k of output o sees pixel o
 * stride + k dilation - padding.
 * @param side of the image @param taps of the filter
 */
function seeingTaps(side: number, taps: number, { stride, padding, dilation }: Window): number[] {
  const outputs = Math.floor((side + 2 * padding - dilation * (taps - 1) - 1) / stride) + 1;
  return Array.from({ length: taps }, (_, tap) => tap).filter((tap) => {
    const first = tap * dilation - padding, last = first + (outputs - 1) * stride;
    return first < side && last >= 0;
  });
}

/** Whether some taps see nothing but padding in images of this size. @param filter its shape */
export function hasFarTaps(
  [, height, width]: readonly number[],
  [rows, columns]: readonly number[],
  window: Window,
): boolean {
  return seeingTaps(height!, rows!, window).length < rows! ||
    seeingTaps(width!, columns!, window).length < columns!;
}

/** See {@linkcode Kernels.conv2dInputGradient}. */
export const shiftedInputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    const [, width, input, output] = filter.shape;
    const turned = tf.transpose(filter, [0, 1, 3, 2]);
    let total: tf.Tensor2D | undefined;
    forEachGroup(dy, { filter: filter.shape, x: xShape, window }, (layout, taps) => {
      const weights = taps.map(({ row, column }) =>
        tf.reshape(tf.slice(turned, [row, column, 0, 0], [1, 1, output, input]), [output, input])
      );
      const all = taps.length === filter.shape[0] * width;
      const ofTaps = all ? tf.reshape(turned, [-1, input]) : tf.concat(weights);
      const part = tf.matMul(layout, ofTaps as tf.Tensor2D) as tf.Tensor2D;
      total = total ? tf.add(total, part) : part;
    });
    return total ? tf.reshape(total, xShape) as tf.Tensor4D : tf.zeros(xShape) as tf.Tensor4D;
  });

/** See {@linkcode Kernels.conv2dFilterGradient}. */
export const shiftedFilterGradient: Kernels["conv2dFilterGradient"] = (dy, x, filterShape, window) =>
  tf.tidy(() => {
    const [height, width, input, output] = filterShape;
    const flat = tf.reshape(x, [-1, input]) as tf.Tensor2D;
    const byTap: tf.Tensor[] = [];
    forEachGroup(dy, { filter: filterShape, x: x.shape, window }, (layout, taps) => {
      const product = tf.matMul(flat, layout, true, false);
      const parts = tf.split(product, taps.length, 1);
      taps.forEach(({ row, column }, k) => byTap[row * width + column] = parts[k]!);
    });
    const zero = tf.zeros([input, output]);
    const taps = Array.from({ length: height * width }, (_, k) => byTap[k] ?? zero);
    return tf.reshape(tf.stack(taps), filterShape) as tf.Tensor4D;
  });

/** The shapes of filter and image, and the window. */
interface Geometry {
  readonly filter: readonly number[];
  readonly x: readonly number[];
  readonly window: Window;
}

/**
 * Goes through the taps in groups whose layout takes 32 MB at most. `visit` gets the taps of a group and, for
 * every input pixel, the gradients of the output pixels that saw it through these taps, float32 [N H W, taps
 * * O].
 */
function forEachGroup(
  dy: tf.Tensor4D,
  { filter, x, window }: Geometry,
  visit: (layout: tf.Tensor2D, taps: readonly Tap[]) => void,
): void {
  const [n, height, width] = x as Shape4D;
  const [rows, columns, , output] = filter as Shape4D;
  const { padding, dilation } = window;
  const reach = [dilation * (rows - 1), dilation * (columns - 1)] as const;
  const around = reach.map((pixels) => [pixels - padding, pixels - padding] as [number, number]);
  const padded = tf.pad(dy, [[0, 0], around[0]!, around[1]!, [0, 0]]);
  const seeing = seeingTaps(width, columns, window);
  const seen = seeingTaps(height, rows, window).flatMap((row) =>
    seeing.map((column): Tap => ({ row, column }))
  );
  const size = Math.max(1, Math.floor(LAYOUT_BYTES / (4 * n * height * width * output)));
  for (let start = 0; start < seen.length; start += size) {
    const taps = seen.slice(start, start + size);
    const slices = taps.map(({ row, column }) =>
      tf.slice(padded, [0, reach[0] - row * dilation, reach[1] - column * dilation, 0], [
        n,
        height,
        width,
        output,
      ])
    );
    const layout = slices.length === 1 ? slices[0]! : tf.concat(slices, 3);
    visit(tf.reshape(layout, [n * height * width, taps.length * output]) as tf.Tensor2D, taps);
    tf.dispose([...slices, layout]);
  }
}
