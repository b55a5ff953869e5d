/** Shares side by side, each with its distance from the first. */
import type { ComponentChildren } from "preact";
import { Name, percent, points } from "./text.tsx";

/** A column of {@linkcode DeltaTable}. */
export interface DeltaColumn {
  readonly title: string;
  /** Aligned with the rows; null: no value. */
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
}

/** Percent with a bar; from the second column on, points against the first. Without rows or columns nothing. */
export function DeltaTable({ caption, rows, columns }: DeltaTableProps) {
  const [first, ...others] = columns;
  if (!first || rows.length === 0) return null;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="deltas">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">
              <Name>{first.title}</Name>
            </th>
            {others.map(({ title }) => (
              <th scope="col" colSpan={2}>
                <Name>{title}</Name>
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
              <Share value={first.values[k] ?? null} />
              {others.map(({ values }) => (
                <Compared from={first.values[k] ?? null} value={values[k] ?? null} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Share({ value }: { readonly value: number | null }) {
  return (
    <td class="share">
      <span class="bar" style={{ "--share": String(value ?? 0) }}>{percent(value)}</span>
    </td>
  );
}

function Compared({ from, value }: { readonly from: number | null; readonly value: number | null }) {
  const text = points(from, value);
  const kind = text.startsWith("+") ? "up" : text.startsWith("−") ? "down" : "same";
  return (
    <>
      <Share value={value} />
      <td class={`delta ${kind}`}>{text}</td>
    </>
  );
}
