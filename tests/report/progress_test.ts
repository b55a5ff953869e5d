import assert from "node:assert/strict";
import type { StepEvent } from "../../core/events.ts";
import { progress } from "../../report/progress.ts";

function step(number: number, extra: Partial<StepEvent> = {}): StepEvent {
  return {
    type: "step",
    phase: "street",
    step: number,
    steps: 40,
    rate: 2,
    terms: { "cross-entropy": 1.5, "label-smoothing": -0.25, "label-smoothing/detail": 7 },
    total: 1.25,
    learningRate: 0.01,
    ...extra,
  };
}

/** Half a second a step, which is what the steps say. */
function halfSeconds(): () => number {
  let now = 0;
  return () => now += 500;
}

function shownBy(target: { tty: boolean; columns: number; clock?: () => number }) {
  let text = "";
  const view = progress({ ...target, write: (part) => text += part });
  return { view, text: () => text };
}

Deno.test("piped: plain lines at the first, the last and every twentieth of the steps", () => {
  const { view, text } = shownBy({ tty: false, columns: 80, clock: halfSeconds() });
  for (let k = 1; k <= 40; k++) view.event(step(k));
  view.close();
  const lines = text().trimEnd().split("\n");
  assert.equal(lines.length, 21);
  assert.equal(
    lines[0],
    "street  1/40  2.00 steps/s  total 1.250  cross-entropy 1.500  label-smoothing -0.250",
  );
  assert.match(lines[2]!, /^street {2}4\/40 {2}2.00 steps\/s {2}0:18 left/);
  assert.match(lines[20]!, /^street 40\/40 .* 0:00 left/);
  assert.ok(!text().includes("\x1b") && !text().includes("\r"));
});

Deno.test("the process that others wait for is named, shortly where there is little room", () => {
  const slowest = { rank: 3, host: "node2", times: 1.44 };
  const wide = shownBy({ tty: false, columns: 80 });
  wide.view.event(step(1, { slowest }));
  assert.equal(
    wide.text(),
    "street  1/40  2.00 steps/s  slowest: rank 3 (node2), 1.4 times the fastest  total 1.250  " +
      "cross-entropy 1.500  label-smoothing -0.250\n",
  );
  const narrow = shownBy({ tty: true, columns: 60, clock: halfSeconds() });
  narrow.view.event(step(1, { slowest }));
  assert.equal(narrow.text(), "\r\x1b[Kstreet  1/40 2/s rank 3 1.4x cro 1.5 lab -0.25");
});

Deno.test("piped: few steps give a line each", () => {
  const { view, text } = shownBy({ tty: false, columns: 80 });
  for (let k = 1; k <= 3; k++) view.event(step(k, { steps: 3 }));
  assert.equal(text().trimEnd().split("\n").length, 3);
});

Deno.test("a terminal: one line, rewritten at most ten times a second and always at the end", () => {
  let now = 0;
  const { view, text } = shownBy({ tty: true, columns: 200, clock: () => now });
  for (let k = 1; k <= 40; k++, now += 20) view.event(step(k));
  // Every fifth, and the last.
  assert.equal(text().split("\r\x1b[K").length - 1, 9);
  assert.ok(text().includes("street 40/40"));
  assert.ok(!text().includes("\n"));
  view.close();
  assert.ok(text().endsWith("\r\x1b[K"));
});

Deno.test("a terminal: names of terms shrink until the line fits, then all does, then it is cut", () => {
  for (
    const [columns, expected] of [
      [90, "street 20/40  2.00 steps/s  0:10 left  total 1.250  cross-entro 1.500  label-smoot -0.250"],
      [60, "street 20/40 2/s 0:10 cro 1.5 lab -0.25"],
      [30, "street 20/40 2/s 0:10 cro 1.…"],
    ] as const
  ) {
    let now = 0;
    const { view, text } = shownBy({ tty: true, columns, clock: () => now });
    for (const number of [17, 18, 19, 20]) {
      now += 500;
      view.event(step(number));
    }
    assert.ok(text().endsWith(`\r\x1b[K${expected}`), text());
    assert.ok(expected.length < columns);
  }
});

Deno.test("other events are lines above the live one, which stays", () => {
  const { view, text } = shownBy({ tty: true, columns: 100, clock: () => 0 });
  view.event(step(20, { terms: {} }));
  view.event({
    type: "validation",
    phase: "street",
    step: 20,
    miou: 0.345,
    labelSize: "original 160x96",
    pixelAccuracy: 0.8,
    iou: [],
    best: true,
  });
  view.event({ type: "note", phase: "street", message: "slow disk" });
  const live = "street 20/40  2.00 steps/s  total 1.250";
  assert.equal(
    text(),
    `\r\x1b[K${live}\r\x1b[K` +
      "street step 20: validation mIoU 34.5 % at label size original 160x96, pixel accuracy 80.0 %, the best so far\n" +
      `${live}\r\x1b[Kstreet: slow disk\n${live}`,
  );
});

Deno.test("a validation without a labelled pixel has no numbers", () => {
  const { view, text } = shownBy({ tty: false, columns: 80, clock: halfSeconds() });
  const none = { miou: null, pixelAccuracy: null, iou: [null], best: false };
  view.event({ type: "validation", phase: "street", step: 20, labelSize: "original 160x96", ...none });
  assert.equal(
    text(),
    "street step 20: validation mIoU - at label size original 160x96, pixel accuracy -\n",
  );
});

Deno.test("phases, times above an hour, numbers of any size", () => {
  const { view, text } = shownBy({ tty: false, columns: 80, clock: halfSeconds() });
  view.event({ type: "start", phase: "source-only", steps: 9000, batch: 4 });
  const terms = { tiny: 1e-7, huge: 123456, zero: 0 };
  for (const number of [1, 2, 3, 450]) view.event(step(number, { steps: 9000, rate: 1.25, terms, total: 2 }));
  view.event({ type: "checkpoint", phase: "source-only", step: 1, path: "x" });
  view.event({ type: "end", phase: "source-only", step: 1, interrupted: false });
  assert.equal(
    text(),
    "source-only: 9000 steps, batch 4\n" +
      "street    1/9000  1.25 steps/s  total 2.000  tiny 1.0e-7  huge 1.2e+5  zero 0.000\n" +
      "street  450/9000  1.25 steps/s  1:11:15 left  total 2.000  tiny 1.0e-7  huge 1.2e+5  zero 0.000\n",
  );
});
