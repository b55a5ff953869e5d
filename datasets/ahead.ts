import type { Maker } from "./maker.ts";

/** What is made, and how much of it at a time. */
export interface AheadOptions {
  /** Indices from 0 on. */
  readonly count: number;
  /** At most so many are in work or waiting, at least 1. */
  readonly ahead: number;
  /** Ends it early, without an error. */
  readonly signal?: AbortSignal;
}

/**
 * What `maker` makes of 0 to `count` - 1, in order; while the caller works on one, the following are made. Closes the
 * maker at its end. @throws what `make` rejects with, when that index has its turn
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
