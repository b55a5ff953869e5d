/**
 * The images on which a file and its network are compared: pictures of the dataset one by one and, if the
 * file takes any size, a batch of two in an awkward size, because that is where a wrong shape in the file
 * would show.
 */
import type { Normalization } from "../core/plan.ts";
import type { NetworkInput } from "../datasets/evaluation.ts";
import { normalizeInto } from "../datasets/transforms/normalize.ts";
import type { Trial } from "./verify.ts";

/** A picture in RGB, 3 bytes a pixel, row by row. */
export interface Picture {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `3 * width * height` bytes. */
  readonly data: Uint8Array;
}

/** The normalisation that changes nothing: bytes stay bytes. */
export const AS_BYTES: Normalization = { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] };

/** An input that was prepared with {@linkcode AS_BYTES}, as a picture. */
export function pictureOf({ images, width, height }: NetworkInput): Picture {
  return { width, height, data: Uint8Array.from(images) };
}

/** What the file takes. */
export interface TrialOptions {
  readonly normalization: Normalization;
  /** Whether the file takes bytes. */
  readonly bytes: boolean;
  /** Whether it takes any size. */
  readonly free: boolean;
}

/**
 * A trial of each picture, and one of two pictures together: of the first's size, or of another one if the
 * file takes any. @param pictures at least one
 */
export function trialsOf(pictures: readonly Picture[], options: TrialOptions): Trial[] {
  const singles = pictures.map((one) => trial([one], options));
  const [first] = pictures;
  const size = options.free ? { width: smaller(first!.width), height: smaller(first!.height) } : first!;
  const [a, b] = [first!, pictures.at(-1)!].map((one) => cut(one, size));
  return [...singles, trial([a!, b!], options)];
}

/** A somewhat smaller side that is not a multiple of what a network divides by. */
function smaller(side: number): number {
  return Math.max(Math.min(side, 32), side - Math.floor(side / 8) - 1);
}

/** The upper left corner of a picture; one that is smaller is repeated. */
function cut({ width, height, data }: Picture, size: Pick<Picture, "width" | "height">): Picture {
  const out = new Uint8Array(3 * size.width * size.height);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const from = 3 * ((y % height) * width + x % width);
      out.set(data.subarray(from, from + 3), 3 * (y * size.width + x));
    }
  }
  return { ...size, data: out };
}

/** The same pictures, normalised for the network, and as the file takes them. */
function trial(pictures: readonly Picture[], { normalization, bytes }: TrialOptions): Trial {
  const { width, height } = pictures[0]!, count = pictures.length;
  const whole = new Uint8Array(3 * width * height * count);
  pictures.forEach(({ data }, k) => whole.set(data, k * data.length));
  const images = new Float32Array(whole.length);
  normalizeInto(whole, normalization, { out: images, offset: 0 });
  const given = bytes
    ? { dims: [count, height, width, 3], data: whole }
    : { dims: [count, 3, height, width], data: planes(images, count) };
  return { images, sides: [count, height, width], given };
}

/** [N, H, W, 3] as [N, 3, H, W]. */
function planes(rows: Float32Array, images: number): Float32Array {
  const out = new Float32Array(rows.length), pixels = rows.length / images / 3;
  for (let n = 0; n < images; n++) {
    for (let k = 0; k < pixels; k++) {
      for (let c = 0; c < 3; c++) out[(n * 3 + c) * pixels + k] = rows[(n * pixels + k) * 3 + c]!;
    }
  }
  return out;
}
