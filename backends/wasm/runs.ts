import type { Place } from "./place.ts";

/**
 * Neighbours in the heap whose leaving makes a gap of so many bytes, and of which no kernel holds any. Among
 * several such runs: the one whose latest use is longest ago; if equal, the one of the fewest bytes. An empty
 * list if there is none.
 *
 * It goes over all starts, extending each run until its gap is large enough, it meets a held tensor, or it is
 * already worse than the best. The places get sorted by address.
 * @param end the heap's end, in bytes
 */
export function oldestRun(places: Place[], bytes: number, end: number): Place[] {
  places.sort((a, b) => a.offset - b.offset);
  let best: readonly [number, number] | undefined, newest = Infinity, least = Infinity;
  for (let from = 0; from < places.length; from++) {
    const before = places[from - 1];
    const start = before ? before.offset + before.bytes : places[from]!.offset;
    let used = 0, moved = 0;
    for (let to = from; to < places.length && !places[to]!.held; to++) {
      used = Math.max(used, places[to]!.used);
      moved += places[to]!.bytes;
      if (used > newest) break;
      if ((places[to + 1]?.offset ?? end) - start < bytes + OVERHEAD) continue;
      if (used < newest || moved < least) [best, newest, least] = [[from, to + 1], used, moved];
      break;
    }
  }
  return best ? places.slice(...best) : [];
}

/** Bytes that the module's allocator may need beside a block. */
const OVERHEAD = 64;
