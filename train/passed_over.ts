/**
 * Notes about files in the data's folders that the run does not read, such as images without labels.
 *
 * phase.ts calls it once, when a run begins. It only speaks; which files are read is the datasets' matter.
 */
import type { TrainEvent } from "../core/events.ts";
import type { PhasePlan } from "../core/plan.ts";
import { type InputDataset, takenText } from "../datasets/input.ts";
import type { OpenStream } from "./loaders.ts";

/** The phase that gives the notes, and the notes that were given. */
export interface Telling {
  readonly phase: Pick<PhasePlan, "name">;
  readonly emit: (event: TrainEvent) => void;
  /** The notes that earlier phases gave; new ones are added, so that each is given once in a run. */
  readonly told: Set<string>;
}

/**
 * Notes which files are not read, unless the recipe or the layout of the dataset says that they are not
 * meant. @param validation the `val` split; undefined when there is none
 */
export function tellPassedOver(
  streams: readonly OpenStream[],
  validation: InputDataset | undefined,
  { phase: { name: phase }, emit, told }: Telling,
): void {
  const datasets = streams.map(({ stream, dataset }) => [stream.name, dataset] as const);
  for (const [name, { taken = [] }] of validation ? [...datasets, ["val", validation] as const] : datasets) {
    for (const each of taken) {
      if (each.doubt === undefined && each.passedOver.every(({ meant }) => meant)) continue;
      const message = `${name}: ${takenText(each)}`;
      if (told.has(message)) continue;
      told.add(message);
      emit({ type: "note", phase, message });
    }
  }
}
