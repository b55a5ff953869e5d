/**
 * A confusion matrix: which class is taken for which. Each row is normalised by its sum, so a cell reads "so
 * many percent of the pixels labelled A are predicted as B", and the diagonal is the recall of each class. A
 * row without pixels stays empty, which differs from 0 percent.
 */
import { useState } from "preact/hooks";
import { Name, percent, visible } from "./text.tsx";

/** What {@linkcode Confusion} shows. */
export interface ConfusionProps {
  readonly title: string;
  readonly classes: readonly string[];
  /** Pixels by [label][prediction], counted over a whole split; square, aligned with `classes`. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * The matrix as a shaded table. The cell under the pointer, or the one that arrow keys lead to, is told in
 * words. Only one cell is in the tab order, so that the keyboard passes a large table in one step.
 */
export function Confusion({ title, classes, counts }: ConfusionProps) {
  const [at, setAt] = useState<readonly [number, number]>([0, 0]);
  const sums = counts.map(sumOf);
  const [label, prediction] = at;
  const share = (row: number, column: number) => sums[row] ? counts[row]![column]! / sums[row]! : null;
  const onKey = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const next = [label + move[0], prediction + move[1]].map((k) =>
      Math.min(classes.length - 1, Math.max(0, k))
    );
    setAt([next[0]!, next[1]!]);
    const table = (event.currentTarget as HTMLElement).closest("table")!;
    table.querySelector<HTMLElement>(`[data-cell="${next[0]} ${next[1]}"]`)?.focus();
  };
  return (
    <figure class="confusion">
      <figcaption>{title}</figcaption>
      <Readout {...{ classes, counts, label, prediction }} />
      <div class="scroll" role="region" aria-label={title} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td class="corner">label ↓ prediction →</td>
              {classes.map((name) => (
                <th scope="col">
                  <span>
                    <Name>{name}</Name>
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((name, row) => (
              <tr>
                <th scope="row">
                  <Name>{name}</Name>
                </th>
                {classes.map((other, column) => {
                  const value = share(row, column);
                  const here = row === label && column === prediction;
                  return (
                    <td
                      data-cell={`${row} ${column}`}
                      class={row === column ? "right" : "wrong"}
                      tabIndex={here ? 0 : -1}
                      aria-label={`${visible(name)} taken for ${visible(other)}: ${percent(value)} %`}
                      style={{ "--share": String(value ?? 0) }}
                      onPointerEnter={() => setAt([row, column])}
                      onFocus={() => setAt([row, column])}
                      onKeyDown={onKey}
                    >
                      {value === null ? "" : value < 0.005 ? "·" : Math.round(100 * value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** One cell in words. */
function Readout(
  { classes, counts, label, prediction }: Omit<ConfusionProps, "title"> & {
    readonly label: number;
    readonly prediction: number;
  },
) {
  const sum = sumOf(counts[label]!), pixels = counts[label]![prediction]!;
  return (
    <p class="readout" aria-live="polite">
      {sum
        ? (
          <>
            {percent(pixels / sum)} % of <Name>{classes[label]!}</Name>{" "}
            {label === prediction ? "is found" : (
              <>
                is taken for <Name>{classes[prediction]!}</Name>
              </>
            )} (
            {pixels.toLocaleString("en")} of {sum.toLocaleString("en")} pixels)
          </>
        )
        : (
          <>
            No pixel is labelled <Name>{classes[label]!}</Name>
          </>
        )}
    </p>
  );
}

function sumOf(row: readonly number[]): number {
  return row.reduce((sum, pixels) => sum + pixels, 0);
}

/** [rows, columns] that an arrow key moves by. */
const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
