/**
 * Random numbers without state to save.
 *
 * A run must be able to go on after a crash as if nothing had happened, and adding a term must not change
 * what another one draws. One shared generator would break both: its state would have to be stored, and each
 * consumer would shift the numbers of the next. So there are no shared generators. Whoever draws asks for
 * {@linkcode Random.stream} by the run's seed and a name that says for what, as in `loader/source`; a name
 * with the step in it gives numbers that follow from (seed, step, name) alone.
 *
 * The price: two consumers with the same name would draw the same numbers, so names must be unique, and
 * renaming a stream changes runs.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A seeded stream of random numbers (xoroshiro128+). Not for secrets. */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  private constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /**
   * The stream called `name` of a run seeded with `seed`: its generator starts from the 32-bit FNV-1a hash of
   * `SEED:NAME`.
   */
  static stream(seed: number, name: string): Random {
    return new Random(fnv1a(`${seed}:${name}`));
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number {
    return (this.#generator.next() >>> 0) / 2 ** 32;
  }

  /** A uniform integer in [low, high], both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** Standard normal: the cosine branch of Box-Muller, two uniform numbers a call. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** A uniformly random order of 0 .. length - 1 (Fisher-Yates); empty for 0. */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, k) => k);
    for (let k = length - 1; k > 0; k--) {
      const other = this.integer(0, k);
      const kept = order[k]!;
      order[k] = order[other]!;
      order[other] = kept;
    }
    return order;
  }
}

/** 32-bit FNV-1a of the text's UTF-8 bytes, as an unsigned integer. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}
