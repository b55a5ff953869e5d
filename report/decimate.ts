/**
 * Curves of any length as the few points that look the same.
 *
 * A screen has some thousand columns of pixels, a run a hundred thousand steps. Drawing every tenth step
 * would lose the peaks that one looks for. Within a column of pixels, however, a curve is only a vertical
 * line from its lowest to its highest value; so these two points of each column are kept, and the picture
 * does not change. Averaging is a different thing, and separate: {@linkcode means} gives a trend beside the
 * curve.
 */

/** A curve: `x` ascending, both of one length. Where y is null or not finite, there is no value. */
export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number | null>;
}

/** A curve that survives JSON. */
export interface PlainCurve extends Curve {
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

/** A curve, and its course without the noise between neighbours. */
export interface CurveWithTrend extends PlainCurve {
  /** {@linkcode means} of the curve; absent where it has few points. */
  readonly trend?: PlainCurve;
}

/** What {@linkcode decimate} keeps. */
export interface Decimation {
  /** Pixel columns. */
  readonly columns: number;
  /**
   * Of x, both ends included; absent: all. A neighbour beyond each end stays, so that lines reach the border.
   */
  readonly range?: readonly [number, number];
}

/**
 * The points of a curve that are drawn: of each column of equal width the lowest and the highest, in their
 * order, and the curve's first and last. At most 2 columns + 4 points. A curve with no more points than that
 * inside the range comes back whole; a longer one without the points that have no value. An empty curve gives
 * an empty one.
 */
export function decimate({ x, y }: Curve, { columns, range }: Decimation): PlainCurve {
  const from = range ? Math.max(0, lowerBound(x, range[0]) - 1) : 0;
  const to = range ? Math.min(x.length, lowerBound(x, range[1], true) + 1) : x.length;
  const value = (k: number): number | null => {
    const own = y[k];
    return typeof own === "number" && Number.isFinite(own) ? own : null;
  };
  const indices: number[] = [];
  const curve = () => ({ x: indices.map((k) => x[k]!), y: indices.map(value) });
  if (to - from <= 2 * columns + 4) {
    for (let k = from; k < to; k++) indices.push(k);
    return curve();
  }
  const keep = (k: number) => {
    if (indices.at(-1) !== k && value(k) !== null) indices.push(k);
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
    const here = value(k);
    if (here === null) continue;
    if (low < 0 || here < value(low)!) low = k;
    if (high < 0 || here > value(high)!) high = k;
  }
  flush();
  keep(to - 1);
  return curve();
}

/**
 * The mean of the points in each of so many spans of equal width, at the mean of their x; spans without a
 * value give no point.
 * @param curve at least one point
 */
export function means({ x, y }: Curve, spans: number): PlainCurve {
  const points: { x: number[]; y: (number | null)[] } = { x: [], y: [] };
  const [start, end] = [x[0]!, x[x.length - 1]!];
  let span = 0, count = 0, xs = 0, ys = 0;
  const flush = () => {
    if (count > 0) points.x.push(xs / count), points.y.push(ys / count);
    count = xs = ys = 0;
  };
  for (let k = 0; k < x.length; k++) {
    const at = end === start ? 0 : Math.min(spans - 1, Math.floor(spans * (x[k]! - start) / (end - start)));
    if (at !== span) {
      flush();
      span = at;
    }
    const value = y[k];
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    count += 1;
    xs += x[k]!;
    ys += value;
  }
  flush();
  return points;
}

/**
 * The index of the first x that is not below `value`, or with `after` is above it; the length when there is
 * none.
 */
function lowerBound(x: ArrayLike<number>, value: number, after = false): number {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (after ? x[middle]! <= value : x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
