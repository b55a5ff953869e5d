/** Textures from integer hashes: cheap, seeded, and the same for every image size. Pure. */

/** A hash of two integers and a seed, uniform in [0, 1). */
export function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x | 0, 0x27d4eb2d) ^ Math.imul(y | 0, 0x165667b1) ^ Math.imul(seed | 0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Value noise: hashes on the integer grid, interpolated linearly; in [0, 1). */
export function noise(x: number, y: number, seed: number): number {
  const left = Math.floor(x), top = Math.floor(y);
  const fx = x - left, fy = y - top;
  const upper = hash(left, top, seed) * (1 - fx) + hash(left + 1, top, seed) * fx;
  const lower = hash(left, top + 1, seed) * (1 - fx) + hash(left + 1, top + 1, seed) * fx;
  return upper * (1 - fy) + lower * fy;
}
