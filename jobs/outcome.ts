/**
 * The report of a job that labels images: a file for looking up, and a sentence for the log.
 *
 * The job `pseudo-labels` writes both at its end. The file says nothing of time or machine, so that a job
 * that is done again leaves the same bytes, which a resumed run checks (train/job_digests.ts).
 */
import type { JobTools } from "../core/plugin.ts";

/** The result of labelling a dataset; arrays are by class. */
export interface Outcome {
  /** In 0..1. */
  readonly thresholds: Float32Array;
  /** How many pixels were predicted as the class; zeros if the job did not count. */
  readonly predicted: readonly number[];
  /** How many pixels got its label. */
  readonly kept: readonly number[];
  /** Ids of the classes that crops are to prefer. */
  readonly rare: readonly number[];
  /** How many pixels all images have together. */
  readonly pixels: number;
}

/**
 * Writes `thresholds.json` into the job's folder and notes how much was labelled. @throws Error when no pixel
 * got a label
 */
export async function report(
  { folder, classes, note }: JobTools,
  { thresholds, predicted, kept, rare, pixels }: Outcome,
): Promise<void> {
  const byClass = classes.map((name, id) => ({
    name,
    threshold: thresholds[id]!,
    predicted: predicted[id]!,
    labelled: kept[id]!,
    ...(rare.includes(id) ? { rare: true } : {}),
  }));
  await Deno.writeTextFile(`${folder}/thresholds.json`, `${JSON.stringify(byClass, null, 2)}\n`);
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
