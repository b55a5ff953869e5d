/** Curves of any length as the few points that look the same. */

/** A curve: x ascending, both of one length; null: no value there. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

/** What {@linkcode decimate} keeps. */
export interface Decimation {
  /** Pixel columns. */
  readonly columns: number;
  /** Of x, both ends included; absent: all. A neighbour beyond each end stays, so that lines reach the border. */
  readonly range?: readonly [number, number];
}

/**
 * Of each column of equal width the lowest and the highest point, in their order, and the curve's first and last: at most
 * 2 columns + 4 points. A curve with no more points than that inside the range is given back whole. Points without a
 * value are left out when it is shortened.
 */
export function decimate({ x, y }: Curve, { columns, range }: Decimation): Curve {
  const from = range ? Math.max(0, lowerBound(x, range[0]) - 1) : 0;
  const to = range ? Math.min(x.length, lowerBound(x, range[1], true) + 1) : x.length;
  if (to - from <= 2 * columns + 4) return { x: x.slice(from, to), y: y.slice(from, to) };
  const kept: number[] = [];
  const keep = (k: number) => {
    if (kept.at(-1) !== k && y[k] !== null && y[k] !== undefined) kept.push(k);
  };
  keep(from);
  const [start, width] = [x[from]!, x[to - 1]! - x[from]!];
  let column = 0, low = -1, high = -1;
  const flush = () => {
    for (const k of low < high ? [low, high] : [high, low]) if (k >= 0) keep(k);
    low = high = -1;
  };
  for (let k = from; k < to; k++) {
    const own = width === 0 ? 0 : Math.min(columns - 1, Math.floor(columns * (x[k]! - start) / width));
    if (own !== column) {
      flush();
      column = own;
    }
    const value = y[k];
    if (value === null || value === undefined) continue;
    if (low < 0 || value < y[low]!) low = k;
    if (high < 0 || value > y[high]!) high = k;
  }
  flush();
  keep(to - 1);
  return { x: kept.map((k) => x[k]!), y: kept.map((k) => y[k]!) };
}

/** The first index whose value is not below `value`, or with `after` is above it. */
function lowerBound(x: readonly number[], value: number, after = false): number {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (after ? x[middle]! <= value : x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
