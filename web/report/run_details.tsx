/**
 * What belongs to one run alone: images, confusion matrices, settings, and notes on what of its folder could
 * not be read.
 */
import type { ClassGroup, ReportRun } from "../../report/report_data.ts";
import { Confusion } from "../confusion.tsx";
import type { ClassStyle } from "../palette.ts";
import { moment, Name, visible } from "../text.tsx";
import { Figures } from "./figures.tsx";

/** What the section shows. */
interface Props {
  /** Of the section. */
  readonly id: string;
  readonly run: ReportRun;
  readonly group: ClassGroup;
  readonly styles: readonly ClassStyle[];
}

/** With more classes than this, matrices stand below each other, each as wide as the page. */
const MANY_CLASSES = 12;

/** Images, confusion matrices, settings, notes. */
export function RunDetails({ id, run, group, styles }: Props) {
  const matrices = run.phases.filter(({ evaluation }) => evaluation && evaluation.confusion.length > 0);
  return (
    <section id={id} class="run">
      <h2>
        <Name>{run.title}</Name>
      </h2>
      {run.notes.length > 0 && (
        <ul class="notes">
          {run.notes.map((note) => (
            <li key={note}>
              <Name>{note}</Name>
            </li>
          ))}
        </ul>
      )}
      <h3>Images</h3>
      <div class="card">
        <Figures run={run} group={group} styles={styles} />
      </div>
      <h3>Confusion</h3>
      {matrices.length === 0
        ? <p class="empty">There is no evaluation of the last weights yet.</p>
        : (
          <div class={group.classes.length > MANY_CLASSES ? "grid one" : "grid"}>
            {matrices.map(({ name, evaluation }) => (
              <div class="card" key={name}>
                <Confusion
                  title={`${visible(run.title)}, ${visible(name)}: percent of each label's pixels`}
                  classes={evaluation!.classes}
                  counts={evaluation!.confusion}
                />
              </div>
            ))}
          </div>
        )}
      <h3>Settings</h3>
      <dl class="facts">
        {run.facts.map(([name, value]) => (
          <div key={name}>
            <dt>
              <Name>{name}</Name>
            </dt>
            <dd>
              <Name>{name === "begun" ? moment(value) : value}</Name>
            </dd>
          </div>
        ))}
      </dl>
      {run.config === undefined ? <p class="empty">Its config.yaml could not be read.</p> : (
        <details>
          <summary>config.yaml, the whole recipe</summary>
          <pre tabIndex={0}><Name>{run.config}</Name></pre>
        </details>
      )}
    </section>
  );
}
