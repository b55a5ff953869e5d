/**
 * Which of a run's snapshots one would take. Three answers are compared: the last one; the best by labels of
 * the target, which in practice are not there; and the choice of each measure that needs no labels
 * (core/label_free.ts). The difference says how much a method's reported number owes to the choice.
 */
import type { ValidationEvent } from "../core/events.ts";
import { LABEL_FREE } from "../core/label_free.ts";
import { percent } from "../core/words.ts";
import type { Grid } from "./grid.ts";

/**
 * The mIoU, in 0..1, of the snapshot that each chooser takes: `last`, `best`, or a label-free measure by its
 * name; absent: it cannot choose.
 */
export type SnapshotPicks = Readonly<Record<string, number | undefined>>;

/** The part of a validation that is looked at. */
export type Snapshot = Pick<ValidationEvent, "miou" | "labelFree">;

/**
 * The choices among the validations of a phase, given in the order of their steps. Validations without an
 * mIoU are passed over; of equal values the first is taken; no validations choose nothing.
 */
export function snapshotPicks(validations: readonly Snapshot[]): SnapshotPicks {
  const known = validations.filter(({ miou }) => miou !== null);
  const pick = (value: (snapshot: Snapshot) => number | undefined) => {
    let best: { readonly value: number; readonly miou: number } | undefined;
    for (const snapshot of known) {
      const score = value(snapshot);
      if (score === undefined || !Number.isFinite(score)) continue;
      if (best === undefined || score > best.value) best = { value: score, miou: snapshot.miou! };
    }
    return best?.miou;
  };
  return {
    last: known.at(-1)?.miou ?? undefined,
    best: pick(({ miou }) => miou!),
    ...Object.fromEntries(LABEL_FREE.map(({ name, better }) => [
      name,
      pick(({ labelFree }) => {
        const value = labelFree?.[name];
        return value === undefined ? undefined : better === "high" ? value : -value;
      }),
    ])),
  };
}

/** A row of {@linkcode snapshotGrid}. */
export interface ChosenSnapshots {
  readonly title: string;
  /** Of one run, or of several whose means are shown. */
  readonly picks: readonly SnapshotPicks[];
}

/** mIoU in percent by chooser, one row for each run or method; undefined where no measure chose anything. */
export function snapshotGrid(rows: readonly ChosenSnapshots[]): Grid | undefined {
  const picks = rows.flatMap((row) => row.picks);
  const measures = LABEL_FREE.filter(({ name }) => picks.some((pick) => pick[name] !== undefined));
  if (measures.length === 0) return undefined;
  const columns = ["last", "best", ...measures.map(({ name }) => name)];
  return {
    head: ["snapshot by", "last", "labels", ...measures.map(({ title }) => title)],
    rows: rows.map(({ title, picks }) => [title, ...columns.map((name) => meanText(picks, name))]),
    notes: [
      "mIoU % of validations in one pass: of the last one, of the best by labels of the target, and of those that measures " +
      "without labels choose",
    ],
  };
}

function meanText(picks: readonly SnapshotPicks[], name: string): string {
  const known = picks.flatMap((pick) => pick[name] ?? []);
  return percent(known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length);
}
