import assert from "node:assert/strict";
import { overviewOf, type RunOverview, runsGrid } from "../../report/overview.ts";
import { readRun } from "../../run_folder/read.ts";
import { linesOf, memoryRun, stepLine, validationLine } from "../run_folder/memory_run.ts";
import { evaluationOf } from "./evaluations.ts";

const START = { type: "start", phase: "a", steps: 40, batch: 2 };

const overview = async (files: Record<string, string>, locked = false) =>
  overviewOf(await readRun(memoryRun(new Map(Object.entries(files)), locked)));

const RUN: RunOverview = {
  folder: "runs/a-001",
  state: "running",
  phase: "a",
  step: 12,
  steps: 40,
  phases: [{ name: "a", last: 0.5, best: { step: 8, miou: 0.6 } }],
  modified: new Date(1000).toISOString(),
};

Deno.test("overviewOf: of a phase the evaluation, before it the latest validation, and the best one", async () => {
  const log = linesOf(START, stepLine(4), validationLine(4, 0.6), stepLine(8), validationLine(8, 0.5));
  const files = { "config.yaml": "name: a\n", "events.jsonl": log };
  const running = await overview(files, true);
  assert.deepEqual(running, {
    ...RUN,
    step: 8,
    phases: [{ name: "a", last: 0.5, best: { step: 4, miou: 0.6 } }],
  });
  const evaluated = await overview({
    ...files,
    "evaluation.json": JSON.stringify(evaluationOf({ miou: 0.25 })),
  });
  assert.equal(evaluated.phases[0]!.last, 0.25);
  const none = await overview({ ...files, "evaluation.json": JSON.stringify(evaluationOf({ miou: null })) });
  assert.equal(none.phases[0]!.last, null);
});

Deno.test("overviewOf: nothing known is 0 and null", async () => {
  const { modified, ...empty } = await overview({ "config.yaml": "name: a\n" });
  assert.deepEqual(empty, {
    folder: "runs/a-001",
    state: "empty",
    phase: "a",
    step: 0,
    steps: 0,
    phases: [{ name: "a", last: null, best: null }],
  });
  assert.equal(modified, new Date(1000).toISOString());
  assert.equal((await overview({})).modified, null);
});

Deno.test("overviewOf: the error is that of a run that failed, not of one that went on", async () => {
  const failure = { type: "failure", phase: "a", message: "no memory" };
  const files = (...lines: unknown[]) => ({ "config.yaml": "name: a\n", "events.jsonl": linesOf(...lines) });
  assert.equal((await overview(files(START, stepLine(1), failure))).failure, "no memory");
  const again = await overview(files(START, stepLine(1), failure, stepLine(2)));
  assert.deepEqual([again.state, "failure" in again], ["stopped", false]);
  assert.equal("failure" in await overview(files(START, failure), true), false);
});

/** The cells of a run's row, by head. */
function cellsOf(more: Partial<RunOverview>, now = 1000): Record<string, string> {
  const { head, rows } = runsGrid([{ ...RUN, ...more }], now);
  return Object.fromEntries(head.map((name, k) => [name, rows[0]![k]!]));
}

Deno.test("runsGrid: a run with one phase", () => {
  assert.deepEqual(cellsOf({}, 13_000), {
    run: "runs/a-001",
    state: "running",
    step: "12/40",
    "mIoU %": "50.0",
    "best (step)": "60.0 (8)",
    age: "12 s",
  });
});

Deno.test("runsGrid: earlier phases have a column as soon as one run has some", () => {
  const phases = [
    { name: "source-only", last: 0.25, best: null },
    { name: "warm\nup", last: null, best: null },
    { name: "a", last: 0.5, best: null },
  ];
  const grid = runsGrid([{ ...RUN, phases, phase: "warm\nup" }, RUN], 1000);
  assert.deepEqual(grid.head, ["run", "state", "step", "mIoU %", "best (step)", "earlier phases", "age"]);
  assert.deepEqual(grid.rows.map((row) => [row[2], row[3], row[4], row[5]]), [
    ["warm?up 12/40", "50.0", "-", "source-only 25.0, warm?up -"],
    ["12/40", "50.0", "60.0 (8)", "-"],
  ]);
});

Deno.test("runsGrid: a baseline is an earlier phase", () => {
  const phases = [{ name: "source-only", last: 0.25, best: null }, { name: "a", last: null, best: null }];
  assert.equal(cellsOf({ phases })["earlier phases"], "source-only 25.0");
});

Deno.test("runsGrid: steps are a dash until their number is known", () => {
  assert.equal(cellsOf({ steps: 0, step: 0 })["step"], "-");
  assert.equal(cellsOf({ modified: null })["age"], "-");
});

Deno.test("runsGrid: ages in the largest unit that there is one of", () => {
  const age = (seconds: number) => cellsOf({}, 1000 + 1000 * seconds)["age"];
  const ages: [number, string][] = [
    [-50, "0 s"],
    [0.9, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3599, "59 min"],
    [3600, "1 h"],
    [86_399, "23 h"],
    [86_400, "1 d"],
    [400 * 86_400, "400 d"],
  ];
  for (const [seconds, text] of ages) assert.equal(age(seconds), text);
});

Deno.test("runsGrid: why a run failed stands below, its first line alone", () => {
  const failed = { ...RUN, state: "failed", failure: "no memory\n  at x\x1b[2J" } as const;
  assert.deepEqual(runsGrid([RUN, failed], 0).notes, ["runs/a-001: no memory"]);
  assert.deepEqual(runsGrid([{ ...failed, folder: "a\x1b", failure: "b\x07" }], 0).notes, ["a?: b?"]);
  assert.deepEqual(runsGrid([], 0), {
    head: ["run", "state", "step", "mIoU %", "best (step)", "age"],
    rows: [],
    notes: [],
  });
});
