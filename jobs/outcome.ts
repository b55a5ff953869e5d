/** What a job that labels images says of its work. */
import type { JobTools } from "../core/plugin.ts";

/** What was labelled, by class. */
export interface Outcome {
  /** In 0..1. */
  readonly thresholds: Float32Array;
  /** Predicted pixels; zeros where nothing was counted. */
  readonly predicted: readonly number[];
  /** Labelled pixels. */
  readonly kept: readonly number[];
  /** Classes that crops rather show. */
  readonly rare: readonly number[];
  /** Of all images. */
  readonly pixels: number;
}

/** Writes `thresholds.json` and says how much was labelled. @throws Error when no pixel got a label */
export async function report(
  { folder, classes, note }: JobTools,
  { thresholds, predicted, kept, rare, pixels }: Outcome,
): Promise<void> {
  const found = classes.map((name, id) => ({
    name,
    threshold: thresholds[id]!,
    predicted: predicted[id]!,
    labelled: kept[id]!,
    ...(rare.includes(id) ? { rare: true } : {}),
  }));
  await Deno.writeTextFile(`${folder}/thresholds.json`, `${JSON.stringify(found, null, 2)}\n`);
  const labelled = kept.reduce((sum, count) => sum + count, 0);
  if (labelled === 0) {
    throw new Error(
      "no pixel of any image is confident enough for a label; lower its thresholds, or train longer before it",
    );
  }
  const without = classes.filter((_, id) => kept[id] === 0);
  note(
    `${(100 * labelled / pixels).toFixed(1)} % of the pixels have labels` +
      (without.length === 0 ? "" : `; none is ${without.join(", ")}`),
  );
}
