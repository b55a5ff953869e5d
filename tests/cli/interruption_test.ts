import assert from "node:assert/strict";
import { courseOf } from "../../cli/course.ts";
import { interruption } from "../../cli/train/interruption.ts";
import type { TrainEvent } from "../../core/events.ts";
import type { RunPlan } from "../../core/plan.ts";

const phase = (name: string, steps: number, jobs: readonly string[] = []) => ({
  name,
  training: { steps, validateEvery: 5, checkpointEvery: 0 },
  before: jobs.map((job) => ({ name: job })),
});

const PLAN = {
  phases: [phase("source-only", 1), phase("adapted", 40, ["labels", "classes"])],
} as unknown as RunPlan;

const ended = (name: string, step: number): TrainEvent => ({
  type: "end",
  phase: name,
  step,
  interrupted: true,
});
const note = (name: string, message: string): TrainEvent => ({ type: "note", phase: name, message });

function textAfter(...events: readonly TrainEvent[]): string {
  const told = interruption(PLAN);
  for (const event of events) told.event(event);
  return told.text();
}

Deno.test("interruption: names the phase and how many of its steps were made", () => {
  assert.equal(textAfter(ended("adapted", 12)), "Interrupted in adapted after 12 of 40 steps.");
  assert.equal(textAfter(ended("source-only", 1)), "Interrupted in source-only after 1 of 1 step.");
  // The last phase that ended counts.
  assert.equal(
    textAfter(ended("source-only", 1), ended("adapted", 2)),
    "Interrupted in adapted after 2 of 40 steps.",
  );
});

Deno.test("interruption: before a first step", () => {
  assert.equal(textAfter(), "Interrupted before the first step.");
  assert.equal(textAfter(ended("source-only", 0)), "Interrupted before the first step.");
  assert.equal(textAfter(ended("adapted", 0)), "Interrupted in adapted before its first step.");
  assert.equal(textAfter(ended("unknown", 3)), "Interrupted before the first step.");
});

Deno.test("interruption: in a job of a phase, the last that began; another phase's start forgets it", () => {
  const begins = (job: string) => note("adapted", `${job}: begins`);
  assert.equal(
    textAfter(begins("labels"), note("adapted", "labels: 3 images"), ended("adapted", 0)),
    "Interrupted in adapted, in its job labels.",
  );
  assert.equal(
    textAfter(begins("labels"), begins("classes"), ended("adapted", 0)),
    "Interrupted in adapted, in its job classes.",
  );
  assert.equal(
    textAfter(
      begins("labels"),
      { type: "start", phase: "adapted", steps: 40, batch: 1 },
      ended("adapted", 0),
    ),
    "Interrupted in adapted before its first step.",
  );
  // Notes that only look so, or are of another phase.
  assert.equal(
    textAfter(note("source-only", "labels: begins"), note("adapted", "other: begins"), ended("adapted", 0)),
    "Interrupted in adapted before its first step.",
  );
});

Deno.test("courseOf: phases with their intervals, and whether there is a validation or another last evaluation", () => {
  const course = (evaluation: object, val: object | undefined) =>
    courseOf({ ...PLAN, data: { splits: { val } }, evaluation } as unknown as RunPlan);
  assert.deepEqual(course({}, {}), {
    phases: [
      { name: "source-only", steps: 1, validateEvery: 5, checkpointEvery: 0 },
      { name: "adapted", steps: 40, validateEvery: 5, checkpointEvery: 0 },
    ],
    validates: true,
    evaluatesOnce: false,
  });
  assert.equal(course({}, undefined).validates, false);
  for (const one of [{ aggregation: {} }, { flip: true }, { scales: [1] }, { ensemble: [] }]) {
    assert.equal(course(one, {}).evaluatesOnce, true, JSON.stringify(one));
  }
  assert.equal(course({ flip: false }, {}).evaluatesOnce, false);
});
