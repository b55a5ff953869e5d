/**
 * Everything that was logged over the steps, as charts by theme. A curve's name is that of its series in the
 * event log, such as `terms/association` or `diagnostics/seconds/backward`; its prefix decides where it is
 * shown, and what fits nowhere comes under "More curves", so a loss that logs something new needs no change
 * here.
 */
import { useState } from "preact/hooks";
import { LABEL_FREE, LABEL_FREE_SERIES } from "../../core/label_free.ts";
import { Chart, type ChartSeries } from "../chart.tsx";
import { duration, milliseconds, Name, number, percent } from "../text.tsx";
import { curveNames, type Lane, manySeries, seriesOf } from "./lanes.ts";

/** What a section of curves shows. */
interface Props {
  /** Of the section. */
  readonly id: string;
  readonly lanes: readonly Lane[];
}

/** Prefixes of series: of a loss term and its measures, and of what diagnostics measure. */
const TERM = "terms/", MEASURE = "diagnostics/";

/** The mIoU of the val split, measures that need no labels, the sum that is minimised, and each loss term. */
export function TrainingCurves({ id, lanes }: Props) {
  const xMax = Math.max(...lanes.map(({ phase }) => phase.steps));
  const losses = curveNames(lanes).filter((name) => /^terms\/[^/]*$/.test(name));
  const miou = seriesOf(lanes, (phase) => phase.miou).filter(({ y }) =>
    Array.from(y).some((share) => share !== null)
  );
  return (
    <section id={id}>
      <h2>Curves</h2>
      <div class="grid">
        {miou.length > 0
          ? <Card title="mIoU of the val split, %" series={miou} format={percent} xMax={xMax} />
          : (
            <p class="card empty">
              No mIoU was logged: the recipe has no val split, none of its pixels is labelled, or no
              validation came yet.
            </p>
          )}
        {LABEL_FREE.filter(({ name }) => curveNames(lanes).includes(`${LABEL_FREE_SERIES}${name}`)).map((
          { name, title, better },
        ) => (
          <Card
            key={name}
            title={`${title}, % (the ${better === "low" ? "lower" : "higher"} the better)`}
            series={seriesOf(lanes, ({ curves }) => curves[`${LABEL_FREE_SERIES}${name}`])}
            format={percent}
            xMax={xMax}
          />
        ))}
        <Card
          title="Sum of the losses"
          series={seriesOf(lanes, ({ curves }) => curves["total"])}
          xMax={xMax}
        />
        {losses.map((name) => (
          <Card
            key={name}
            title={`${name.slice(TERM.length)}, without its weight`}
            series={seriesOf(lanes, ({ curves }) => curves[name])}
            xMax={xMax}
          />
        ))}
      </div>
    </section>
  );
}

/**
 * What is measured of associations: the end of the series' name, as in `association/layer4 covered`, and the
 * chart's title.
 */
const ASSOCIATION: readonly (readonly [string, string])[] = [
  ["associated", "Source pixels that are associated, %"],
  ["covered", "Target pixels that an associated one chose, %"],
  ["correct", "Associated with a pixel of the same class, %"],
];

/**
 * How much is associated, how much of the target is chosen, and how many associations are right, by level; or
 * why nothing is known of it.
 */
export function Associations({ id, lanes }: Props) {
  const all = curveNames(lanes);
  const cards = ASSOCIATION.flatMap(([measure, title]) => {
    const ending = (prefix: string) =>
      all.filter((name) => name.startsWith(prefix) && name.endsWith(` ${measure}`));
    const logged = ending(TERM);
    // Steps are logged more often than they are measured beside.
    const names = logged.length > 0 ? logged : ending(MEASURE);
    return names.length > 0 ? [{ title, names, cut: measure.length + 1 }] : [];
  });
  const begun = lanes.some(({ phase, later }) => later === 0 && Object.keys(phase.curves).length > 0);
  return (
    <section id={id}>
      <h2>Associations</h2>
      {cards.length === 0
        ? (
          <p class="empty">
            {begun
              ? "Nothing was measured of them: no loss associates pixels, or the run is of an older plca."
              : "Nothing was measured of them: no step of the last phase was logged yet."}
          </p>
        )
        : (
          <div class="grid">
            {cards.map(({ title, names, cut }) => (
              <Card
                key={title}
                title={title}
                series={several(lanes, names, (name) => name.slice(name.indexOf("/") + 1, -cut))}
                format={percent}
              />
            ))}
          </div>
        )}
      {cards.length > 0 && cards.length < ASSOCIATION.length && (
        <p class="note">
          <code>training.diagnostics</code> measures how much of the target is chosen and, with{" "}
          <code>target_labels</code>, how many associations are right; this run does not say all of it.
        </p>
      )}
    </section>
  );
}

/** How long phases took, and how a step's time divides into stages. */
export function Timing({ id, lanes }: Props) {
  const stages = curveNames(lanes).filter((name) => name.startsWith(`${MEASURE}seconds/`));
  const stageName = (name: string) => name.slice(`${MEASURE}seconds/`.length);
  const timed = lanes.filter(({ phase }) => phase.seconds !== undefined);
  return (
    <section id={id}>
      <h2>Time</h2>
      {timed.length > 0 && (
        <div class="scroll" role="region" aria-label="Time of each phase" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <td />
                <th scope="col">steps</th>
                <th scope="col">first to last event</th>
                <th scope="col">steps a second</th>
                {stages.map((name) => (
                  <th key={name} scope="col">
                    <Name>{stageName(name)}</Name> ms
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {timed.map(({ phase, title }) => (
                <tr key={title}>
                  <th scope="row">
                    <Name>{title}</Name>
                  </th>
                  <td>{phase.step.toLocaleString("en")} of {phase.steps.toLocaleString("en")}</td>
                  <td>{duration(phase.seconds!)}</td>
                  <td>{number(phase.medians["rate"])}</td>
                  {stages.map((name) => <td key={name}>{milliseconds(phase.medians[name])}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
          <p class="note">Steps a second and milliseconds of stages are medians of what was logged.</p>
        </div>
      )}
      <div class="grid">
        <Card title="Steps a second" series={seriesOf(lanes, ({ curves }) => curves["rate"])} />
        {stages.length > 0 && (
          <Card
            title="Milliseconds of a step, by stage"
            series={several(lanes, stages, stageName)}
            format={milliseconds}
          />
        )}
      </div>
    </section>
  );
}

/** What no other section shows: gradients, entropies, the learning rate, and whatever else losses log. */
export function OtherCurves({ lanes }: Pick<Props, "lanes">) {
  // A chart outside the window is not drawn.
  const [open, setOpen] = useState(false);
  const known = new RegExp(
    `^(?:total|rate|learningRate|${LABEL_FREE_SERIES}.*|terms/[^/]*|diagnostics/seconds/.*|.* (?:${
      ASSOCIATION.map(([measure]) => measure).join("|")
    }))$`,
  );
  const groups = new Map<string, string[]>();
  for (const name of curveNames(lanes).filter((name) => !known.test(name))) {
    const group = name.replace(/^(?:terms|diagnostics)\//, "").replace(/\/[^/]*$/, "");
    groups.set(group, [...groups.get(group) ?? [], name]);
  }
  return (
    <details class="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>More curves</summary>
      {open && (
        <div class="grid">
          <Card title="Learning rate" series={seriesOf(lanes, ({ curves }) => curves["learningRate"])} />
          {[...groups].map(([group, names]) => (
            <Card
              key={group}
              title={TITLES[group] ?? group}
              series={several(lanes, names, (name) => name.split("/").at(-1)!)}
            />
          ))}
        </div>
      )}
    </details>
  );
}

/** Titles of groups that are known. Without a prototype, since a group may be called `constructor`. */
const TITLES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  gradient: "Norm of the gradient, by loss",
  entropy: "Entropy of the predictions, as a share of the largest",
});

/** Several curves of each lane in one chart. @param called the name of a curve in the legend */
function several(
  lanes: readonly Lane[],
  names: readonly string[],
  called: (name: string) => string,
): ChartSeries[] {
  return manySeries(lanes, new Map(names.map((name) => [name, called(name)])));
}

/** What a chart shows; see {@linkcode ChartProps}. */
interface CardProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  readonly format?: (value: number | null) => string;
  readonly xMax?: number;
}

/** A chart in a frame. */
function Card(props: CardProps) {
  return (
    <div class="card">
      <Chart {...props} />
    </div>
  );
}
