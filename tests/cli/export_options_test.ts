import assert from "node:assert/strict";
import { inferenceOf, refuseUnused, sizeOf } from "../../cli/export_options.ts";
import type { EvaluationPlan, RunPlan } from "../../core/plan.ts";

type Arguments = Parameters<typeof refuseUnused>[0];

const ARGUMENTS = {
  command: "export",
  inputs: "normalised",
  outputs: "logits",
  half: false,
  aggregate: false,
} as Arguments;

const refused = (more: Partial<Arguments>, message: string) =>
  assert.throws(() => refuseUnused({ ...ARGUMENTS, ...more }), { name: "UserError", message });
const accepted = (more: Partial<Arguments>) => refuseUnused({ ...ARGUMENTS, ...more });

Deno.test("refuseUnused: a file takes every option", () => {
  accepted({ out: "a.onnx", inputs: "uint8", outputs: "labels", half: true, aggregate: true });
  accepted({ out: "a.onnx", page: "page", inputs: "uint8" });
  accepted({ page: "page" });
  accepted({ hub: "hub" });
  accepted({ page: "page", half: true, aggregate: true });
  accepted({ page: "page", hub: "hub", half: true });
});

Deno.test("refuseUnused: what changes nothing of a page or a hub's folder is refused by its name", () => {
  const fixed = " is for --out: what the files of --page and --hub take and make is fixed";
  refused({ page: "page", inputs: "uint8" }, `--inputs uint8${fixed}`);
  refused({ hub: "hub", outputs: "labels" }, `--outputs labels${fixed}`);
  refused({ hub: "hub", inputs: "uint8", outputs: "labels" }, `--inputs uint8${fixed}`);
  refused(
    { hub: "hub", half: true },
    "--half is for --out and --page: --hub writes a file of 32 bits and one of 16 anyway",
  );
});

Deno.test("refuseUnused: a hub's files aggregate nothing, also beside a file that does", () => {
  const message =
    "--aggregate: it mixes probabilities, and the files for a hub make logits; use it with --out or --page";
  refused({ hub: "hub", aggregate: true }, message);
  refused({ hub: "hub", out: "a.onnx", aggregate: true }, message);
});

Deno.test("sizeOf: height and width of one to five digits, without zeros in front", () => {
  assert.equal(sizeOf(undefined), undefined);
  assert.deepEqual(sizeOf("512x1024"), [512, 1024]);
  assert.deepEqual([sizeOf("1x99999"), sizeOf("40x7")], [[1, 99999], [40, 7]]);
  for (
    const text of [
      "",
      "512",
      "0x5",
      "5x0",
      "05x5",
      "5X5",
      "5x",
      "x5",
      "-5x5",
      "5.5x5",
      "100000x5",
      " 5x5",
      "5x5 ",
    ]
  ) {
    assert.throws(() => sizeOf(text), {
      name: "UserError",
      message: `--size ${text}: expected HEIGHTxWIDTH in pixels, as in 512x1024`,
    });
  }
});

/** What a file does of an evaluation. */
function inference(
  evaluation: Partial<EvaluationPlan>,
  more: Partial<Parameters<typeof inferenceOf>[1]> = {},
) {
  const args = { aggregate: false, size: undefined, outputs: "probabilities" as const, ...more };
  return inferenceOf({ evaluation } as unknown as RunPlan, args);
}

const aggregation = { alpha: 0.5 } as unknown as NonNullable<EvaluationPlan["aggregation"]>;
const heads = [{ tap: "aux", weight: 0.5 }] as unknown as NonNullable<EvaluationPlan["heads"]>;
const leftOut = (name: string) => `evaluation.${name} is left out: the file makes one pass over one size`;

Deno.test("inferenceOf: an evaluation of one plain pass leaves nothing out", () => {
  assert.deepEqual(inference({}), { inference: {}, notes: [] });
  assert.deepEqual(inference({ scales: [1] }), { inference: {}, notes: [] });
});

Deno.test("inferenceOf: mirror, heads and average go into probabilities; of logits only the heads", () => {
  const evaluation = { flip: true, heads, average: "logits" as const };
  assert.deepEqual(inference(evaluation), { inference: evaluation, notes: [] });
  assert.deepEqual(inference(evaluation, { outputs: "labels" }).notes, []);
  assert.deepEqual(inference(evaluation, { outputs: "logits" }).notes, [leftOut("flip"), leftOut("average")]);
});

Deno.test("inferenceOf: scales, windows and an aggregation that was not asked for are told", () => {
  const window = { size: [8, 8], stride: 4 } as unknown as NonNullable<EvaluationPlan["window"]>;
  assert.deepEqual(inference({ aggregation, scales: [1, 0.5], window }), {
    inference: {},
    notes: ["aggregation (--aggregate puts it in)", "scales", "window"].map(leftOut),
  });
});

Deno.test("inferenceOf: --aggregate needs an aggregation, one size and probabilities", () => {
  const asked = { aggregate: true, size: "40x56" };
  assert.deepEqual(inference({ aggregation }, asked), { inference: { aggregation }, notes: [] });
  assert.throws(() => inference({}, asked), {
    name: "UserError",
    message:
      "--aggregate: the recipe has no evaluation.aggregation; give it with --set 'evaluation.aggregation={alpha: 0.5}'",
  });
  assert.throws(() => inference({ aggregation }, { aggregate: true }), {
    name: "UserError",
    message: "--aggregate: it compares all pixels with all others; name the size with --size HEIGHTxWIDTH",
  });
  assert.throws(() => inference({ aggregation }, { ...asked, outputs: "logits" }), {
    name: "UserError",
    message:
      "--aggregate: it mixes probabilities, so there are no logits; choose --outputs probabilities or labels",
  });
});
