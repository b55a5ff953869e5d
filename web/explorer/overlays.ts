/** What may lie over each image. */
import type { LevelView, RowView } from "../../explore/types.ts";
import type { SourceOverlay, TargetOverlay } from "./choice.ts";
import type { Option } from "./controls.tsx";
import { classLayer, coverLayer, cycleLayer, heatLayer, type Layer, weightLayer } from "./layers.ts";

/** In the order of the list. */
const SOURCE_NAMES: readonly Option[] = [
  { value: "cycles", text: "outcome of every cycle" },
  { value: "return", text: "similarity on the way back" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

/** In the order of the list. */
const TARGET_NAMES: readonly Option[] = [
  { value: "similarity", text: "similarity to the source pixel" },
  { value: "weights", text: "its weights after the softmax" },
  { value: "aggregation", text: "aggregation weights of the target pixel" },
  { value: "covered", text: "pixels that consistent cycles chose" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

/** Those that there are for a source. */
export function sourceOptions({ source }: LevelView): readonly Option[] {
  return SOURCE_NAMES.filter(({ value }) => value !== "labels" || source.labels !== null);
}

/** Those that there are for a target. @param aggregates whether the level does */
export function targetOptions({ target }: LevelView, aggregates: boolean): readonly Option[] {
  return TARGET_NAMES.filter(({ value }) =>
    (value !== "labels" || target.labels !== null) && (value !== "aggregation" || aggregates)
  );
}

/** What was chosen, if it is there, else the first. */
export function present<T extends string>(chosen: T, options: readonly Option[]): T {
  return options.some(({ value }) => value === chosen) ? chosen : options[0]!.value as T;
}

/** @param back the row of the chosen target pixel; undefined: not there yet */
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

/** What a target's layer shows. */
export interface TargetRow {
  /** Of the source pixel, or within the target for `aggregation`; undefined: not there yet. */
  readonly row: RowView | undefined;
  /** The target pixel under the cursor. */
  readonly at: number;
}

/** Of the row, or of all cycles. */
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
