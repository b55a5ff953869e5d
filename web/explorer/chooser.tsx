/**
 * What is compared: the checkpoint, the two images, the level, and which statistics batch normalisation uses.
 */
import type { CheckpointInfo, ExplorerOverview, LevelInfo, SetInfo } from "../../explore/types.ts";
import { Name, visible } from "../text.tsx";
import type { Choice } from "./choice.ts";
import { Choose, Counter, type Option, Stepper } from "./controls.tsx";
import { checkpointWords, levelWords } from "./words.ts";

/** What {@linkcode Chooser} shows. */
export interface ChooserProps {
  readonly overview: ExplorerOverview;
  /** The newest list; the one of `overview` may be old. */
  readonly checkpoints: readonly CheckpointInfo[];
  readonly choice: Choice;
  readonly choose: (change: Partial<Choice>) => void;
  /** The place of the chosen level in `overview.levels`, inside the list. */
  readonly level: number;
  /** Whether the pair is being computed. */
  readonly busy: boolean;
}

/** The choices that make a pair of images. */
export function Chooser({ overview, checkpoints, choice, choose, level, busy }: ChooserProps) {
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
        {busy && <span class="note">Computing …</span>}
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
            name="Target set"
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

/** Why a set of images cannot be used, a line each. */
function Problems({ sets }: { readonly sets: readonly SetInfo[] }) {
  return (
    <>
      {sets.filter(({ problem }) => problem !== null).map(({ set, problem }) => (
        <p key={set} role="alert">The images of {set} are not there: {visible(problem!)}.</p>
      ))}
    </>
  );
}

/** What a level is called, with the name of the loss term where several terms associate. */
function levelName({ term, label, similarity }: LevelInfo, all: readonly LevelInfo[]): string {
  const own = `${label} · ${similarity}`;
  return new Set(all.map((one) => one.term)).size > 1 ? `${term}: ${own}` : own;
}
