/** The distribution of a network's weights, as TensorBoard's histograms show it. */

/** Counts of values between limits, and their moments. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper ends, rising. */
  readonly limits: readonly number[];
  /** As many: values above the limit before, up to this one. */
  readonly buckets: readonly number[];
}

const BUCKETS = 30;

/**
 * Counts in 30 buckets of equal width from the smallest to the largest value. Values that are not finite are
 * left out; undefined when none is left.
 */
export function histogramOf(values: Float32Array): Histogram | undefined {
  let [min, max, count, sum, sumOfSquares] = [Infinity, -Infinity, 0, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    count += 1;
    sum += value;
    sumOfSquares += value * value;
  }
  if (count === 0) return undefined;
  const width = (max - min) / BUCKETS;
  if (width === 0) return { min, max, count, sum, sumOfSquares, limits: [max], buckets: [count] };
  const buckets = new Array<number>(BUCKETS).fill(0);
  for (const value of values) {
    if (Number.isFinite(value)) buckets[Math.min(BUCKETS - 1, Math.floor((value - min) / width))]! += 1;
  }
  const limits = buckets.map((_, k) => k === BUCKETS - 1 ? max : min + (k + 1) * width);
  return { min, max, count, sum, sumOfSquares, limits, buckets };
}
