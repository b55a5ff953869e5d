/**
 * What lies over an image: a look for every pixel of a level. Pixels of a level are the pixels of the feature
 * map that is associated, much fewer than the image's; each covers a rectangle of the image.
 *
 * There are three kinds. A *heat* layer shows numbers on a scale (similarities, weights), *kinds* a few named
 * cases (what became of each cycle), *classes* labels or predictions. A layer is data; {@linkcode cellAt}
 * turns it into looks, and the legend is made from the same data, so both agree.
 */
import type { Rgb } from "../../core/label_space.ts";
import { type LevelSide, type LevelView, OUTCOMES, type RowView } from "../../explore/types.ts";
import type { ClassStyle, Pattern } from "../palette.ts";
import { heat } from "./heat.ts";

/** The look of a pixel of the level. */
export interface Cell {
  readonly colour: Rgb;
  readonly pattern: Pattern;
}

/** Numbers as colours of a scale. null: the image alone. */
export interface HeatLayer {
  readonly kind: "heat";
  /** By pixel. */
  readonly values: readonly (number | null)[];
  /** The values of the darkest and the brightest colour. */
  readonly low: number;
  readonly high: number;
}

/** A few cases, each with a name and a look. */
export interface KindLayer {
  readonly kind: "kinds";
  /** By pixel, an index into `kinds`; -1: the image alone. */
  readonly of: readonly number[];
  readonly kinds: readonly { readonly name: string; readonly cell: Cell }[];
}

/** Classes in their own looks. */
export interface ClassLayer {
  readonly kind: "classes";
  /** Train ids by pixel. */
  readonly ids: readonly number[];
}

/** What lies over an image; undefined: nothing. */
export type Layer = HeatLayer | KindLayer | ClassLayer | undefined;

/** Numbers on a scale from their lowest to their highest. */
export function heatLayer(values: readonly (number | null)[]): HeatLayer {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { kind: "heat", values, low, high };
}

/**
 * Softmax weights of a row, on a scale from 0. @param self a pixel whose weight exceeds all others by far, as
 * a target pixel's weight in its own aggregation; the scale ends at the highest of the others
 */
export function weightLayer({ weights }: RowView, self?: number): HeatLayer {
  const others = weights.filter((_, pixel) => pixel !== self);
  return { kind: "heat", values: weights, low: 0, high: heatLayer(others).high };
}

/** The looks of cases: colours that colour-blind eyes tell apart, and patterns besides. */
const KINDS = {
  right: { colour: [0, 158, 115], pattern: "plain" },
  wrong: { colour: [230, 159, 0], pattern: "lines" },
  other: { colour: [90, 60, 120], pattern: "plain" },
  ignored: { colour: [30, 30, 30], pattern: "dots" },
} as const satisfies Readonly<Record<string, Cell>>;

/**
 * What becomes of the cycle of every source pixel. A cycle is consistent when it returns to a source pixel of
 * the class where it started; that does not yet make the target pixel between right, which only target labels
 * tell, where there are some.
 */
export function cycleLayer(view: LevelView): KindLayer {
  const { source, target, forward, outcome } = view;
  const known = target.labels !== null;
  return {
    kind: "kinds",
    kinds: [
      { name: known ? "consistent, the target pixel has the same class" : "consistent", cell: KINDS.right },
      ...(known
        ? [{ name: "consistent, the target pixel has another class or no label", cell: KINDS.wrong }]
        : []),
      { name: "ends in another class", cell: KINDS.other },
      { name: "starts without a label", cell: KINDS.ignored },
    ],
    of: outcome.map((own, start) => {
      const shift = known ? 1 : 0;
      if (OUTCOMES[own] === "consistent") {
        return known && target.labels![forward[start]!] !== source.labels?.[start] ? 1 : 0;
      }
      return OUTCOMES[own] === "ignored" ? 2 + shift : 1 + shift;
    }),
  };
}

/**
 * The target pixels that consistent cycles chose; others show the image alone. With target labels, a pixel
 * counts as right if any such cycle started in its class.
 */
export function coverLayer(view: LevelView): KindLayer {
  const { source, target, forward, outcome } = view;
  const of = new Array<number>(target.predictions.length).fill(-1);
  const known = target.labels !== null;
  outcome.forEach((own, start) => {
    if (OUTCOMES[own] !== "consistent") return;
    const pixel = forward[start]!;
    const right = !known || target.labels![pixel] === source.labels?.[start];
    of[pixel] = right ? 0 : of[pixel] === 0 ? 0 : 1;
  });
  return {
    kind: "kinds",
    of,
    kinds: known
      ? [
        { name: "chosen by a consistent cycle of its own class", cell: KINDS.right },
        { name: "chosen only by those of other classes", cell: KINDS.wrong },
      ]
      : [{ name: "chosen by a consistent cycle", cell: KINDS.right }],
  };
}

/** The labels or the predictions of a side; nothing for labels that a side does not have. */
export function classLayer(side: LevelSide, what: "labels" | "predictions"): Layer {
  const ids = side[what];
  return ids === null ? undefined : { kind: "classes", ids };
}

/**
 * The look of a pixel; undefined: the image alone, as for pixels without label. @param styles of the classes,
 * by train id
 */
export function cellAt(layer: Layer, pixel: number, styles: readonly ClassStyle[]): Cell | undefined {
  switch (layer?.kind) {
    case "heat": {
      const value = layer.values[pixel];
      if (value === null || value === undefined) return undefined;
      return { colour: heat((value - layer.low) / (layer.high - layer.low || 1)), pattern: "plain" };
    }
    case "kinds":
      return layer.kinds[layer.of[pixel] ?? -1]?.cell;
    case "classes":
      return styles[layer.ids[pixel]!];
    default:
      return undefined;
  }
}
