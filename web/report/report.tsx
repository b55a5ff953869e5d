/**
 * What `plca report` shows, and the first tab of `plca view`. Runs are compared within a *group*: runs with
 * the same classes, whose numbers mean the same. Each group has results, pictures side by side and curves;
 * then come the details of each run.
 */
import { useMemo, useState } from "preact/hooks";
import type { ClassGroup, Difference, ReportData } from "../../report/report_data.ts";
import { Delta } from "../delta_table.tsx";
import { plainStyles, safeStyles } from "../palette.ts";
import { moment, Name, withSign } from "../text.tsx";
import { Associations, OtherCurves, Timing, TrainingCurves } from "./curves.tsx";
import { type Lane, lanesOf } from "./lanes.ts";
import { Figures } from "./figures.tsx";
import { measured, Results } from "./results.tsx";
import { RunDetails } from "./run_details.tsx";

/** The whole page. */
export function Report({ data }: { readonly data: ReportData }) {
  const [safe, setSafe] = useState(false);
  return (
    <main>
      <header>
        <div>
          <h1>
            <Name>{data.title}</Name>
          </h1>
          <p class="note">
            plca {data.version}, report of <time dateTime={data.made}>{moment(data.made)}</time>
          </p>
        </div>
        <label>
          Class colours{" "}
          <select
            value={safe ? "safe" : "own"}
            onChange={(event) => setSafe(event.currentTarget.value === "safe")}
          >
            <option value="own">of the dataset</option>
            <option value="safe">safe for colour blindness</option>
          </select>
        </label>
      </header>
      <ReportBody data={data} safe={safe} />
    </main>
  );
}

/** Everything below the heading. @param safe whether classes have colours for colour-blind eyes */
export function ReportBody({ data, safe }: { readonly data: ReportData; readonly safe: boolean }) {
  return (
    <>
      <Contents data={data} />
      {data.groups.map((group, k) => <Group key={k} {...{ data, group, safe, anchor: String(k) }} />)}
    </>
  );
}

/** Links to the sections and runs of a long page. */
function Contents({ data }: { readonly data: ReportData }) {
  const [only, ...others] = data.groups;
  const sections = only && others.length === 0
    ? [
      ["results", "Results"],
      ...(only.sideBySide ? [["side-by-side", "Side by side"]] as const : []),
      ["curves", "Curves"],
      ["associations", "Associations"],
      [
        "time",
        "Time",
      ],
    ] as const
    : [];
  return (
    <nav aria-label="On this page">
      {sections.map(([id, name]) => <a key={id} href={`#${id}-0`}>{name}</a>)}
      {data.runs.map(({ title }, place) => (
        <a key={title} href={`#run-${place}`}>
          <Name>{title}</Name>
        </a>
      ))}
    </nav>
  );
}

/** A group of runs, and how its sections are called. */
interface GroupProps {
  /** The ids of the group's sections begin with it. */
  readonly anchor: string;
  readonly data: ReportData;
  readonly group: ClassGroup;
  readonly safe: boolean;
}

/** The sections of a group of runs. */
function Group({ anchor, data, group, safe }: GroupProps) {
  const lanes = useMemo(() => lanesOf(data, group), [data, group]);
  const styles = useMemo(
    () => safe ? safeStyles(group.classes.length) : plainStyles(group.colours),
    [group, safe],
  );
  // The same as before where other colours are chosen: charts are not drawn anew.
  const curves = useMemo(() => (
    <>
      <TrainingCurves id={`curves-${anchor}`} lanes={lanes} />
      <Associations id={`associations-${anchor}`} lanes={lanes} />
      <Timing id={`time-${anchor}`} lanes={lanes} />
      <OtherCurves lanes={lanes} />
    </>
  ), [lanes]);
  return (
    <>
      {data.groups.length > 1 && (
        <h2 class="group">
          {group.classes.length} classes: <Name>{group.classes.slice(0, 4).join(", ")}</Name>
          {group.classes.length > 4 ? ", …" : ""}
        </h2>
      )}
      <Summary lanes={lanes} />
      {anchor === "0" && data.differences.length > 0 && <Differences data={data} />}
      <Results id={`results-${anchor}`} group={group} lanes={lanes} styles={styles} />
      {group.sideBySide && (
        <section id={`side-by-side-${anchor}`}>
          <h2>Side by side</h2>
          <div class="card">
            <Figures run={{ pictures: group.sideBySide }} group={group} styles={styles} />
          </div>
        </section>
      )}
      {curves}
      {group.runs.map((place) => (
        <RunDetails key={place} id={`run-${place}`} run={data.runs[place]!} group={group} styles={styles} />
      ))}
    </>
  );
}

/** The states of a run, in words. */
const STATES: Readonly<Record<string, string>> = {
  running: "still going on",
  finished: "finished",
  interrupted: "interrupted",
  failed: "failed",
  stopped: "stopped without an end",
  empty: "not begun",
  unclear: "without an end so far",
};

/** A card for each run: its result, how far it lies from its baseline, and how far it has come. */
function Summary({ lanes }: { readonly lanes: readonly Lane[] }) {
  const runs = [...new Set(lanes.map(({ run }) => run))];
  return (
    <div class="grid summary">
      {runs.map((run) => {
        const own = lanes.filter((lane) => lane.run === run);
        const main = own.at(-1)!;
        const base = own.find((lane) => lane !== main && measured(lane));
        const [result, other] = [measured(main), base && measured(base)];
        return (
          <article class="card" key={run.title}>
            <h2>
              <Name>{run.title}</Name>
            </h2>
            <p class="big">
              {withSign(result?.miou ?? null)} <small>mIoU</small> {result && other && (
                <small>
                  <Delta from={other.miou} to={result.miou} /> against{" "}
                  <Name>{base!.phase.name || "an earlier phase"}</Name>
                </small>
              )}
            </p>
            <p class="note">
              <span class={`state ${run.state}`}>{STATES[run.state] ?? run.state}</span>
              {own.map(({ phase }) => (
                <span key={phase.name}>
                  {" · "}
                  <Name>{phase.name || run.title}</Name> {phase.steps === 0
                    ? "not begun"
                    : `${phase.step.toLocaleString("en")} of ${phase.steps.toLocaleString("en")} steps`}
                </span>
              ))}
            </p>
            {main.phase.best && (
              <p class="note">
                Best validation {withSign(main.phase.best.miou)}, step {main.phase.best.step}
              </p>
            )}
          </article>
        );
      })}
    </div>
  );
}

/** The settings in which the runs differ, so that nobody must compare whole recipes. */
function Differences({ data }: { readonly data: ReportData }) {
  return (
    <section>
      <h2>What differs</h2>
      <div class="scroll settings" role="region" aria-label="Settings that differ" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {data.runs.map(({ title }) => (
                <th key={title} scope="col">
                  <Name>{title}</Name>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.differences.map(({ path, values }: Difference) => (
              <tr key={path}>
                <th scope="row">
                  <code>
                    <Name>{path}</Name>
                  </code>
                </th>
                {values.map((value, k) => (
                  <td key={data.runs[k]!.title}>
                    {value === null ? <span class="empty">not set</span> : <Name>{value}</Name>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
