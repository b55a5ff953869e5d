/**
 * Bytes to the floats that a network was trained on. Padding is made of the mean colour, which normalises to
 * about zero.
 */
import type { Normalization } from "../../core/plan.ts";

/**
 * Writes (pixel * scale - mean) / deviation for every byte, channels in `normalization.order`.
 * @param image RGB, 3 bytes a pixel
 * @param target `out` receives `image.length` float32 values from `offset` on
 */
export function normalizeInto(
  image: Uint8Array,
  normalization: Normalization,
  { out, offset }: { readonly out: Float32Array; readonly offset: number },
): void {
  const table = tableOf(normalization);
  const swap = normalization.order === "bgr";
  for (let at = 0; at < image.length; at += 3) {
    const first = image[swap ? at + 2 : at]!, last = image[swap ? at : at + 2]!;
    out[offset + at] = table[first]!;
    out[offset + at + 1] = table[256 + image[at + 1]!]!;
    out[offset + at + 2] = table[512 + last]!;
  }
}

/** The RGB bytes nearest to what normalises to zero: what padding is made of. */
export function meanColour(normalization: Normalization): [number, number, number] {
  const bytes = normalization.mean.map((mean) =>
    Math.min(255, Math.max(0, Math.round(mean / normalization.scale)))
  );
  const [first, middle, last] = bytes as [number, number, number];
  return normalization.order === "bgr" ? [last, middle, first] : [first, middle, last];
}

/** A byte has 256 values: three tables replace a division per pixel. */
function tableOf({ scale, mean, deviation }: Normalization): Float32Array {
  const table = new Float32Array(768);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) {
      table[channel * 256 + value] = (value * scale - mean[channel]!) / deviation[channel]!;
    }
  }
  return table;
}
