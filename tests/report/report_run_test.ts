import assert from "node:assert/strict";
import { columnsFor, reportRun } from "../../report/report_run.ts";
import { readRun } from "../../run_folder/read.ts";
import { linesOf, memoryRun, stepLine, validationLine } from "../run_folder/memory_run.ts";
import { evaluationOf } from "./evaluations.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, k) => k + 1);

async function reported(files: Record<string, unknown>, columns = 50) {
  const texts = Object.entries(files).map(([name, value]) =>
    [name, typeof value === "string" ? value : JSON.stringify(value)] as const
  );
  const run = await readRun(memoryRun(new Map(texts)));
  return reportRun(run, { title: "a-001", columns });
}

const EVALUATION = {
  ...evaluationOf({
    labelSize: "original 40x32",
    classes: ["road", "sky"],
    iou: [0.25, null],
    miou: 0.25,
    pixelAccuracy: 0.5,
    confusion: [[1, 3], [0, 0]],
  }),
  phase: "a",
};

Deno.test("a run is told as its files say it", async () => {
  const run = await reported({
    "config.yaml": "name: a\nbaseline: null\n",
    "run.json": {
      recipe: "a",
      seed: 7,
      versions: { plca: "0.1.0" },
      command: ["plca", "train"],
      machine: { memory: 2 ** 33 },
    },
    "events.jsonl": linesOf(
      { time: "2030-01-01T00:00:00.000Z", type: "start", phase: "a", steps: 40, batch: 2 },
      stepLine(10, { time: "2030-01-01T00:00:05.000Z" }),
      { type: "note", phase: "a", message: "mind the gap" },
      validationLine(10, 0.4, { time: "2030-01-01T00:00:06.000Z" }),
      validationLine(20, 0.3, { time: "2030-01-01T00:00:07.500Z" }),
      "damaged",
    ),
    "evaluation.json": EVALUATION,
  });
  const [phase, ...others] = run.phases;
  assert.equal(others.length, 0);
  assert.deepEqual(run.facts, [
    ["folder", "runs/a-001"],
    ["recipe", "a"],
    ["seed", "7"],
    ["command", "plca train"],
    ["plca", "0.1.0"],
    ["memory", "8.0 GiB"],
  ]);
  assert.equal(run.config, "name: a\nbaseline: null\n");
  assert.deepEqual({ ...phase!.curves }, {
    total: { x: [10], y: [10] },
    rate: { x: [10], y: [2] },
    learningRate: { x: [10], y: [0.1] },
    "terms/ce": { x: [10], y: [5] },
  });
  assert.deepEqual(phase!.miou, { x: [10, 20], y: [0.4, 0.3] });
  assert.deepEqual([phase!.best?.step, phase!.latest?.step], [10, 20]);
  assert.equal(phase!.seconds, 7.5);
  const { phase: _, ...evaluation } = EVALUATION;
  assert.deepEqual(phase!.evaluation, evaluation);
  assert.deepEqual(run.notes, ["a: mind the gap", "runs/a-001/events.jsonl:6: it is not JSON"]);
});

Deno.test("long curves are shortened and get a trend, short ones keep every value", async () => {
  const log = (steps: number) => ({
    "events.jsonl": linesOf(...upTo(steps).map((step) => stepLine(step, { steps }))),
  });
  const long = (await reported(log(3000))).phases[0]!.curves["total"]!;
  assert.equal(long.trend!.x.length, 150);
  assert.deepEqual([long.x[0], long.x.at(-1)], [1, 3000]);
  assert.ok(long.x.length <= 104);
  const short = (await reported(log(100))).phases[0]!.curves["total"]!;
  assert.equal(short.trend, undefined);
  assert.deepEqual(short.x, upTo(100));
});

Deno.test("medians are of all that was logged, not of what a screen shows of it", async () => {
  // Half of the values that are shown are a column's highest, though nine in ten are low.
  const rate = (step: number) => step % 10 === 0 ? 90 : step % 10 === 1 ? null : 2;
  const steps = upTo(3000);
  const log = linesOf(
    ...steps.map((step) => stepLine(step, { steps: 3000, rate: rate(step) })),
    { type: "diagnostics", phase: "a", step: 3000, values: { "seconds/input": 0.5, "entropy/source": 1 } },
  );
  const [phase] = (await reported({ "events.jsonl": log })).phases;
  assert.deepEqual({ ...phase!.medians }, { rate: 2, "diagnostics/seconds/input": 0.5 });
  const nothing = linesOf(stepLine(1, { rate: null }));
  assert.deepEqual({ ...(await reported({ "events.jsonl": nothing })).phases[0]!.medians }, {});
});

Deno.test("texts of a run are cut: many long ones make no large report", async () => {
  const long = "x".repeat(300_000), cut = `${"x".repeat(2000)}... (300,000 characters)`;
  const run = await reported({
    "run.json": { recipe: long },
    "events.jsonl": linesOf(
      { type: "note", phase: "a", message: long },
      { type: "failure", phase: "a", message: long },
      stepLine(1, { terms: { [long]: 1 } }),
      { type: "note", phase: long, message: "x" },
    ),
    "evaluation.json": { ...EVALUATION, classes: ["road", long] },
  });
  assert.deepEqual(run.facts[1], ["recipe", cut]);
  assert.ok(run.notes.includes(`a: ${cut}`));
  const line3 = "runs/a-001/events.jsonl:3: a name of its terms is longer than 2000 characters";
  assert.ok(run.notes.includes(line3), run.notes.join("\n"));
  assert.ok(JSON.stringify(run).length < 30_000, String(JSON.stringify(run).length));
});

Deno.test("a damaged evaluation keeps what is whole", async () => {
  const damaged = {
    ...EVALUATION,
    confusion: [[1, "<b>"], [0]],
    pixelAccuracy: "much",
    subsets: [{ name: 5, classes: [], miou: 0.1 }, { name: "mIoU*", classes: ["road"], miou: 0.2 }],
  };
  const { evaluation } = (await reported({ "evaluation.json": damaged })).phases[0]!;
  assert.deepEqual(evaluation!.confusion, []);
  assert.equal(evaluation!.pixelAccuracy, null);
  assert.deepEqual(evaluation!.subsets, [{ name: "mIoU*", classes: ["road"], miou: 0.2 }]);
});

Deno.test("validations without a mean leave a gap in the curve and are never the best", async () => {
  const none = { miou: null, pixelAccuracy: null, iou: [null, null] };
  const run = await reported({
    "events.jsonl": linesOf(
      { type: "start", phase: "a", steps: 40, batch: 1 },
      validationLine(10, null, none),
      validationLine(20, 0),
      validationLine(30, null, none),
    ),
    "evaluation.json": { ...EVALUATION, ...none },
  });
  const [phase] = run.phases;
  assert.deepEqual(phase!.miou, { x: [10, 20, 30], y: [null, 0, null] });
  assert.deepEqual([phase!.best?.step, phase!.latest?.miou], [20, null]);
  assert.deepEqual([phase!.evaluation?.miou, phase!.evaluation?.pixelAccuracy], [null, null]);
});

Deno.test("an empty folder is a run of which nothing is known", async () => {
  const run = await reported({});
  assert.equal(run.state, "empty");
  assert.deepEqual(
    run.phases.map(({ step, steps, curves, seconds }) => ({ step, steps, curves: { ...curves }, seconds })),
    [
      { step: 0, steps: 0, curves: {}, seconds: undefined },
    ],
  );
});

Deno.test("a name of the log cannot reach an object's prototype", async () => {
  const terms = JSON.parse('{"__proto__": 1}');
  const run = await reported({ "events.jsonl": linesOf(stepLine(1, { terms })) });
  assert.equal(Object.getPrototypeOf(run.phases[0]!.curves), null);
});

Deno.test("many runs get fewer columns each", async () => {
  const run = await readRun(memoryRun(new Map([["events.jsonl", linesOf(stepLine(1))]])));
  assert.equal(columnsFor([run]), 1000);
  assert.equal(columnsFor(Array(50).fill(run)), 333);
  assert.equal(columnsFor(Array(2000).fill(run)), 100);
});
