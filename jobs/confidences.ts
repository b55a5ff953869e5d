/**
 * How confident a network is of the pixels that it takes for a class: counted, so that a whole data set fits
 * into memory.
 */

/** Bins of confidences in 0..1; values in one differ by less than a millionth. */
const BINS = 2 ** 20;
/** Bins are made so many at a time, where values fall. */
const PAGE = 2 ** 12;

interface Page {
  readonly counts: Uint32Array;
  /** The least value of each bin that has some. */
  readonly least: Float32Array;
}

/**
 * The confidences of one class, sorted. Memory grows with the range of values, not with their number: 8 MiB
 * at most.
 */
export class Confidences {
  readonly #pages: (Page | undefined)[] = Array.from({ length: BINS / PAGE });
  #count = 0;

  /** Values in all. */
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
   * The k-th value from below, counted from 0, or one of its bin, which is less than a millionth smaller.
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

  /** The k-th value from above, counted from 0. */
  descending(k: number): number | undefined {
    return this.ascending(this.#count - 1 - k);
  }
}

/** What a network predicts of an image. */
export interface Prediction {
  /** Class ids. */
  readonly labels: Uint8Array;
  /** Of the same length, in 0..1. */
  readonly confidence: Float32Array;
}

/** Predictions of a whole data set, by class. */
export class PredictedClasses {
  /** Confidences by class, of the pixels that are looked at. */
  readonly confidences: readonly Confidences[];
  /** Pixels by class, all of them. */
  readonly pixels: number[];
  readonly #every: number;

  /**
   * @param every pixels of a class in an image, row by row, from one that is looked at to the next; the first
   * is
   */
  constructor(classes: number, every: number) {
    this.confidences = Array.from({ length: classes }, () => new Confidences());
    this.pixels = Array.from({ length: classes }, () => 0);
    this.#every = every;
  }

  /** Counts an image. */
  add({ labels, confidence }: Prediction): void {
    const seen = this.pixels.map(() => 0);
    labels.forEach((label, pixel) => {
      if (seen[label]! % this.#every === 0) this.confidences[label]!.add(confidence[pixel]!);
      seen[label]! += 1;
    });
    seen.forEach((count, id) => this.pixels[id]! += count);
  }

  /** Classes that are predicted, but for less than `share` of the pixels, the rarest first. */
  rarerThan(share: number): number[] {
    const all = this.pixels.reduce((sum, count) => sum + count, 0);
    return this.pixels.map((_, id) => id)
      .filter((id) => this.pixels[id]! < share * all)
      .sort((a, b) => this.pixels[a]! - this.pixels[b]!);
  }
}
