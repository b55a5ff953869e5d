/** The association explorer. */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import type {
  CheckpointInfo,
  ExplorerOverview,
  LevelInfo,
  LevelView,
  RowKind,
  RowView,
  SetInfo,
} from "../../explore/types.ts";
import { distinctColours } from "../../report/colours.ts";
import { plainStyles, safeStyles } from "../palette.ts";
import { Name, percent, visible } from "../text.tsx";
import { address, useAnswer } from "./ask.ts";
import { type Choice, type SourceOverlay, type TargetOverlay, useChoice } from "./choice.ts";
import { Choose, Counter, type Option, Stepper } from "./controls.tsx";
import { Grid, type Pin } from "./grid.tsx";
import { classLayer, coverLayer, cycleLayer, heatLayer, type Layer, weightLayer } from "./layers.ts";
import { Legend } from "./legend.tsx";
import { checkpointWords, coverageWords, cycleWords, levelWords, targetWords } from "./words.ts";

/** @param revision of the run: when it changes, checkpoints may have come and gone */
export function Explorer({ revision }: { readonly revision: number }) {
  const overview = useAnswer<ExplorerOverview>(address("explorer"));
  if (overview.value) return <Exploring overview={overview.value} revision={revision} />;
  if (overview.problem === undefined) return <p class="note">Looking at the run …</p>;
  return (
    <>
      <h2>Associations</h2>
      <p role="alert">Associations are not shown: {visible(overview.problem)}.</p>
    </>
  );
}

interface ExploringProps {
  readonly overview: ExplorerOverview;
  readonly revision: number;
}

function Exploring({ overview, revision }: ExploringProps) {
  const [choice, choose] = useChoice(overview);
  const checkpoints = useCheckpoints(overview, revision);
  const level = Math.min(choice.level, overview.levels.length - 1);
  const chosen = checkpoints.find(({ id }) => id === choice.checkpoint);
  const pair = {
    checkpoint: choice.checkpoint,
    statistics: choice.statistics,
    source: choice.source,
    targetSet: choice.targetSet,
    target: choice.target,
    level,
  };
  // A checkpoint that training has replaced is another one under the same name.
  const view = useAnswer<LevelView>(
    choice.checkpoint === "" ? undefined : `${address("level", pair)}#${chosen?.step ?? ""}`,
  );
  return (
    <section aria-labelledby="associations">
      <h2 id="associations">Associations</h2>
      <Chooser {...{ overview, checkpoints, choice, choose, level }} />
      {choice.checkpoint === "" && (
        <p role="alert">The run has no checkpoint yet; training writes the first one.</p>
      )}
      {view.problem !== undefined && <p role="alert">{visible(view.problem)}</p>}
      {view.value && (
        <Pair
          key={`${level} ${view.value.source.width} ${view.value.target.width}`}
          {...{ overview, choice, choose, pair }}
          info={overview.levels[level]!}
          view={view.value}
          busy={view.busy}
        />
      )}
      {!view.value && view.busy && <p class="note">Computing …</p>}
      <details>
        <summary>What is compared here</summary>
        {overview.notes.map((note) => <p key={note}>{visible(note)}</p>)}
        <p>
          Batch normalisation uses the running statistics, as in evaluation. Training uses those of its batch,
          which “of the image” comes near: the two can differ much early in training.
        </p>
      </details>
    </section>
  );
}

/** The newest list of checkpoints; the former one while it is asked for. */
function useCheckpoints(overview: ExplorerOverview, revision: number): readonly CheckpointInfo[] {
  const answer = useAnswer<readonly CheckpointInfo[]>(`${address("checkpoints")}#${revision}`);
  return answer.value ?? overview.checkpoints;
}

interface ChooserProps {
  readonly overview: ExplorerOverview;
  readonly checkpoints: readonly CheckpointInfo[];
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  readonly level: number;
}

function Chooser({ overview, checkpoints, choice, choose, level }: ChooserProps) {
  const gone = !checkpoints.some(({ id }) => id === choice.checkpoint);
  const options: Option[] = [
    ...checkpoints.map((one) => ({
      value: one.id,
      text: checkpointWords(one),
      group: visible(one.phase ?? "other files"),
    })),
    ...(gone && choice.checkpoint !== ""
      ? [{ value: choice.checkpoint, text: "no longer there", group: "gone" }]
      : []),
  ];
  const images = (wanted: string) => overview.sets.find(({ set }) => set === wanted);
  const targets = overview.sets.filter(({ set }) => set !== "source");
  return (
    <div class="card chooser">
      <div class="line">
        <Stepper
          name="Checkpoint"
          value={choice.checkpoint}
          options={options}
          onChoose={(checkpoint) => choose({ checkpoint })}
        />
        <Choose
          name="Batch norm"
          value={choice.statistics}
          options={[{ value: "running", text: "running statistics" }, {
            value: "image",
            text: "of the image",
          }]}
          onChoose={(value) => choose({ statistics: value as Choice["statistics"] })}
        />
      </div>
      <div class="line">
        <Counter
          name="Source image"
          value={choice.source}
          count={images("source")?.images ?? 0}
          onChoose={(source) => choose({ source })}
        />
        <Counter
          name="Target image"
          value={choice.target}
          count={images(choice.targetSet)?.images ?? 0}
          onChoose={(target) => choose({ target })}
        />
        {targets.length > 1 && (
          <Choose
            name="from"
            value={choice.targetSet}
            options={targets.map(({ set }) => ({
              value: set,
              text: set === "target" ? "training's target" : set,
            }))}
            onChoose={(targetSet) => choose({ targetSet: targetSet as Choice["targetSet"], target: 0 })}
          />
        )}
      </div>
      <Problems sets={overview.sets} />
      <div class="line levels" role="group" aria-label="Level">
        {overview.levels.map((one, k) => (
          <button
            type="button"
            key={k}
            aria-pressed={k === level}
            onClick={() => choose({ level: k })}
          >
            <Name>{levelName(one, overview.levels)}</Name>
          </button>
        ))}
        <span class="note">{levelWords(overview.levels[level]!)}</span>
      </div>
    </div>
  );
}

function Problems({ sets }: { readonly sets: readonly SetInfo[] }) {
  return (
    <>
      {sets.filter(({ problem }) => problem !== null).map(({ set, problem }) => (
        <p key={set} role="alert">The images of {set} are not there: {visible(problem!)}.</p>
      ))}
    </>
  );
}

/** With the term's name where several associate. */
function levelName({ term, label, similarity }: LevelInfo, all: readonly LevelInfo[]): string {
  const own = `${label} · ${similarity}`;
  return new Set(all.map((one) => one.term)).size > 1 ? `${term}: ${own}` : own;
}

type PairQuestion = Readonly<
  Record<"checkpoint" | "statistics" | "source" | "targetSet" | "target" | "level", string | number>
>;

/** A cursor that is held down passes over pixels: milliseconds that it must rest. */
const DELAY = 40;

interface PairProps {
  readonly overview: ExplorerOverview;
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  readonly pair: PairQuestion;
  readonly info: LevelInfo;
  readonly view: LevelView;
  readonly busy: boolean;
}

function Pair({ overview, choice, choose, pair, info, view, busy }: PairProps) {
  const help = useId();
  const { source, target, checkpoint } = view;
  const start = choice.start >= 0 && choice.start < view.outcome.length ? choice.start : firstStart(view);
  const chosen = view.forward[start]!, end = view.back[start]!;
  const [probe, setProbe] = useState<number | undefined>();
  const [hovered, setHovered] = useState<number | undefined>();
  const at = Math.min(probe ?? chosen, target.predictions.length - 1);
  useEffect(() => setProbe(undefined), [start, view]);

  const row = (kind: RowKind, pixel: number) =>
    `${address("row", { ...pair, kind, pixel })}#${checkpoint.step ?? ""}`;
  const aggregates = info.aggregation !== null;
  const overlay = choice.targetOverlay === "aggregation" && !aggregates ? "similarity" : choice.targetOverlay;
  const forward = useAnswer<RowView>(row("forward", start), DELAY);
  const mixing = useAnswer<RowView>(overlay === "aggregation" ? row("aggregation", at) : undefined, DELAY);
  const returning = useAnswer<RowView>(
    choice.sourceOverlay === "return" ? row("back", chosen) : undefined,
    DELAY,
  );

  const styles = useMemo(
    () =>
      choice.palette === "safe"
        ? safeStyles(overview.classes.length)
        : plainStyles(overview.colours ?? distinctColours(overview.classes.length)),
    [choice.palette, overview],
  );
  const shown = overlay === "aggregation" ? mixing : forward;
  const sourceLayer = useMemo(
    () => layerOfSource(choice.sourceOverlay, view, returning.value),
    [choice.sourceOverlay, view, returning.value],
  );
  const targetLayer = useMemo(
    () => layerOfTarget(overlay, view, shown.value),
    [overlay, view, shown.value],
  );
  const opacity = choice.opacity / 100;
  const common = { styles, opacity, help };
  const keyed = keysOf({ choice, choose, levels: overview.levels.length });
  const pins: Pin[] = [{ pixel: chosen, sign: "2", look: "chosen" }];
  if (at !== chosen) pins.push({ pixel: at, sign: "+", look: "cursor" });
  const problem = [forward, mixing, returning].find((answer) => answer.problem !== undefined)?.problem;
  return (
    <div aria-busy={busy || shown.busy} class={busy ? "pair stale" : "pair"}>
      <p class="cycle" aria-live="polite" id="cycle">{cycleWords(view, start, overview)}</p>
      {problem !== undefined && <p role="alert">{visible(problem)}</p>}
      <div class="sides">
        <figure class="card">
          <figcaption>
            <strong>Source</strong>
            <Name>{source.id}</Name>
            <Size of={source} />
          </figcaption>
          <Grid
            name="Source image: arrow keys choose the pixel where a cycle starts"
            image={address("image", { set: "source", index: choice.source })}
            side={source}
            layer={sourceLayer}
            pins={[
              { pixel: end, sign: "3", look: "return" },
              { pixel: start, sign: end === start ? "1 3" : "1", look: "start" },
            ]}
            at={start}
            onMove={(next) => choose({ start: next })}
            onKey={keyed}
            {...common}
          />
          <Choose
            name="Over the source"
            value={choice.sourceOverlay}
            options={SOURCE_NAMES.filter(({ value }) => value !== "labels" || source.labels !== null)}
            onChoose={(value) => choose({ sourceOverlay: value as SourceOverlay })}
          />
          <Legend layer={sourceLayer} names={overview} styles={styles} />
        </figure>
        <figure class="card">
          <figcaption>
            <strong>Target</strong>
            <Name>{target.id}</Name>
            <Size of={target} />
          </figcaption>
          <Grid
            name="Target image: arrow keys read values, Enter goes back to the chosen pixel"
            image={address("image", { set: choice.targetSet, index: choice.target })}
            side={target}
            layer={targetLayer}
            pins={pins}
            at={at}
            onMove={setProbe}
            onHover={setHovered}
            onKey={(key) => key === "Enter" ? (setProbe(undefined), true) : keyed(key)}
            {...common}
          />
          <Choose
            name="Over the target"
            value={overlay}
            options={TARGET_NAMES.filter(({ value }) =>
              (value !== "labels" || target.labels !== null) && (value !== "aggregation" || aggregates)
            )}
            onChoose={(value) => choose({ targetOverlay: value as TargetOverlay })}
          />
          <Legend
            layer={targetLayer}
            names={overview}
            styles={styles}
            format={overlay === "similarity" ? undefined : (value) => `${percent(value)} %`}
          />
          <p class="readout" aria-live="polite" id="readout">
            {targetWords(view, hovered ?? at, overview, shown.value)}
          </p>
        </figure>
      </div>
      <div class="line">
        <label>
          Overlay{" "}
          <input
            type="range"
            min={0}
            max={100}
            step={5}
            value={choice.opacity}
            onInput={(event) => choose({ opacity: event.currentTarget.valueAsNumber })}
          />{" "}
          {choice.opacity} %
        </label>
        <Choose
          name="Class colours"
          value={choice.palette}
          options={[
            { value: "dataset", text: "of the dataset" },
            { value: "safe", text: "for colour-blind eyes" },
          ]}
          onChoose={(value) => choose({ palette: value as Choice["palette"] })}
        />
      </div>
      <p id="coverage">{coverageWords(view)}</p>
      <Keys id={help} />
    </div>
  );
}

/** A pixel whose cycle is consistent, if there is one: it says more than the corner. */
function firstStart({ outcome }: LevelView): number {
  const middle = Math.floor(outcome.length / 2);
  const found = outcome.indexOf(0, middle);
  return found < 0 ? middle : found;
}

const SOURCE_NAMES: readonly Option[] = [
  { value: "cycles", text: "outcome of every cycle" },
  { value: "return", text: "similarity on the way back" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

const TARGET_NAMES: readonly Option[] = [
  { value: "similarity", text: "similarity to the source pixel" },
  { value: "weights", text: "its weights after the softmax" },
  { value: "aggregation", text: "aggregation weights of the target pixel" },
  { value: "covered", text: "pixels that consistent cycles chose" },
  { value: "labels", text: "labels" },
  { value: "predictions", text: "predictions" },
  { value: "none", text: "nothing" },
];

function layerOfSource(overlay: SourceOverlay, view: LevelView, back: RowView | undefined): Layer {
  switch (overlay) {
    case "cycles":
      return cycleLayer(view);
    case "return":
      return back && heatLayer(back.similarities);
    case "none":
      return undefined;
    default:
      return classLayer(view.source, overlay);
  }
}

function layerOfTarget(overlay: TargetOverlay, view: LevelView, row: RowView | undefined): Layer {
  switch (overlay) {
    case "similarity":
      return row && heatLayer(row.similarities);
    case "weights":
    case "aggregation":
      return row && weightLayer(row);
    case "covered":
      return coverLayer(view);
    case "none":
      return undefined;
    default:
      return classLayer(view.target, overlay);
  }
}

interface KeyTargets {
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  readonly levels: number;
}

/** Keys of both images beside those that move. */
function keysOf({ choice, choose, levels }: KeyTargets): (key: string) => boolean {
  const overlays = TARGET_NAMES.map(({ value }) => value as TargetOverlay);
  return (key) => {
    switch (key) {
      case "l":
        choose({ level: (choice.level + 1) % levels });
        return true;
      case "o":
        choose({ targetOverlay: overlays[(overlays.indexOf(choice.targetOverlay) + 1) % overlays.length]! });
        return true;
      case "+":
        choose({ opacity: Math.min(100, choice.opacity + 10) });
        return true;
      case "-":
        choose({ opacity: Math.max(0, choice.opacity - 10) });
        return true;
      default:
        return false;
    }
  };
}

function Size({ of }: { readonly of: LevelView["source"] }) {
  const shrunk = of.imageWidth !== of.originalWidth || of.imageHeight !== of.originalHeight;
  return (
    <span class="note">
      {of.imageWidth}×{of.imageHeight} pixels{shrunk && ` of ${of.originalWidth}×${of.originalHeight}`}, level
      {" "}
      {of.width}×{of.height}
    </span>
  );
}

/** Heads what the keys do; the same text is read to who comes to an image with a screen reader. */
function Keys({ id }: { readonly id: string }) {
  return (
    <details>
      <summary>Keys, while an image has the focus</summary>
      <dl class="keys" id={id}>
        <dt>
          <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>
        </dt>
        <dd>one pixel, with Shift five</dd>
        <dt>
          <kbd>Home</kbd> <kbd>End</kbd> <kbd>Page Up</kbd> <kbd>Page Down</kbd>
        </dt>
        <dd>to a border</dd>
        <dt>
          <kbd>Enter</kbd>
        </dt>
        <dd>in the target: back to the chosen pixel</dd>
        <dt>
          <kbd>o</kbd>
        </dt>
        <dd>what lies over the target: the next one</dd>
        <dt>
          <kbd>+</kbd> <kbd>-</kbd>
        </dt>
        <dd>stronger or weaker overlays</dd>
        <dt>
          <kbd>l</kbd>
        </dt>
        <dd>the next level</dd>
      </dl>
    </details>
  );
}
