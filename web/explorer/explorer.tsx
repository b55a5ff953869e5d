/**
 * The association explorer: how one source pixel finds its target pixel and returns, at the weights of a
 * checkpoint.
 *
 * The server computes all cycles of a pair of images at one level at once (`level`, a {@linkcode LevelView});
 * rows of the similarity matrix, which are large, are asked for one by one as the cursor moves (`row`). While
 * a new pair is computed, the former stays on the screen and is marked as stale. Its rows must then be asked
 * for with the *former* question, or picture and row would belong to different pairs; `shown` keeps it.
 */
import { useRef } from "preact/hooks";
import type { CheckpointInfo, ExplorerOverview, LevelView } from "../../explore/types.ts";
import { visible } from "../text.tsx";
import { address, useAnswer } from "./ask.ts";
import { Chooser } from "./chooser.tsx";
import { useChoice } from "./choice.ts";
import { Pair } from "./pair.tsx";

/** What {@linkcode Explorer} is told. */
export interface ExplorerProps {
  /** Of the run: when it changes, checkpoints may have come and gone. */
  readonly revision: number;
  /** Whether classes have colours for colour-blind eyes. */
  readonly safe: boolean;
}

/** The explorer of a run, or why there is none. */
export function Explorer(props: ExplorerProps) {
  const overview = useAnswer<ExplorerOverview>(address("explorer"));
  if (overview.value) return <Exploring overview={overview.value} {...props} />;
  if (overview.problem === undefined) return <p class="note">Looking at the run …</p>;
  return (
    <>
      <h2>Associations</h2>
      <p role="alert">Associations are not shown: {visible(overview.problem)}.</p>
    </>
  );
}

/** What the explorer shows once the server has said what there is. */
interface ExploringProps extends ExplorerProps {
  readonly overview: ExplorerOverview;
}

/** The explorer of a run that has associations. */
function Exploring({ overview, revision, safe }: ExploringProps) {
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
  const question = `${address("level", pair)}#${chosen?.step ?? ""}`;
  const view = useAnswer<LevelView>(choice.checkpoint === "" ? undefined : question);
  // Until the answer is there, everything is that of the former question.
  const shown = useRef(pair);
  if (view.of === question) shown.current = pair;
  return (
    <section aria-labelledby="associations">
      <h2 id="associations">Associations</h2>
      <Chooser {...{ overview, checkpoints, choice, choose, level }} busy={view.busy} />
      {choice.checkpoint === "" && (
        <p role="alert">The run has no checkpoint yet; training writes the first one.</p>
      )}
      {view.problem !== undefined && <p role="alert">{visible(view.problem)}</p>}
      {view.value && (
        <Pair
          {...{ overview, choice, choose, safe }}
          pair={shown.current}
          info={overview.levels[shown.current.level]!}
          view={view.value}
          busy={view.busy}
        />
      )}
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

/**
 * The checkpoints of the run, asked for anew at each revision; the former list until the new one is there.
 */
function useCheckpoints(overview: ExplorerOverview, revision: number): readonly CheckpointInfo[] {
  const answer = useAnswer<readonly CheckpointInfo[]>(`${address("checkpoints")}#${revision}`);
  return answer.value ?? overview.checkpoints;
}
