/**
 * Which overlays there are for each image, and the layer that each shows. What is offered depends on the
 * pair: without target labels there is no overlay of them, and a level without aggregation has no aggregation
 * weights. So a chosen overlay may be absent after the pair changes ({@linkcode present}).
 */
import type { LevelView, RowView } from "../../explore/types.ts";
import type { SourceOverlay, TargetOverlay } from "./choice.ts";
import type { Option } from "./controls.tsx";
import { classLayer, coverLayer, cycleLayer, heatLayer, type Layer, weightLayer } from "./layers.ts";

/** Overlays of the source, in the order of the list. */
const SOURCE_NAMES: readonly Option[] = [
  { value: "cycles", text: "outcome of every cycle" },
  { value: "return", text: "similarity on the way back" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

/** Overlays of the target, in the order of the list. */
const TARGET_NAMES: readonly Option[] = [
  { value: "similarity", text: "similarity to the source pixel" },
  { value: "weights", text: "its weights after the softmax" },
  { value: "aggregation", text: "aggregation weights of the target pixel" },
  { value: "covered", text: "pixels that consistent cycles chose" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

/** The overlays that there are for the source of a pair. */
export function sourceOptions({ source }: LevelView): readonly Option[] {
  return SOURCE_NAMES.filter(({ value }) => value !== "labels" || source.labels !== null);
}

/**
 * The overlays that there are for the target of a pair. @param aggregates whether the level mixes target
 * pixels with similar ones before it associates
 */
export function targetOptions({ target }: LevelView, aggregates: boolean): readonly Option[] {
  return TARGET_NAMES.filter(({ value }) =>
    (value !== "labels" || target.labels !== null) && (value !== "aggregation" || aggregates)
  );
}

/** The chosen overlay if it is offered, else the first that is. */
export function present<T extends string>(chosen: T, options: readonly Option[]): T {
  return options.some(({ value }) => value === chosen) ? chosen : options[0]!.value as T;
}

/**
 * The layer over the source. @param back similarities of all source pixels to the chosen target pixel;
 * undefined: not there yet
 */
export function layerOfSource(overlay: SourceOverlay, view: LevelView, back: RowView | undefined): Layer {
  switch (overlay) {
    case "cycles":
      return cycleLayer(view);
    case "return":
      return back && heatLayer(back.similarities);
    case "none":
      return undefined;
    default:
      return classLayer(view.source, overlay);
  }
}

/** What layers of the target need besides the pair: one row of the matrix of similarities. */
export interface TargetRow {
  /**
   * The row of the chosen source pixel, or for `aggregation` that of a target pixel within the target;
   * undefined: not there yet.
   */
  readonly row: RowView | undefined;
  /** The target pixel under the cursor. */
  readonly at: number;
}

/** The layer over the target; none while a row that it needs is not there yet. */
export function layerOfTarget(overlay: TargetOverlay, view: LevelView, { row, at }: TargetRow): Layer {
  switch (overlay) {
    case "similarity":
      return row && heatLayer(row.similarities);
    case "weights":
      return row && weightLayer(row);
    case "aggregation":
      return row && weightLayer(row, at);
    case "covered":
      return coverLayer(view);
    case "none":
      return undefined;
    default:
      return classLayer(view.target, overlay);
  }
}
