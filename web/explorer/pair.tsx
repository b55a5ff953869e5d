/**
 * Two images, the cycle of one source pixel, and what lies over both.
 *
 * A cycle goes from a source pixel (pin 1) to the target pixel that is most similar to it (2) and from there
 * back to the source pixel that is most similar to that one (3). The person moves 1; 2 and 3 follow from the
 * view, without asking the server. The cursor of the target (`probe`) only reads values, and Enter puts it
 * back on 2.
 */
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import {
  type ExplorerOverview,
  type LevelInfo,
  type LevelSide,
  type LevelView,
  OUTCOMES,
  type RowKind,
  type RowView,
} from "../../explore/types.ts";
import { distinctColours } from "../../report/colours.ts";
import { type ClassStyle, plainStyles, safeStyles } from "../palette.ts";
import { Name, visible } from "../text.tsx";
import { address, useAnswer } from "./ask.ts";
import type { Choice, SourceOverlay, TargetOverlay } from "./choice.ts";
import { Choose } from "./controls.tsx";
import { Grid, type Pin } from "./grid.tsx";
import { Keys, keysOf } from "./keys.tsx";
import { Legend } from "./legend.tsx";
import { layerOfSource, layerOfTarget, present, sourceOptions, targetOptions } from "./overlays.ts";
import { coverageWords, cycleWords, outcomeWords, place, rowWords, share, targetWords } from "./words.ts";

/** What the server is asked about. */
export type PairQuestion = Readonly<
  Record<"checkpoint" | "statistics" | "source" | "targetSet" | "target" | "level", string | number>
>;

/**
 * Milliseconds that a cursor must rest on a pixel before its row is asked for: a key that is held down passes
 * over many.
 */
const DELAY = 40;

/** What {@linkcode Pair} shows. */
export interface PairProps {
  readonly overview: ExplorerOverview;
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  /** The question that `view` answers: while a new pair is computed, still the former one. */
  readonly pair: PairQuestion;
  /** The level of `view`. */
  readonly info: LevelInfo;
  readonly view: LevelView;
  /** Whether the answer to a newer question is awaited. */
  readonly busy: boolean;
  /** Whether classes have colours for colour-blind eyes. */
  readonly safe: boolean;
}

/** The pair at one level. */
export function Pair({ overview, choice, choose, pair, info, view, busy, safe }: PairProps) {
  const help = useId();
  const first = useMemo(() => firstStart(view), [view]);
  const start = choice.start >= 0 && choice.start < view.outcome.length ? choice.start : first;
  const [probe, setProbe] = useState<number | undefined>();
  useEffect(() => setProbe(undefined), [start, view]);
  const styles = useMemo(
    () =>
      safe
        ? safeStyles(overview.classes.length)
        : plainStyles(overview.colours ?? distinctColours(overview.classes.length)),
    [safe, overview],
  );
  const row = (kind: RowKind, pixel: number) =>
    `${address("row", { ...pair, kind, pixel })}#${view.checkpoint.step ?? ""}`;
  const aggregates = info.aggregation !== null;
  const overlays = targetOptions(view, aggregates);
  const keyed = keysOf({ choice, choose, levels: overview.levels.length, overlays });
  const side: SideProps = { overview, choice, choose, pair, view, start, styles, help, row, keyed };
  return (
    <div aria-busy={busy} class={busy ? "pair stale" : "pair"}>
      <p class="cycle" aria-live="polite" id="cycle">
        {cycleWords(view, start, overview)} <strong>{outcomeWords(view, start)}</strong>.
      </p>
      <div class="sides">
        <SourceSide {...side} />
        <TargetSide {...side} aggregates={aggregates} probe={probe} onProbe={setProbe} />
      </div>
      <div class="line">
        <label>
          Overlays{" "}
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
      </div>
      <p id="coverage">{coverageWords(view)}</p>
      <Keys id={help} />
    </div>
  );
}

/** What both sides need. */
interface SideProps extends Pick<PairProps, "overview" | "choice" | "choose" | "pair" | "view"> {
  /** The source pixel. */
  readonly start: number;
  readonly styles: readonly ClassStyle[];
  /** The id of what explains the keys. */
  readonly help: string;
  /** The question for a row. */
  readonly row: (kind: RowKind, pixel: number) => string;
  /** Does what a key means. */
  readonly keyed: (key: string) => boolean;
}

/** The source image, where the cycle starts and ends. */
function SourceSide({ overview, choice, choose, pair, view, start, styles, help, row, keyed }: SideProps) {
  const { source, forward, back } = view;
  const end = back[start]!;
  const options = sourceOptions(view);
  const overlay = present(choice.sourceOverlay, options);
  const returning = useAnswer<RowView>(
    overlay === "return" ? row("back", forward[start]!) : undefined,
    DELAY,
  );
  const layer = useMemo(
    () => layerOfSource(overlay, view, returning.value),
    [overlay, view, returning.value],
  );
  return (
    <figure class="card">
      <Caption name="Source" of={source} />
      <Grid
        name="Source image: arrow keys choose the pixel where a cycle starts"
        image={address("image", { set: "source", index: pair.source })}
        side={source}
        layer={layer}
        pins={[
          ...(end === start ? [] : [{ pixel: end, sign: "3", look: "return" } as const]),
          { pixel: start, sign: end === start ? "1 3" : "1", look: "start" },
        ]}
        at={start}
        onMove={(next) => choose({ start: next })}
        onKey={keyed}
        {...{ styles, help, opacity: choice.opacity / 100 }}
      />
      <Choose
        name="Over the source"
        value={overlay}
        options={options}
        onChoose={(value) => choose({ sourceOverlay: value as SourceOverlay })}
      />
      <Legend layer={layer} names={overview} styles={styles} />
      {returning.problem !== undefined && <p role="alert">{visible(returning.problem)}</p>}
    </figure>
  );
}

/** What the target's side needs besides. */
interface TargetProps extends SideProps {
  /** Whether the level mixes target pixels before it associates. */
  readonly aggregates: boolean;
  /** The target pixel under the cursor; undefined: the chosen one. */
  readonly probe: number | undefined;
  readonly onProbe: (pixel: number | undefined) => void;
}

/** The target image, with the values of the pixel under pointer or cursor. */
function TargetSide({ probe, onProbe, aggregates, ...side }: TargetProps) {
  const { overview, choice, choose, pair, view, start, styles, help, row, keyed } = side;
  const { source, target, forward } = view;
  const [hovered, setHovered] = useState<number | undefined>();
  const chosen = forward[start]!;
  const at = Math.min(probe ?? chosen, target.predictions.length - 1);
  const options = targetOptions(view, aggregates);
  const overlay = present(choice.targetOverlay, options);
  const mixes = overlay === "aggregation";
  const question = mixes ? row("aggregation", at) : row("forward", start);
  const shown = useAnswer<RowView>(question, DELAY);
  const layer = useMemo(
    () => layerOfTarget(overlay, view, { row: shown.value, at }),
    [overlay, view, shown.value, at],
  );
  const pins: Pin[] = [{ pixel: chosen, sign: "2", look: "chosen" }];
  if (at !== chosen) pins.push({ pixel: at, sign: "+", look: "cursor" });
  const read = Math.min(hovered ?? at, target.predictions.length - 1);
  const rowOf = mixes
    ? `In the aggregation of target pixel ${place(at, target.width)}`
    : `For source pixel ${place(start, source.width)}`;
  return (
    <figure class="card">
      <Caption name="Target" of={target} />
      <Grid
        name="Target image: arrow keys read values, Enter goes back to the chosen pixel"
        image={address("image", { set: pair.targetSet, index: pair.target })}
        side={target}
        layer={layer}
        pins={pins}
        at={at}
        onMove={onProbe}
        onHover={setHovered}
        onKey={(key) => key === "Enter" ? (onProbe(undefined), true) : keyed(key)}
        {...{ styles, help, opacity: choice.opacity / 100 }}
      />
      <Choose
        name="Over the target"
        value={overlay}
        options={options}
        onChoose={(value) => choose({ targetOverlay: value as TargetOverlay })}
      />
      <Legend
        layer={layer}
        names={overview}
        styles={styles}
        format={overlay === "similarity" ? undefined : share}
      />
      {/* Who moves the source's cursor hears the cycle; this would be said after it. */}
      <p class="readout" aria-live={probe === undefined ? "off" : "polite"} id="readout">
        {targetWords(view, read, overview)}{" "}
        {shown.value && shown.of === question && rowWords(rowOf, shown.value, read)}
      </p>
      {shown.problem !== undefined && <p role="alert">{visible(shown.problem)}</p>}
    </figure>
  );
}

/**
 * Where the first cycle starts: the pixel nearest to the middle of those with a consistent cycle, which says
 * more than a corner does; the one nearest to the middle where no cycle is.
 */
function firstStart({ outcome, source: { height, width } }: LevelView): number {
  const apart = (pixel: number) =>
    Math.hypot(Math.floor(pixel / width) - height / 2, pixel % width - width / 2) +
    (OUTCOMES[outcome[pixel]!] === "consistent" ? 0 : height + width);
  return outcome.reduce((best, _, pixel) => apart(pixel) < apart(best) ? pixel : best, 0);
}

/** The name and the sizes of an image: as shown, as it was, and of the level. */
function Caption({ name, of }: { readonly name: string; readonly of: LevelSide }) {
  const shrunk = of.imageWidth !== of.originalWidth || of.imageHeight !== of.originalHeight;
  const original = shrunk ? ` of ${of.originalWidth}×${of.originalHeight}` : "";
  return (
    <figcaption>
      <strong>{name}</strong>
      <Name>{of.id}</Name>
      <span class="note">
        {`${of.imageWidth}×${of.imageHeight} pixels${original}, level ${of.width}×${of.height}`}
      </span>
    </figcaption>
  );
}
