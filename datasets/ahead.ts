/**
 * Working ahead: while the caller handles one result, the next ones are made. Results come in order, and
 * failures when their turn comes.
 */
import type { Maker } from "./maker.ts";

/** How much is made, and how far ahead. */
export interface AheadOptions {
  /** Indices from 0 on. */
  readonly count: number;
  /** At most so many are in work or waiting, at least 1. */
  readonly ahead: number;
  /** Ends it early, without an error. */
  readonly signal?: AbortSignal;
}

/**
 * What `maker` makes of 0 to `count` - 1, in order. Closes the maker at its end, and when the caller stops
 * early.
 * @throws what `make` rejects with, when that index has its turn
 */
export async function* madeAhead<Result>(
  maker: Maker<number, Result>,
  { count, ahead, signal }: AheadOptions,
): AsyncGenerator<Result, void, void> {
  const ready: Promise<Result>[] = [];
  let begun = 0;
  const fill = () => {
    while (begun < count && ready.length < ahead) {
      const made = maker.make(begun++);
      // A failure is reported when its turn comes; until then it is not unhandled.
      made.catch(() => {});
      ready.push(made);
    }
  };
  try {
    fill();
    for (let next = ready.shift(); next !== undefined && !signal?.aborted; next = ready.shift()) {
      const made = await next;
      fill();
      yield made;
    }
  } finally {
    maker.close();
  }
}
