/**
 * How confident a network is of the pixels that it takes for a class, over a whole dataset. Thresholds are
 * quantiles of these confidences: to know one exactly, billions of numbers would have to be sorted. Here they
 * are counted in a million bins, so a quantile is right to a millionth, and memory does not grow with the
 * dataset.
 *
 * The first pass of `pseudo-labels` counts with it. label_choice.ts asks it for the quantiles. Finer bins
 * would move every threshold, and with it the labels of a recorded run.
 */

/** Bins of confidences in 0..1; values in one bin differ by less than a millionth. */
const BINS = 2 ** 20;
/** Bins are allocated in pages of so many, where values fall. */
const PAGE = 2 ** 12;

/** Some consecutive bins. */
interface Page {
  /** How many values each bin has. */
  readonly counts: Uint32Array;
  /** The smallest value in each bin; Infinity in an empty one. */
  readonly least: Float32Array;
}

/**
 * The confidences of one class, as if sorted. Memory grows with the range of values, not with their number: 8
 * MiB at most.
 */
export class Confidences {
  readonly #pages: (Page | undefined)[] = Array.from({ length: BINS / PAGE });
  #count = 0;

  /** How many values were added. */
  get count(): number {
    return this.#count;
  }

  /** @param value in 0..1 */
  add(value: number): void {
    const bin = Math.min(BINS - 1, Math.floor(value * BINS));
    const place = Math.floor(bin / PAGE), at = bin % PAGE;
    const page = this.#pages[place] ??= {
      counts: new Uint32Array(PAGE),
      least: new Float32Array(PAGE).fill(Infinity),
    };
    page.counts[at]! += 1;
    if (value < page.least[at]!) page.least[at] = value;
    this.#count += 1;
  }

  /**
   * The k-th value from below, counted from 0; of several values in its bin the smallest, which is less than
   * a millionth smaller.
   * @returns undefined when there are not so many
   */
  ascending(k: number): number | undefined {
    if (k < 0 || k >= this.#count) return undefined;
    let before = 0;
    for (const page of this.#pages) {
      if (page === undefined) continue;
      for (let at = 0; at < PAGE; at++) {
        before += page.counts[at]!;
        if (before > k) return page.least[at]!;
      }
    }
    return undefined;
  }

  /** The k-th value from above, counted from 0, as `ascending`. */
  descending(k: number): number | undefined {
    return this.ascending(this.#count - 1 - k);
  }
}

/** The predictions of one image. */
export interface Prediction {
  /** The class id of each pixel, row by row. */
  readonly labels: Uint8Array;
  /** The probability of that class, in 0..1; of the same length. */
  readonly confidence: Float32Array;
}

/** The predictions of a whole dataset, by class. */
export class PredictedClasses {
  /** Confidences by class, of every so many pixels. */
  readonly confidences: readonly Confidences[];
  /** By class, the number of all its pixels. */
  readonly pixels: number[];
  readonly #every: number;

  /**
   * @param every of the pixels of a class in an image, row by row, the first counts for the confidences, and
   * then every so many
   */
  constructor(classes: number, every: number) {
    this.confidences = Array.from({ length: classes }, () => new Confidences());
    this.pixels = Array.from({ length: classes }, () => 0);
    this.#every = every;
  }

  /** Counts the pixels of an image. */
  add({ labels, confidence }: Prediction): void {
    const seen = this.pixels.map(() => 0);
    labels.forEach((label, pixel) => {
      if (seen[label]! % this.#every === 0) this.confidences[label]!.add(confidence[pixel]!);
      seen[label]! += 1;
    });
    seen.forEach((count, id) => this.pixels[id]! += count);
  }

  /**
   * The classes with fewer than `share` of all pixels, the rarest first; also those that were never
   * predicted.
   */
  rarerThan(share: number): number[] {
    const all = this.pixels.reduce((sum, count) => sum + count, 0);
    return this.pixels.map((_, id) => id)
      .filter((id) => this.pixels[id]! < share * all)
      .sort((a, b) => this.pixels[a]! - this.pixels[b]!);
  }
}
