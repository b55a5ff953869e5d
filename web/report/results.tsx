/**
 * Results by class: IoU of every class, the means, and pixel accuracy, with the differences between runs and
 * phases.
 */
import { useState } from "preact/hooks";
import { countedText, describeSubset } from "../../report/means.ts";
import type { ClassGroup } from "../../report/report_data.ts";
import { ClassMark } from "../class_mark.tsx";
import { DeltaTable } from "../delta_table.tsx";
import type { ClassStyle } from "../palette.ts";
import { Name, visible } from "../text.tsx";
import type { Lane } from "./lanes.ts";

/** What the section shows. */
interface Props {
  /** Of the section. */
  readonly id: string;
  readonly group: ClassGroup;
  readonly lanes: readonly Lane[];
  readonly styles: readonly ClassStyle[];
}

/**
 * What is known of the weights of a lane: the evaluation of its last weights, else its last validation, which
 * is made in one pass per image and so may differ; `text` says which and how it was counted. Undefined when
 * there is neither.
 */
export function measured({ phase: { evaluation, latest } }: Lane) {
  if (evaluation) return { ...evaluation, text: countedText(evaluation) };
  if (!latest) return undefined;
  return {
    ...latest,
    subsets: [],
    text:
      `validation of step ${latest.step} in one pass per image, pixels counted at size ${latest.labelSize}`,
  };
}

/** IoU of every class, and the means. Lanes whose result has another number of classes are left out. */
export function Results({ id, group: { classes }, lanes, styles }: Props) {
  const [against, setAgainst] = useState(0);
  const shown = lanes.flatMap((lane) => {
    const result = measured(lane);
    return result && result.iou.length === classes.length ? [{ title: lane.title, result }] : [];
  });
  if (shown.length === 0) {
    return (
      <section id={id}>
        <h2>Results by class</h2>
        <p class="empty">Nothing was evaluated: the recipe has no val split, or no validation came yet.</p>
      </section>
    );
  }
  const subsets = shown.flatMap(({ result }) => result.subsets ?? [])
    .filter(({ name }, k, all) => all.findIndex((other) => other.name === name) === k);
  const rows = [
    ...classes.map((name, id) => ({ name, mark: styles[id] && <ClassMark style={styles[id]} /> })),
    ...["mIoU", ...subsets.map(({ name }) => name), "pixel accuracy"].map((name) => ({ name, strong: true })),
  ];
  const columns = shown.map(({ title, result }) => ({
    title,
    values: [
      ...result.iou,
      result.miou,
      ...subsets.map(({ name }) => result.subsets?.find((subset) => subset.name === name)?.miou ?? null),
      result.pixelAccuracy,
    ],
  }));
  const texts = [...new Set(shown.map(({ result }) => result.text))];
  return (
    <section id={id}>
      <h2>Results by class</h2>
      {columns.length > 2 && (
        <p>
          <label>
            Points against{" "}
            <select
              value={String(against)}
              onChange={(event) => setAgainst(Number(event.currentTarget.value))}
            >
              {columns.map(({ title }, k) => <option key={title} value={String(k)}>{visible(title)}</option>)}
            </select>
          </label>
        </p>
      )}
      <div class="card">
        <DeltaTable
          caption={columns.length === 1 ? "IoU in percent" : "IoU in percent, and the difference in points"}
          rows={rows}
          columns={columns}
          against={against}
        />
        {subsets.map(({ name, classes: some }) => (
          <p class="note" key={name}>
            <Name>{`${name}: ${describeSubset(classes, some)}`}</Name>
          </p>
        ))}
        {texts.length === 1
          ? (
            <p class="note">
              <Name>{texts[0]!}</Name>
            </p>
          )
          : shown.map(({ title, result }) => (
            <p class="note" key={title}>
              <Name>{`${title}: ${result.text}`}</Name>
            </p>
          ))}
      </div>
    </section>
  );
}
