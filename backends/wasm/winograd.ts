/**
 * 3x3 convolutions with fewer multiplications, by Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015).
 *
 * Four pixels of an output, two by two, are 36 products of weights with what their windows see. But the
 * windows overlap: they see 16 pixels in all. Added and subtracted in the right way beforehand, these 16
 * numbers need one product each, with 16 numbers made of the nine weights, and sums and differences of the
 * products are the four outputs. So 16 multiplications do the work of 36. Over channels each of the 16 is a
 * matrix product of its own, [tiles, I] [I, O]: here called a plane. The gradient of the input is the same
 * over the mirrored map, with the channels exchanged; that of the filter takes the transposed steps.
 *
 * Pixels of a tile lie `dilation` apart. A map is thus divided into dilation^2 interleaved ones, each with tiles
 * of its own; two tables of where tiles begin are all that knows it.
 *
 * Rounding differs from that of the plain sum, by about as much as the order of a long sum changes it: the
 * factors of the sums are 1 and 1/2.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D, Window } from "../../ops/kernel_types.ts";
import { address, emptyTensor, zeroTensor } from "./heap.ts";
import type { MultiplyPlanes, MultiplyPlanesLater, Planes } from "./products.ts";
import { simd } from "./simd.ts";

/**
 * About as many bytes the planes of one run take, those of the filter aside; or as many as these, if they are
 * larger, since each run reads all of them.
 */
const PLANE_BYTES = 2 ** 24;

/** Numbers of scratch memory for the kernels of filters. */
const SCRATCH = 2 ** 12;

/**
 * From so many input and output channels on. With fewer it would be faster too, but there is little to gain:
 * a percent of a step of ResNet-101. And the numbers of small networks stay those of the plain sum.
 */
const FEWEST_CHANNELS = 256;

/** At most so many multiplications a pixel, of nine, are worth the transforms. */
const MOST_PRODUCTS = 6;

/**
 * Whether a convolution is computed so: 3x3, stride 1, the output as large as the input, enough channels, and
 * tiles that have most of their pixels inside the image. With a dilation of its side each tile has one alone.
 */
export function hasTiles(
  [, height, width]: Shape4D,
  [rows, columns, input, output]: Shape4D,
  { stride, padding, dilation }: Window,
): boolean {
  if (rows !== 3 || columns !== 3 || stride !== 1 || padding !== dilation || dilation < 1) return false;
  if (![input, output].every((channels) => channels >= FEWEST_CHANNELS && channels % 4 === 0)) return false;
  const tiles = begins(height, dilation).length * begins(width, dilation).length;
  return 16 * tiles <= MOST_PRODUCTS * height * width;
}

/**
 * The first row, or column, of every row of tiles of a map with so many rows. With a negative dilation tiles
 * run backwards: the second row of each lies above its first.
 */
function begins(size: number, dilation: number): number[] {
  const firsts: number[] = [], apart = Math.abs(dilation);
  for (let map = 0; map < Math.min(apart, size); map++) {
    for (let first = map; first < size; first += 2 * apart) {
      firsts.push(dilation > 0 ? first : size - 1 - first);
    }
  }
  return firsts;
}

/** Some tiles of a map, and the arguments of the kernels that say which. */
interface Run {
  readonly first: boolean;
  readonly last: boolean;
  /** Rows of their planes. */
  readonly rows: number;
  /**
   * From the map's address on all arguments but the last, the planes. Each call makes a row of zeros for pixels
   * beyond the image, which `winogradOutput` writes to.
   */
  of(map: tf.Tensor4D): number[];
}

/**
 * The next odd number. Planes have an odd number of rows, perhaps one more than tiles: with an even one several
 * planes would fall on the same few places of the processor's cache, and a pass over all of them took up to three
 * times as long.
 */
function oddOf(tiles: number): number {
  return tiles + 1 - tiles % 2;
}

/** Goes through all tiles of a map in runs, for a filter of so many inputs and outputs. */
function forEachRun(
  [images, height, width]: Shape4D,
  [input, output]: readonly [number, number],
  dilation: number,
  visit: (run: Run) => void,
): void {
  tf.tidy(() => {
    const rows = begins(height, dilation), columns = begins(width, dilation);
    const [tops, lefts] = [tf.tensor1d(rows, "int32"), tf.tensor1d(columns, "int32")];
    const count = images * rows.length * columns.length;
    const bytes = Math.max(PLANE_BYTES, 4 * 16 * input * output);
    const most = Math.max(1, Math.floor(bytes / (4 * 16 * (input + output))));
    // Runs of about one length, so that the last is no small rest, for which a product would be inefficient.
    const length = Math.ceil(count / Math.ceil(count / most));
    for (let from = 0; from < count; from += length) {
      const to = Math.min(from + length, count);
      tf.tidy(() =>
        visit({
          first: from === 0,
          last: to === count,
          rows: oddOf(to - from),
          of: (map) => [
            address(map),
            height,
            width,
            map.shape[3],
            dilation,
            address(tops),
            rows.length,
            address(lefts),
            columns.length,
            from,
            to,
            address(zeroTensor([map.shape[3]])),
            oddOf(to - from),
          ],
        })
      );
    }
  });
}

/** 16 matrices whose values are not set yet. @param spare numbers of memory behind them */
function planesOf(rows: number, columns: number, spare = 0): Planes {
  return { tensor: emptyTensor([16 * rows * columns + spare]), element: 0, planes: 16, rows, columns };
}

/** The planes of the tiles that windows see, [16, tiles, channels]. */
function seenPlanes(x: tf.Tensor4D, run: Run): Planes {
  const planes = planesOf(run.rows, x.shape[3]);
  simd("winogradInput", ...run.of(x), address(planes.tensor));
  return planes;
}

/** The planes of a filter, [16, I, O]. */
function filterPlanes(filter: tf.Tensor4D): Planes {
  const [, , input, output] = filter.shape;
  const planes = planesOf(input, output);
  const scratch = emptyTensor([SCRATCH]);
  simd("winogradFilter", address(filter), input * output, address(scratch), address(planes.tensor));
  return planes;
}

/** The convolution of `x` with a filter of `channels` outputs. */
function convolve(
  x: tf.Tensor4D,
  filter: Planes,
  channels: number,
  { dilation, multiply }: { readonly dilation: number; readonly multiply: MultiplyPlanes },
): tf.Tensor4D {
  const [images, height, width, input] = x.shape;
  const y = emptyTensor([images, height, width, channels]) as tf.Tensor4D;
  forEachRun(x.shape, [input, channels], dilation, (run) => {
    const products = planesOf(run.rows, channels);
    multiply([seenPlanes(x, run), filter], products, false);
    simd("winogradOutput", ...run.of(y), address(products.tensor));
  });
  return y;
}

/** See {@linkcode Kernels.conv2d}. */
export function tiledConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { dilation }: Window,
  multiply: MultiplyPlanes,
): tf.Tensor4D {
  return tf.tidy(() => convolve(x, filterPlanes(filter), filter.shape[3], { dilation, multiply }));
}

/** The gradient with respect to the input: a convolution of the mirrored map, with the channels exchanged. */
export function tiledInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  { dilation }: Window,
  multiply: MultiplyPlanes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const exchanged = { ...filterPlanes(filter), transposed: true };
    return convolve(dy, exchanged, filter.shape[2], { dilation: -dilation, multiply });
  });
}

/** The gradient with respect to the filter, written to `gradient`, perhaps later. */
export function tiledFilterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  gradient: tf.Tensor4D,
  { window, multiply, later }: {
    readonly window: Window;
    readonly multiply: MultiplyPlanes;
    readonly later: MultiplyPlanesLater;
  },
): tf.Tensor4D {
  const [, , input, output] = gradient.shape;
  tf.tidy(() => {
    const size = 16 * input * output;
    // With scratch memory at its end, since `finish` must not allocate.
    const sum = planesOf(input, output, SCRATCH);
    forEachRun(x.shape, [input, output], window.dilation, (run) => {
      const slopes = planesOf(run.rows, output);
      simd("winogradSlopes", ...run.of(dy), address(slopes.tensor));
      const factors = [{ ...seenPlanes(x, run), transposed: true }, slopes] as const;
      const part = run.first ? sum : planesOf(input, output);
      const add = () => {
        if (part !== sum) simd("addRows", address(sum.tensor), 0, 16 * input, output, address(part.tensor));
      };
      if (!run.last) {
        multiply(factors, part, false);
        return add();
      }
      later(factors, part, {
        gives: gradient,
        needs: [sum.tensor],
        finish() {
          add();
          const [sums, scratch] = [address(sum.tensor), address(sum.tensor, size)];
          simd("winogradFilterGradient", sums, input * output, scratch, address(gradient));
        },
      });
    });
  });
  return gradient;
}
