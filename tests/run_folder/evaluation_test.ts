import assert from "node:assert/strict";
import { parseEvaluation, readEvaluation } from "../../run_folder/evaluation.ts";
import { memoryRun } from "./memory_run.ts";
import { evaluationOf } from "../report/evaluations.ts";

const WHOLE = {
  ...evaluationOf({ classes: ["road", "sky"], confusion: [[1, 0], [0, 0]] }),
  phase: "a",
  step: 40,
};

const NONE = { message: "it holds no evaluation" };
const parse = (more: Record<string, unknown>) => parseEvaluation(JSON.stringify({ ...WHOLE, ...more }));

Deno.test("parseEvaluation: a whole one comes back, with and without its phase", () => {
  assert.deepEqual(parse({}), WHOLE);
  const { phase: _, ...nameless } = WHOLE;
  assert.deepEqual(parseEvaluation(JSON.stringify(nameless)), nameless);
  assert.equal(parse({ miou: null }).miou, null);
  assert.deepEqual(parse({ classes: [], iou: [] }).iou, []);
});

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  classes: [undefined, "road", [1, 2], ["road"]],
  iou: [undefined, 0.5, [0.5], [0.5, 2], [0.5, "high"], [-0.1, null]],
  miou: [undefined, 1.01, -0.01, "0.5"],
  images: [undefined, "2", null],
  split: [undefined, 3],
  labelSize: [undefined, 40],
  phase: [null, 3],
  subsets: [{}, [null], [{ classes: "road", miou: 0.5 }], [{ classes: [], miou: 7 }], [{ miou: 0.5 }], [{
    classes: [],
    miou: 0.5,
  }, {}]],
};

for (const [field, values] of Object.entries(WRONG)) {
  Deno.test(`parseEvaluation: one whose ${field} is not what it should be is none`, () => {
    for (const value of values) assert.throws(() => parse({ [field]: value }), NONE, JSON.stringify(value));
  });
}

Deno.test("parseEvaluation: subsets of classes may have a mean or none", () => {
  const subsets = [{ name: "m", classes: ["road"], miou: null }, { name: "n", classes: ["sky"], miou: 1 }];
  assert.deepEqual(parse({ subsets }).subsets, subsets);
});

Deno.test("parseEvaluation: other texts are refused in words", () => {
  assert.throws(() => parseEvaluation("{"), { message: "it is not JSON" });
  assert.throws(() => parseEvaluation("[]"), { message: "it is no JSON object" });
  assert.throws(() => parseEvaluation("{}"), NONE);
});

Deno.test("readEvaluation: that of the phase whose folder is named, undefined where there is none", async () => {
  const contents = new Map([
    ["evaluation.json", JSON.stringify(WHOLE)],
    ["baseline/evaluation.json", JSON.stringify({ ...WHOLE, miou: 0.25 })],
  ]);
  const run = memoryRun(contents);
  assert.equal((await readEvaluation(run))?.miou, 0.5);
  assert.equal((await readEvaluation(run, "baseline"))?.miou, 0.25);
  assert.equal(await readEvaluation(run, "phases/b"), undefined);
});
