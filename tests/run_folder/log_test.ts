import assert from "node:assert/strict";
import { LONGEST_LINE } from "../../run_folder/lines.ts";
import { RunLog } from "../../run_folder/log.ts";
import { linesOf, stepLine, validationLine } from "./memory_run.ts";

const bytes = new TextEncoder();

function logOf(text: string): RunLog {
  const log = new RunLog("runs/a-001/events.jsonl");
  log.add(bytes.encode(text));
  return log;
}

const START = { type: "start", phase: "a", steps: 40, batch: 2 };

function valuesOf(log: RunLog, name: string) {
  const series = log.phases[0]?.series.get(name);
  return series && { steps: [...series.steps], values: [...series.values] };
}

Deno.test("the steps of a phase become columns", () => {
  const log = logOf(linesOf(START, stepLine(1), stepLine(2), validationLine(2, 0.25)));
  assert.deepEqual(log.problems, { count: 0, shown: [] });
  const [phase] = log.phases;
  assert.deepEqual([phase!.name, phase!.steps, phase!.batch, phase!.done], ["a", 40, 2, 2]);
  assert.deepEqual([...phase!.series.keys()], ["time", "total", "rate", "learningRate", "terms/ce"]);
  assert.deepEqual(valuesOf(log, "terms/ce"), { steps: [1, 2], values: [0.5, 1] });
  assert.deepEqual(valuesOf(log, "time")?.values, [1e12 + 1000, 1e12 + 2000]);
  assert.deepEqual([phase!.began, phase!.last], [1e12 + 1000, 1e12 + 2000]);
  assert.deepEqual([phase!.best?.step, phase!.best?.miou], [2, 0.25]);
});

Deno.test("a validation without a mean is read, and is never the best", () => {
  const none = { pixelAccuracy: null, subsets: [{ name: "mIoU*", classes: ["road"], miou: null }] };
  const log = logOf(linesOf(START, validationLine(2, null, none)));
  assert.deepEqual(log.problems, { count: 0, shown: [] });
  const [phase] = log.phases;
  const { miou, pixelAccuracy, subsets } = phase!.validations[0]!;
  assert.deepEqual([miou, pixelAccuracy, subsets![0]!.miou, phase!.best], [null, null, null, undefined]);
  log.add(bytes.encode(linesOf(validationLine(4, 0), validationLine(6, null))));
  assert.equal(phase!.best?.step, 4);
});

Deno.test("a term that comes later has the steps at which it was there", () => {
  const log = logOf(linesOf(stepLine(1), stepLine(2, { terms: { ce: 1, late: 7 } })));
  assert.deepEqual(valuesOf(log, "terms/late"), { steps: [2], values: [7] });
});

Deno.test("cut anywhere, the parts say what the whole says", () => {
  const text = bytes.encode(linesOf(START, stepLine(1, { terms: { "größe": 3 } }), validationLine(1, 0.5)));
  for (let at = 0; at <= text.length; at++) {
    const log = new RunLog("e");
    log.add(text.slice(0, at));
    log.add(text.slice(at));
    assert.deepEqual(log.problems.count, 0);
    assert.deepEqual(valuesOf(log, "terms/größe"), { steps: [1], values: [3] });
    assert.equal(log.phases[0]!.validations.length, 1);
    assert.equal(log.read, text.length);
  }
});

Deno.test("a last line that is not whole waits", () => {
  const whole = linesOf(stepLine(1), stepLine(2));
  const log = logOf(whole.slice(0, -1));
  assert.equal(log.phases[0]!.done, 1);
  log.add(bytes.encode("\n"));
  assert.equal(log.phases[0]!.done, 2);
});

Deno.test("damaged lines are named with file and number, counted and skipped", () => {
  const log = logOf(linesOf(
    stepLine(1),
    "{half",
    "[1]",
    { type: 7 },
    stepLine(2, { step: "2" }),
    stepLine(2, { terms: { ce: "low" } }),
    stepLine(2, { terms: [1] }),
    validationLine(2, 1.5),
    validationLine(2, 0.5, { iou: ["a"] }),
    { type: "note", phase: "a", message: 3 },
    { type: "end", phase: "a", step: 2, interrupted: "no" },
    stepLine(2),
  ));
  assert.deepEqual(log.problems.shown, [
    "runs/a-001/events.jsonl:2: it is not JSON",
    "runs/a-001/events.jsonl:3: it is no JSON object",
    "runs/a-001/events.jsonl:4: its type is not a text",
    "runs/a-001/events.jsonl:5: its step is not a whole number from 0 on",
    "runs/a-001/events.jsonl:6: a value of its terms is not a number",
    "runs/a-001/events.jsonl:7: its terms are no names with numbers",
    "runs/a-001/events.jsonl:8: its miou is not in 0..1",
    "runs/a-001/events.jsonl:9: its iou is no list of shares in 0..1",
    "runs/a-001/events.jsonl:10: its message is not a text",
    "runs/a-001/events.jsonl:11: its interrupted is neither true nor false",
  ]);
  assert.deepEqual(valuesOf(log, "total"), { steps: [1, 2], values: [1, 2] });
});

Deno.test("of many damaged lines the first are shown and all are counted", () => {
  const { problems } = logOf("x\n".repeat(1000));
  assert.equal(problems.count, 1000);
  assert.equal(problems.shown.length, 20);
});

Deno.test("what JSON cannot hold is NaN", () => {
  const log = logOf(linesOf(
    stepLine(1, { total: null }),
    '{"type":"step","phase":"a","step":2,"steps":40,' +
      '"rate":1e999,"terms":{"ce":null},"total":1,"learningRate":0}',
  ));
  assert.equal(log.problems.count, 0);
  assert.deepEqual(valuesOf(log, "total")?.values, [NaN, 1]);
  assert.deepEqual(valuesOf(log, "rate")?.values, [2, NaN]);
  assert.deepEqual(valuesOf(log, "terms/ce")?.values, [0.5, NaN]);
  assert.deepEqual(valuesOf(log, "time")?.values, [1e12 + 1000, NaN]);
});

Deno.test("events of a newer plca are counted, and no name is taken for a type of ours", () => {
  const log = logOf(linesOf({ type: "weather", phase: "a" }, { type: "weather" }, { type: "constructor" }));
  assert.deepEqual([...log.unknown], [["weather", 2], ["constructor", 1]]);
  assert.deepEqual(log.problems.count, 0);
  assert.deepEqual(log.phases, []);
});

Deno.test("hostile names are names", () => {
  const log = logOf(
    '{"type":"step","phase":"__proto__","step":1,"steps":1,"rate":1,"terms":{"__proto__":5,"<b>":6},"total":1,' +
      '"learningRate":0}\n',
  );
  assert.equal(log.phases[0]!.name, "__proto__");
  assert.deepEqual(valuesOf(log, "terms/__proto__"), { steps: [1], values: [5] });
  assert.deepEqual(valuesOf(log, "terms/<b>"), { steps: [1], values: [6] });
  assert.equal(new RunLog("a\x1b[2J").problems.count, 0);
  const named = new RunLog("a\x1b[2J");
  named.add(bytes.encode("x\n"));
  assert.deepEqual(named.problems.shown, ["a?[2J:1: it is not JSON"]);
});

Deno.test("a line without an end is not kept in memory, and the next one is read", () => {
  const log = new RunLog("e");
  const part = new Uint8Array(LONGEST_LINE / 2).fill(0x20);
  for (let k = 0; k < 5; k++) log.add(part);
  log.add(bytes.encode(`\n${linesOf(stepLine(3))}`));
  assert.deepEqual(log.problems.shown, [`e:1: it is longer than ${LONGEST_LINE} bytes`]);
  assert.equal(log.phases[0]!.done, 3);
});

Deno.test("steps that a resumed run makes again are there once, the later ones", () => {
  const log = logOf(linesOf(
    START,
    stepLine(1),
    stepLine(2),
    stepLine(3),
    validationLine(2, 0.9),
    START,
    { type: "resume", phase: "a", step: 1 },
    stepLine(2, { total: 20 }),
    validationLine(2, 0.4),
  ));
  assert.deepEqual(valuesOf(log, "total"), { steps: [1, 2], values: [1, 20] });
  assert.equal(log.phases[0]!.done, 2);
  assert.deepEqual(log.phases[0]!.validations.map(({ miou }) => miou), [0.4]);
});

Deno.test("a run that is resumed has done what its checkpoint has, before its first step", () => {
  const log = logOf(linesOf(START, stepLine(5), START, { type: "resume", phase: "a", step: 4 }));
  assert.equal(log.phases[0]!.done, 4);
  assert.deepEqual(valuesOf(log, "total"), { steps: [], values: [] });
});

Deno.test("a run that begins anew has nothing of before", () => {
  const log = logOf(linesOf(START, stepLine(5), validationLine(5, 0.5), START));
  assert.equal(log.phases[0]!.done, 0);
  log.add(bytes.encode(linesOf(stepLine(1))));
  assert.deepEqual(valuesOf(log, "total"), { steps: [1], values: [1] });
  assert.deepEqual(log.phases[0]!.validations, []);
});

Deno.test("without a line that says so, a step that comes again takes back what came after it", () => {
  const first = linesOf(stepLine(1), stepLine(2), validationLine(2, 0.9), stepLine(3));
  const again = logOf(first + linesOf(stepLine(3, { total: 30 })));
  assert.deepEqual(valuesOf(again, "total"), { steps: [1, 2, 3], values: [1, 2, 30] });
  const back = logOf(first + linesOf(stepLine(1, { terms: {} })));
  assert.deepEqual(valuesOf(back, "terms/ce"), { steps: [1], values: [0.5] });
  assert.deepEqual(back.phases[0]!.validations, []);
  const resumed = logOf(first + linesOf({ type: "resume", phase: "a", step: 1 }));
  assert.deepEqual(valuesOf(resumed, "total")?.steps, [1]);
});

Deno.test("a validation that is repeated at its step stands once", () => {
  const log = logOf(
    linesOf(validationLine(4, 0.3), { type: "resume", phase: "a", step: 4 }, validationLine(4, 0.3)),
  );
  assert.equal(log.phases[0]!.validations.length, 1);
});

Deno.test("the ending is that of the last process", () => {
  const ending = (...lines: unknown[]) => logOf(linesOf(...lines)).phases[0]!.ending;
  const end = (interrupted: boolean) => ({ type: "end", phase: "a", step: 3, interrupted });
  assert.equal(ending(stepLine(3)), "open");
  assert.equal(ending(stepLine(3), end(false)), "finished");
  assert.equal(ending(stepLine(3), end(true)), "interrupted");
  assert.equal(ending(stepLine(3), end(true), START), "open");
  const failed = logOf(linesOf(START, { type: "failure", phase: "a", message: "no memory" }));
  assert.deepEqual([failed.phases[0]!.ending, failed.phases[0]!.failure], ["failed", "no memory"]);
});

Deno.test("diagnostics are columns beside the others", () => {
  const log = logOf(linesOf(stepLine(1), stepLine(2), {
    type: "diagnostics",
    phase: "a",
    step: 2,
    values: { "entropy/target": 0.5 },
  }));
  assert.deepEqual(valuesOf(log, "diagnostics/entropy/target"), { steps: [2], values: [0.5] });
});

Deno.test("more scalars than a run can have are refused, the log is read on", () => {
  const terms = Object.fromEntries(Array.from({ length: 5000 }, (_, k) => [`t${k}`, k]));
  const log = logOf(linesOf(stepLine(1, { terms }), stepLine(2, { terms: { t1: 1 } })));
  assert.deepEqual(log.problems.shown, [
    "runs/a-001/events.jsonl:1: it has a value more than the 4096 of a phase",
  ]);
  assert.equal(log.phases[0]!.done, 2);
});

Deno.test("steps and values that no axis can show are damage of their line", () => {
  const log = logOf(linesOf(
    { ...stepLine(1), step: 1e9 },
    { ...stepLine(2), step: 9007199254740991 },
    stepLine(3, { steps: 2e9 }),
    stepLine(4, { total: -1.1e300 }),
    stepLine(5, { terms: { ce: 2e300 } }),
  ));
  assert.deepEqual(log.problems.shown, [
    "runs/a-001/events.jsonl:2: its step is above 1000000000",
    "runs/a-001/events.jsonl:3: its steps is above 1000000000",
    "runs/a-001/events.jsonl:4: its total is beyond +-1e+300",
    "runs/a-001/events.jsonl:5: a value of its terms is beyond +-1e+300",
  ]);
  assert.equal(log.phases[0]!.done, 1e9);
});

Deno.test("RunLog: 64 phases and a baseline are read, the lines of a further one left out", () => {
  const lines = Array.from({ length: 67 }, (_, k) => ({ type: "note", phase: `p${k}`, message: "x" }));
  const log = logOf(linesOf(...lines, { type: "note", phase: "p3", message: "y" }));
  assert.equal(log.phases.length, 65);
  const refused = (line: number) =>
    `runs/a-001/events.jsonl:${line}: it is of one phase more than 64 and a baseline`;
  assert.deepEqual(log.problems.shown, [refused(66), refused(67)]);
  assert.deepEqual([log.phases[3]!.notes, log.latest!.name], [["x", "y"], "p3"]);
});

Deno.test("RunLog: the latest hundred notes of a phase are kept, and 64 unknown types counted", () => {
  const notes = Array.from({ length: 103 }, (_, k) => ({ type: "note", phase: "a", message: `note ${k}` }));
  const [phase] = logOf(linesOf(...notes)).phases;
  assert.deepEqual([phase!.notes.length, phase!.notes[0], phase!.notes.at(-1)], [100, "note 3", "note 102"]);
  const types = Array.from({ length: 70 }, (_, k) => ({ type: `t${k}` }));
  const { unknown } = logOf(linesOf(...types, { type: "t3" }, { type: "t69" }));
  assert.deepEqual([unknown.size, unknown.get("t3"), unknown.get("t69")], [64, 2, undefined]);
});

Deno.test("RunLog.head: the first 256 bytes, however they come", () => {
  const text = bytes.encode("x".repeat(300));
  for (const size of [1, 100, 256, 300]) {
    const log = new RunLog("e");
    for (let at = 0; at < text.length; at += size) log.add(text.subarray(at, at + size));
    assert.deepEqual(log.head, text.subarray(0, 256));
  }
  const short = new RunLog("e");
  short.add(text.subarray(0, 3));
  assert.equal(short.head.length, 3);
});

Deno.test("PhaseLog: checkpoints after the step from which a run is resumed are taken back", () => {
  const checkpoint = (step: number) => ({ type: "checkpoint", phase: "a", step, path: `${step}` });
  const log = logOf(linesOf(
    START,
    checkpoint(2),
    checkpoint(4),
    checkpoint(6),
    START,
    { type: "resume", phase: "a", step: 4 },
    checkpoint(8),
  ));
  assert.deepEqual(log.phases[0]!.checkpoints.map(({ step }) => step), [2, 4, 8]);
});

Deno.test("PhaseLog: measures without labels are columns beside the validation", () => {
  const log = logOf(linesOf(
    validationLine(2, 0.5, { labelFree: { entropy: 0.25 } }),
    validationLine(4, 0.5, { labelFree: { entropy: 0.5 } }),
  ));
  assert.deepEqual(valuesOf(log, "labelFree/entropy"), { steps: [2, 4], values: [0.25, 0.5] });
});

Deno.test("PhaseLog.best: of equal ones the first", () => {
  const log = logOf(linesOf(validationLine(2, 0.5), validationLine(4, 0.5), validationLine(6, 0.4)));
  assert.equal(log.phases[0]!.best?.step, 2);
});
