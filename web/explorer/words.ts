/**
 * What is seen, in sentences. Everything that colours, pins and overlays show stands in words as well, so
 * that the explorer can be used without seeing it and its numbers can be quoted.
 */
import {
  type CheckpointInfo,
  type LevelInfo,
  type LevelView,
  OUTCOMES,
  type RowView,
} from "../../explore/types.ts";
import { percent, visible } from "../text.tsx";

/** The names of the classes and the id that counts nowhere. */
export interface ClassNames {
  readonly classes: readonly string[];
  readonly ignore: number;
}

/** `(row, column)`, counted from 0 at the top left. */
export function place(pixel: number, width: number): string {
  return `(${Math.floor(pixel / width)}, ${pixel % width})`;
}

/** The name of a class by its train id; `no label` for the id that counts nowhere. */
function className(id: number, { classes, ignore }: ClassNames): string {
  return id === ignore ? "no label" : visible(classes[id] ?? `class ${id}`);
}

/** A number with three significant digits. */
export function digits(value: number | null): string {
  if (value === null) return "not a number";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.001 || size >= 1e5)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

/** A weight in percent, three significant digits. */
export function share(weight: number): string {
  return `${digits(100 * weight)}\u00a0%`;
}

/** The cycle from a source pixel, up to its outcome. */
export function cycleWords(view: LevelView, start: number, names: ClassNames): string {
  const { source, target, forward, back, similarity } = view;
  const label = (pixel: number) =>
    source.labels === null ? "no label" : className(source.labels[pixel]!, names);
  const chosen = forward[start]!, end = back[start]!;
  const truth = target.labels === null ? "" : `, labelled ${className(target.labels[chosen]!, names)}`;
  return `Source pixel ${place(start, source.width)}, ${label(start)} → ` +
    `target pixel ${place(chosen, target.width)}, predicted ${
      className(target.predictions[chosen]!, names)
    }${truth}, ` +
    `similarity ${digits(similarity[start] ?? null)} → ` +
    `returns to ${place(end, source.width)}, ${label(end)}:`;
}

/** Whether a cycle is consistent, or why not. */
export function outcomeWords({ outcome, back, source }: LevelView, start: number): string {
  switch (OUTCOMES[outcome[start]!]) {
    case "consistent":
      return back[start] === start ? "consistent, the very same pixel" : "consistent";
    case "ignored":
      return "not counted, for a pixel without a label starts no cycle";
    default:
      return source.labels === null ? "not counted" : "not consistent, it ends in another class";
  }
}

/** What is known of a target pixel: its classes, and how many source pixels chose it. */
export function targetWords(view: LevelView, pixel: number, names: ClassNames): string {
  const { target, forward, outcome } = view;
  const starts = [...forward.keys()].filter((start) => forward[start] === pixel);
  const counted = starts.filter((start) => OUTCOMES[outcome[start]!] === "consistent").length;
  const truth = target.labels === null ? "" : `, labelled ${className(target.labels[pixel]!, names)}`;
  return `Target pixel ${place(pixel, target.width)}, predicted ${
    className(target.predictions[pixel]!, names)
  }${truth}; ` +
    `chosen by ${starts.length} source ${
      starts.length === 1 ? "pixel" : "pixels"
    }, ${counted} of them consistent.`;
}

/**
 * The values of a row at a pixel, from raw similarity to softmax weight. @param of what the row belongs to,
 * as in `For source pixel (1, 2)`
 */
export function rowWords(of: string, { similarities, normalised, weights }: RowView, pixel: number): string {
  return `${of}: similarity ${digits(similarities[pixel] ?? null)}, normalised ${
    digits(normalised[pixel]!)
  }, ` +
    `weight ${share(weights[pixel]!)}.`;
}

/** What a level compares, and how. */
export function levelWords({ tap, similarity, contrast, aggregation }: LevelInfo): string {
  const mixed = aggregation === null
    ? "the target is not aggregated"
    : `the target is aggregated with alpha ${aggregation.alpha}${
      aggregation.contrast ? ", contrast-normalised" : ""
    }`;
  return `Pixels of ${visible(tap)} compared by ${visible(similarity)}${
    contrast ? ", contrast-normalised" : ""
  }; ${mixed}.`;
}

/**
 * How many source pixels are associated, how much of the target they chose, and how many of these choices are
 * right where target labels tell.
 */
export function coverageWords({ source, target, outcome, associated, covered, correct }: LevelView): string {
  const right = correct === null
    ? ""
    : correct.labelled === 0
    ? " None of the pixels they chose is labelled."
    : ` ${
      percent(correct.right / correct.labelled)
    }\u00a0% of the associated pixels chose a target pixel of their own class.`;
  return `${percent(associated / outcome.length)}\u00a0% of the ${
    source.height * source.width
  } source pixels are associated; ` +
    `they cover ${percent(covered / (target.height * target.width))}\u00a0% of the ${
      target.height * target.width
    } target pixels.${right}`;
}

/** `last.1, step 50`. */
export function checkpointWords({ name, step, problem }: CheckpointInfo): string {
  const where = step === null ? "" : `, step ${step}`;
  return `${visible(name)}${where}${problem === null ? "" : " (damaged)"}`;
}
