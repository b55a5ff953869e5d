/** Notes the files in a run's folders that the run does not read. */
import type { TrainEvent } from "../core/events.ts";
import type { PhasePlan } from "../core/plan.ts";
import { type InputDataset, takenText } from "../datasets/input.ts";
import type { OpenStream } from "./loaders.ts";

/** Where it is said. */
export interface Telling {
  readonly phase: Pick<PhasePlan, "name">;
  readonly emit: (event: TrainEvent) => void;
  /** What was said, once a run; it grows. */
  readonly told: Set<string>;
}

/** Notes what was passed over where neither the recipe nor the layout of the dataset says so. */
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
