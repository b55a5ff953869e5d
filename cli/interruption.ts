import type { EndEvent, TrainEvent } from "../core/events.ts";
import type { RunPlan } from "../core/plan.ts";
import { countOf } from "../core/words.ts";

/** Looks at the events of a run, to say in one sentence where it was stopped. */
export interface Interruption {
  event(event: TrainEvent): void;
  /** A sentence. */
  text(): string;
}

/** A new one, to be given every event of the run. */
export function interruption({ phases }: RunPlan): Interruption {
  let end: EndEvent | undefined;
  let job: string | undefined;
  return {
    event(event) {
      if (event.type === "start") job = undefined;
      if (event.type === "end") end = event;
      if (event.type !== "note") return;
      const { before = [] } = phases.find(({ name }) => name === event.phase) ?? {};
      job = before.find(({ name }) => event.message === `${name}: begins`)?.name ?? job;
    },
    text() {
      const k = phases.findIndex(({ name }) => name === end?.phase);
      const phase = phases[k];
      if (end && phase && end.step > 0) {
        return `Interrupted in ${phase.name} after ${end.step} of ${countOf(phase.training.steps, "step")}.`;
      }
      if (phase && job !== undefined) return `Interrupted in ${phase.name}, in its job ${job}.`;
      return phase && k > 0
        ? `Interrupted in ${phase.name} before its first step.`
        : "Interrupted before the first step.";
    },
  };
}
