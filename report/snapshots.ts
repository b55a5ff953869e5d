/**
 * Which snapshot is taken: the last, the best by labels of the target, which in practice are not there, or the pick of a measure
 * that needs none.
 */
import type { ValidationEvent } from "../core/events.ts";
import { LABEL_FREE } from "../core/label_free.ts";
import { percent } from "../core/words.ts";
import type { Grid } from "./grid.ts";

/** mIoU in 0..1 of the snapshot that `last`, `best` or a measure of core/label_free.ts chooses; absent: it cannot choose. */
export type SnapshotPicks = Readonly<Record<string, number | undefined>>;

/** A validation as far as it is looked at. */
export type Snapshot = Pick<ValidationEvent, "miou" | "labelFree">;

/** Of the validations of a phase, in the order of their steps. Of equal values the first is taken; none choose nothing. */
export function snapshotPicks(validations: readonly Snapshot[]): SnapshotPicks {
  const known = validations.filter(({ miou }) => miou !== null);
  const pick = (value: (snapshot: Snapshot) => number | undefined) => {
    let found: { readonly value: number; readonly miou: number } | undefined;
    for (const snapshot of known) {
      const mine = value(snapshot);
      if (mine === undefined || !Number.isFinite(mine)) continue;
      if (found === undefined || mine > found.value) found = { value: mine, miou: snapshot.miou! };
    }
    return found?.miou;
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

/** mIoU in percent by who chooses, a run or method a row; undefined where no measure chose anything. */
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
