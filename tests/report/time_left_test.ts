import assert from "node:assert/strict";
import type { TrainEvent } from "../../core/events.ts";
import { type Course, timeKeeper } from "../../report/time_left.ts";

const PHASE = { name: "a", steps: 10, validateEvery: 4, checkpointEvery: 0 };

const COURSE: Course = {
  phases: [{ ...PHASE, name: "before" }, PHASE],
  validates: true,
  evaluatesOnce: false,
};

/** A run whose events come when they are told to. */
function watched(course?: Course) {
  let now = 1000;
  const keeper = timeKeeper(course, () => now);
  const event = (seconds: number, told: Partial<TrainEvent> & Pick<TrainEvent, "type">) => {
    now += 1000 * seconds;
    keeper.event({ phase: "a", ...told } as TrainEvent);
  };
  const step = (seconds: number, step: number, phase = "a") =>
    event(seconds, { type: "step", step, steps: 10, phase });
  const start = (phase = "a") => event(0, { type: "start", phase, steps: 10 });
  return { keeper, event, step, start };
}

Deno.test("the first step of a phase is no measure of the others", () => {
  const { keeper, step, start } = watched();
  start();
  step(30, 1);
  assert.equal(keeper.left(), undefined);
  step(2, 2);
  step(2, 3);
  // Four seconds of two steps: they may be anything.
  assert.equal(keeper.left(), undefined);
  step(5, 4);
  assert.deepEqual(keeper.left(), { seconds: 18, atLeast: false });
});

Deno.test("a slow step says enough alone", () => {
  const { keeper, step, start } = watched();
  start();
  step(30, 1);
  step(6, 2);
  assert.deepEqual(keeper.left(), { seconds: 48, atLeast: false });
});

Deno.test("validations and checkpoints to come count as long as those before took; unknown ones are said to be missing", () => {
  const { keeper, event, step, start } = watched({ ...COURSE, phases: [PHASE] });
  start();
  for (let k = 1; k <= 4; k++) step(1, k);
  // Of step 4, of step 8, the last one, and the last checkpoint: none is known.
  assert.deepEqual(keeper.left(), { seconds: 6, atLeast: true });
  event(5, { type: "validation", step: 4 });
  step(1, 5);
  assert.deepEqual(keeper.left(), { seconds: 5 + 2 * 5, atLeast: true });
  event(2, { type: "checkpoint", step: 5 });
  step(1, 6);
  assert.deepEqual(keeper.left(), { seconds: 4 + 2 * 5 + 2, atLeast: false });
  for (let k = 7; k <= 8; k++) step(1, k);
  event(5, { type: "validation", step: 8 });
  step(1, 9);
  assert.deepEqual(keeper.left(), { seconds: 1 + 5 + 2, atLeast: false });
  step(1, 10);
  assert.deepEqual(keeper.left(), { seconds: 5 + 2, atLeast: false });
});

Deno.test("while the baseline is trained the other phase takes at least as long", () => {
  const { keeper, step, start } = watched({ ...COURSE, validates: false });
  start("before");
  for (let k = 1; k <= 4; k++) step(1, k, "before");
  assert.deepEqual(keeper.left(), { seconds: 6 + 10, atLeast: true });
  start("a");
  step(1, 1);
  assert.equal(keeper.left(), undefined);
  step(6, 2);
  assert.deepEqual(keeper.left(), { seconds: 48, atLeast: true });
});

Deno.test("later phases count with their own steps and intervals", () => {
  const { keeper, event, step, start } = watched({
    ...COURSE,
    phases: [
      { ...PHASE, validateEvery: 0 },
      { name: "long", steps: 100, validateEvery: 50, checkpointEvery: 0 },
      { name: "short", steps: 3, validateEvery: 0, checkpointEvery: 1 },
    ],
  });
  start();
  for (let k = 1; k <= 4; k++) step(1, k);
  event(20, { type: "validation", step: 4 });
  event(500, { type: "checkpoint", step: 4 });
  step(1, 5);
  // Validations: one here, after 50 and 100 of the long one, after the short one. Checkpoints: one, one, three.
  assert.deepEqual(keeper.left(), { seconds: 5 + 100 + 3 + 4 * 20 + 5 * 500, atLeast: true });
});

Deno.test("a final evaluation of another kind is still to come", () => {
  const { keeper, event, step, start } = watched({
    ...COURSE,
    phases: [{ ...PHASE, validateEvery: 0 }],
    evaluatesOnce: true,
  });
  start();
  for (let k = 1; k <= 3; k++) step(1, k);
  event(5, { type: "validation", step: 3 });
  event(2, { type: "checkpoint", step: 3 });
  step(1, 4);
  assert.equal(keeper.left()!.atLeast, true);
});

Deno.test("a resumed phase has fewer steps left", () => {
  const { keeper, event, step, start } = watched();
  start();
  event(0, { type: "resume", step: 7 });
  step(9, 8);
  step(7, 9);
  assert.deepEqual(keeper.left(), { seconds: 7, atLeast: false });
});
