/**
 * Measures of predictions that need no labels, to choose a snapshot by when the target has none. A validation
 * with `evaluation.label_free` (train/validation.ts) adds each image and logs the measures. Plain numbers, no
 * tensors.
 *
 * None of them knows what is right. Low entropy says that the network is sure; a network that calls
 * everything road is very sure, so mutual information also asks that all classes are used; neighbourhood
 * density asks that predictions form clusters. docs/evaluation.md says how far to trust them.
 */

/**
 * Class probabilities of some pixels, float32: `data[pixel * channels + class]`, each pixel's adding up to 1.
 */
export interface PixelProbabilities {
  /** Classes. */
  readonly channels: number;
  readonly data: Float32Array;
}

/**
 * How many pixels of all images together are compared with each other; the time of that grows with the square
 * of their number.
 */
const SAMPLES = 1000;

/** Cosines are divided by this before the softmax; the published value (Saito et al. 2021). */
const TEMPERATURE = 0.05;

/**
 * Takes in images one by one and computes the measures of all of them. It keeps a sample of pixels, and one sum
 * for each class.
 */
export class PredictionMeasures {
  readonly #perImage: number;
  #entropy = 0;
  #pixels = 0;
  #sums: Float64Array | undefined;
  readonly #samples: Float64Array[] = [];

  /**
   * @param images how many will be added, at least one. Each gives equally many pixels, rounded up, until the
   * sample is full; the last images may then give none
   */
  constructor(images: number) {
    this.#perImage = Math.max(1, Math.ceil(SAMPLES / images));
  }

  /** Adds an image; its first one says how many classes there are. */
  add({ channels, data }: PixelProbabilities): void {
    const sums = this.#sums ??= new Float64Array(channels);
    const pixels = data.length / channels;
    for (let from = 0; from < data.length; from += channels) {
      for (let k = 0; k < channels; k++) {
        const p = data[from + k]!;
        sums[k]! += p;
        if (p > 0) this.#entropy -= p * Math.log(p);
      }
    }
    this.#pixels += pixels;
    const wanted = Math.min(this.#perImage, SAMPLES - this.#samples.length, pixels);
    for (let k = 0; k < wanted; k++) {
      const pixel = Math.floor((k + 0.5) * pixels / wanted);
      this.#samples.push(unit(data.subarray(pixel * channels, (pixel + 1) * channels)));
    }
  }

  /**
   * The measures so far:
   * - `entropy`: the mean over pixels of -sum p log p / log K, in [0, 1].
   * - `mutualInformation`: the entropy of the mean prediction, over log K, less `entropy`, in [0, 1]
   *   (Krause et al. 2010).
   * - `neighbourhoodDensity`: how many neighbours a prediction has, in [0, 1] (Saito et al. 2021). A sample of
   *   up to 1,000 pixels is taken, evenly spread in each image. For each of them, a softmax runs over the
   *   cosines of its prediction with all others, divided by 0.05; the measure is the mean entropy of these
   *   softmaxes, divided by the log of the number of others, which the paper does not do.
   *
   * @returns an empty record without a pixel or with fewer than two classes; no density with fewer than three
   *   pixels in the sample
   */
  measures(): Record<string, number> {
    const sums = this.#sums;
    if (sums === undefined || sums.length < 2 || this.#pixels === 0) return {};
    const largest = Math.log(sums.length);
    const entropy = this.#entropy / this.#pixels / largest;
    const marginal = entropyOf(sums.map((sum) => sum / this.#pixels)) / largest;
    const density = neighbourhoodDensity(this.#samples);
    return {
      entropy,
      mutualInformation: marginal - entropy,
      ...(density === undefined ? {} : { neighbourhoodDensity: density }),
    };
  }
}

/**
 * Undefined for fewer than three pixels: none of them would have several neighbours. @param pixels
 * predictions as vectors of length 1
 */
function neighbourhoodDensity(pixels: readonly Float64Array[]): number | undefined {
  const count = pixels.length;
  if (count < 3) return undefined;
  let sum = 0;
  const weights = new Float64Array(count - 1);
  for (let a = 0; a < count; a++) {
    let total = 0;
    for (let b = 0, at = 0; b < count; b++) {
      if (b === a) continue;
      // A cosine is at most 1, so nothing overflows.
      total += weights[at++] = Math.exp((dot(pixels[a]!, pixels[b]!) - 1) / TEMPERATURE);
    }
    for (let k = 0; k < weights.length; k++) weights[k]! /= total;
    sum += entropyOf(weights);
  }
  return sum / count / Math.log(count - 1);
}

/** -sum p log p in nats; 0 log 0 is 0. */
function entropyOf(shares: Float64Array): number {
  let entropy = 0;
  for (const share of shares) if (share > 0) entropy -= share * Math.log(share);
  return entropy;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** The vector at length 1; zeros stay zeros. */
function unit(values: Float32Array): Float64Array {
  const length = Math.hypot(...values);
  return Float64Array.from(values, (value) => length > 0 ? value / length : 0);
}
