/**
 * An ablation in the shape of the paper's Table 1: one row for each variant, a tick for each part of its
 * objective, means over seeds. The ticks come from the recipes themselves: the names of their terms.
 */
import type { Evaluation } from "../core/events.ts";
import type { Grid } from "./grid.ts";
import { countedNotes, describeSubset, spread } from "./means.ts";
import { paperTable } from "./paper.ts";

/** A variant of an objective, with the evaluations of its seeds. */
export interface Variant {
  readonly name: string;
  /** The parts of its objective, in recipe order. */
  readonly parts: readonly string[];
  /** One of each seed that is done. */
  readonly evaluations: readonly Evaluation[];
}

/**
 * mIoU in percent as mean and, from two seeds on, sample standard deviation; "-" for a variant without a
 * finished seed. Columns of parts come in the order in which variants first have them. All evaluations must
 * be of the same classes.
 * @param paper whether a column has what the paper reports for the same classes: "-" for a variant that its
 *   Table 1 does not name
 */
export function ablationGrid(variants: readonly Variant[], { paper = false } = {}): Grid {
  const parts = [...new Set(variants.flatMap((variant) => variant.parts))];
  const done = variants.flatMap((variant) => variant.evaluations);
  const { classes = [], subsets = [] } = done[0] ?? {};
  const names = subsets.map(({ name }) => name);
  const printed = paper ? paperTable(classes) : undefined;
  return {
    head: [
      "",
      ...parts,
      "seeds",
      "mIoU %",
      ...names.map((name) => `${name} %`),
      ...(printed ? ["paper %"] : []),
    ],
    rows: variants.map(({ name, parts: own, evaluations }) => [
      name,
      ...parts.map((part) => own.includes(part) ? "✓" : ""),
      String(evaluations.length),
      spread(evaluations.map(({ miou }) => miou)),
      ...names.map((subset) =>
        spread(
          evaluations.flatMap(({ subsets = [] }) =>
            subsets.filter(({ name }) => name === subset).map(({ miou }) => miou)
          ),
        )
      ),
      ...(printed ? [printed.ablation[name] ?? "-"] : []),
    ]),
    notes: [
      ...subsets.map((subset) => `${subset.name}: ${describeSubset(classes, subset.classes)}`),
      ...countedNotes(variants),
      ...(printed ? [printed.ablationNote] : []),
    ],
  };
}
