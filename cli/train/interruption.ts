import type { EndEvent, TrainEvent } from "../../core/events.ts";
import type { RunPlan } from "../../core/plan.ts";
import { countOf } from "../../core/words.ts";

/** Follows the events of a run, and says in one sentence where it was stopped. */
export interface Interruption {
  /** To be called with every event of the run, in order. */
  event(event: TrainEvent): void;
  /** A sentence such as `Interrupted in street after 12 of 400 steps.` */
  text(): string;
}

/** An {@linkcode Interruption} of a run of this plan. */
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
