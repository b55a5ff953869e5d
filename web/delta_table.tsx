/**
 * A table of shares (IoU, accuracy) side by side: in percent, with a bar, and for all columns but the
 * reference the difference from it in points. A point is a hundredth of a share: from 0.340 to 0.356 are +1.6
 * points.
 */
import type { ComponentChildren } from "preact";
import { Name, percent, points } from "./text.tsx";

/** A column of {@linkcode DeltaTable}. */
export interface DeltaColumn {
  readonly title: string;
  /** Shares in [0, 1], aligned with the rows; null: no value. */
  readonly values: readonly (number | null)[];
}

/** A row of {@linkcode DeltaTable}. */
export interface DeltaRow {
  readonly name: string;
  /** Before the name, such as a class's colour. */
  readonly mark?: ComponentChildren;
  /** Whether it sums up the others. */
  readonly strong?: boolean;
}

/** What {@linkcode DeltaTable} shows. */
export interface DeltaTableProps {
  readonly caption: string;
  readonly rows: readonly DeltaRow[];
  readonly columns: readonly DeltaColumn[];
  /** The column that the others are measured against; absent: the first. */
  readonly against?: number;
}

/** The table. Draws nothing without rows or columns. */
export function DeltaTable({ caption, rows, columns, against = 0 }: DeltaTableProps) {
  const base = columns[against] ?? columns[0];
  if (!base || rows.length === 0) return null;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="deltas">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((column) => (
              <th scope="col" colSpan={column === base ? 1 : 2}>
                <Name>{column.title}</Name>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, mark, strong }, k) => (
            <tr class={strong ? "strong" : ""}>
              <th scope="row">
                {mark}
                <Name>{name}</Name>
              </th>
              {columns.map((column) => (
                <Cells
                  key={column.title}
                  value={column.values[k] ?? null}
                  from={base.values[k] ?? null}
                  alone={column === base}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A share in percent over a bar of that length; a dash for none. */
function Share({ value }: { readonly value: number | null }) {
  return (
    <td class="share">
      <span class="bar" style={{ "--share": String(value ?? 0) }}>{percent(value)}</span>
    </td>
  );
}

/** A share, and the share that it is compared with. */
interface CellsProps {
  readonly value: number | null;
  readonly from: number | null;
  /** Whether it is the column that others are measured against. */
  readonly alone: boolean;
}

/** The cells of a column in a row: the share, and its difference unless the column is the reference. */
function Cells({ value, from, alone }: CellsProps) {
  if (alone) return <Share value={value} />;
  return (
    <>
      <Share value={value} />
      <td class="delta">
        <Delta from={from} to={value} />
      </td>
    </>
  );
}

/**
 * The points from one share to another, in the colour of better or worse; a dash where one is missing. What
 * rounds to 0.0 is neither.
 */
export function Delta({ from, to }: { readonly from: number | null; readonly to: number | null }) {
  const text = points(from, to);
  const kind = text.startsWith("+") ? "up" : text.startsWith("−") ? "down" : "same";
  return <span class={kind}>{text}</span>;
}
