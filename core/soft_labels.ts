/**
 * Distributions over the classes in few bytes: of each pixel the four largest shares, as pairs of a class and
 * its share in 255ths. Shares of a pixel add up to 255, or are all 0 where it is ignored.
 *
 * A pseudo-label with full probabilities would take 4 x 19 bytes a pixel as float32; this takes 8. They are
 * stored as PNGs of four 16-bit channels (datasets/relabelled.ts), cropped and mirrored like labels, and
 * become float32 [N, H, W, K] only in the step.
 */

/** Classes that are kept of a pixel. */
export const SOFT_PAIRS = 4;

/** Bytes a pixel: class, share, class, share, ... */
export const SOFT_BYTES = 2 * SOFT_PAIRS;

/**
 * Writes one pixel's distribution. Of more than {@linkcode SOFT_PAIRS} classes only the largest stay, and
 * take the others' share in proportion; of equal ones those with the lower ids stay. Rounding goes to the
 * largest, so the bytes add up to 255. All zeros stay zeros, which means ignored.
 * @param shares not negative, one for each class, at most 256 classes; they need not add up to 1
 */
export function packSoft(shares: ArrayLike<number>, { out, pixel }: SoftPlace): void {
  const at = pixel * SOFT_BYTES;
  const best: number[] = [];
  for (let id = 0; id < shares.length; id++) {
    if (shares[id]! <= 0) continue;
    let place = best.length;
    while (place > 0 && shares[best[place - 1]!]! < shares[id]!) place--;
    if (place < SOFT_PAIRS) best.splice(place, 0, id);
    if (best.length > SOFT_PAIRS) best.pop();
  }
  const whole = best.reduce((sum, id) => sum + shares[id]!, 0);
  let left = 255;
  for (let k = best.length - 1; k >= 0; k--) {
    // The largest takes what rounding leaves.
    const share = k === 0 ? left : Math.min(left, Math.round(255 * shares[best[k]!]! / whole));
    left -= share;
    out[at + 2 * k] = best[k]!;
    out[at + 2 * k + 1] = share;
  }
  out.fill(0, at + 2 * best.length, at + SOFT_BYTES);
}

/** A pixel in packed distributions. */
export interface SoftPlace {
  /** {@linkcode SOFT_BYTES} a pixel. */
  readonly out: Uint8Array;
  readonly pixel: number;
}

/**
 * The likeliest class of every pixel, the ignore label where nothing is known.
 * @param packed {@linkcode SOFT_BYTES} a pixel
 */
export function softWinners(packed: Uint8Array, ignoreLabel: number): Uint8Array {
  return Uint8Array.from(
    { length: packed.length / SOFT_BYTES },
    (_, pixel) => packed[pixel * SOFT_BYTES + 1] === 0 ? ignoreLabel : packed[pixel * SOFT_BYTES]!,
  );
}

/**
 * Labels as distributions with one class each; ignored pixels become zeros. @returns {@linkcode SOFT_BYTES} a
 * pixel
 */
export function softOf(labels: Uint8Array, ignoreLabel: number): Uint8Array {
  const out = new Uint8Array(labels.length * SOFT_BYTES);
  labels.forEach((label, pixel) => {
    if (label === ignoreLabel) return;
    out[pixel * SOFT_BYTES] = label;
    out[pixel * SOFT_BYTES + 1] = 255;
  });
  return out;
}

/**
 * Packed distributions as float32 shares in 0..1, `classes` a pixel, adding up to 1 or, where ignored, to 0.
 * @param packed {@linkcode SOFT_BYTES} a pixel, of classes below `classes`
 */
export function unpackSoft(packed: Uint8Array, classes: number): Float32Array {
  const pixels = packed.length / SOFT_BYTES;
  const out = new Float32Array(pixels * classes);
  for (let at = 0, pixel = 0; pixel < pixels; pixel++) {
    for (let pair = 0; pair < SOFT_PAIRS; pair++, at += 2) {
      const share = packed[at + 1]!;
      if (share > 0) out[pixel * classes + packed[at]!]! += share / 255;
    }
  }
  return out;
}
