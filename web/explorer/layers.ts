/** What lies over an image: a colour, and perhaps a pattern, for every pixel of a level. */
import type { Rgb } from "../../core/label_space.ts";
import { type LevelSide, type LevelView, OUTCOMES, type RowView } from "../../explore/types.ts";
import type { ClassStyle, Pattern } from "../palette.ts";
import { heat } from "./heat.ts";

/** A pixel's look; undefined: the image alone. */
export interface Cell {
  readonly colour: Rgb;
  readonly pattern: Pattern;
}

/** Numbers as colours. */
export interface HeatLayer {
  readonly kind: "heat";
  readonly values: readonly (number | null)[];
  /** The values of the darkest and the brightest colour. */
  readonly low: number;
  readonly high: number;
}

/** Kinds of pixels as colours with names. */
export interface KindLayer {
  readonly kind: "kinds";
  /** By pixel, an index into `kinds`; -1: the image alone. */
  readonly of: readonly number[];
  readonly kinds: readonly { readonly name: string; readonly cell: Cell }[];
}

/** Classes. */
export interface ClassLayer {
  readonly kind: "classes";
  /** Train ids by pixel. */
  readonly ids: readonly number[];
}

/** One of them; undefined: nothing. */
export type Layer = HeatLayer | KindLayer | ClassLayer | undefined;

/** Of a row's similarities, or of its weights; the scale goes from the lowest to the highest. */
export function heatLayer(values: readonly (number | null)[]): HeatLayer {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { kind: "heat", values, low, high };
}

/** Weights: the scale begins at 0. @param self outshines all others, so the scale ends without it */
export function weightLayer({ weights }: RowView, self?: number): HeatLayer {
  const others = weights.filter((_, pixel) => pixel !== self);
  return { kind: "heat", values: weights, low: 0, high: heatLayer(others).high };
}

/** Told apart by colour-blind eyes, and by their patterns. */
const KINDS = {
  right: { colour: [0, 158, 115], pattern: "plain" },
  wrong: { colour: [230, 159, 0], pattern: "lines" },
  other: { colour: [90, 60, 120], pattern: "plain" },
  ignored: { colour: [30, 30, 30], pattern: "dots" },
} as const satisfies Readonly<Record<string, Cell>>;

/** What becomes of every source pixel's cycle. */
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

/** The target pixels that consistent cycles chose. */
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

/** The classes of a side: its labels, if it has any, or its predictions. */
export function classLayer(side: LevelSide, what: "labels" | "predictions"): Layer {
  const ids = side[what];
  return ids === null ? undefined : { kind: "classes", ids };
}

/** The look of a pixel. @param styles of the classes, by train id */
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
