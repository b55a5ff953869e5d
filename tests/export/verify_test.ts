/** Comparing a file with its network, and what is refused, with files that are made up. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import type { WholeSession } from "../../backends/native/ort.ts";
import type { Batch } from "../../export/run_model.ts";
import { compareOutputs, type Comparison, refusal, type Trial } from "../../export/verify.ts";
import { fixed, stepOf, valueOf } from "./graphs.ts";
import { lower } from "../../export/lower.ts";
import { networkOfFunction, PLAIN } from "./networks.ts";

await selectBackend("cpu");

/** Two pixels of three channels that the network hands on as they are. */
const trial = (...images: number[]): Trial => ({
  images: Float32Array.from(images),
  sides: [1, 1, images.length / 3],
  given: { dims: [1, 3, 1, images.length / 3], data: Float32Array.from(images) },
});

/** Compares a network that changes nothing with a file that answers so. */
function compared(
  answer: (given: Batch) => Batch,
  trials: readonly Trial[] = [trial(1, 2, 3, 6, 5, 4)],
): Comparison {
  const file = { run: answer, close() {} } as unknown as WholeSession;
  const { ensemble } = networkOfFunction((images) => tf.clone(images));
  return compareOutputs(file, ensemble, { ...PLAIN, wanted: "logits", trials });
}

/** Planes of the trial above. */
const planes = (...data: number[]): Batch => ({ dims: [1, 3, 1, 2], data: Float32Array.from(data) });

const test = (name: string, body: () => void) =>
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn: body });

test("compareOutputs: planes of a file are compared with rows of the network", () => {
  const { time, ...found } = compared(() => planes(1, 6, 2, 5, 3, 4));
  assert.deepEqual(found, { difference: 0, largest: 6, pixels: 2, equal: 2 });
  assert.ok(time.file >= 0 && time.own >= 0);
});

test("compareOutputs: the largest difference, and the labels that are not the same", () => {
  const { difference, largest, pixels, equal } = compared(() => planes(1, 4.5, 2, 5, 3, 4));
  assert.deepEqual([difference, largest, pixels, equal], [1.5, 6, 2, 1]);
});

test("compareOutputs: of equal channels the first is the label", () => {
  const { equal } = compared(() => planes(3, 6, 3, 6, 3, 6), [trial(3, 3, 3, 6, 6, 6)]);
  assert.equal(equal, 2);
});

test("compareOutputs: NaN anywhere is an infinite difference", () => {
  assert.equal(compared(() => planes(1, 6, NaN, 5, 3, 4)).difference, Infinity);
  assert.equal(compared(() => planes(1, 6, 2, 5, 3, 4), [trial(1, 2, 3, NaN, 5, 4)]).difference, Infinity);
});

test("compareOutputs: all trials count, and each is run, the first some times more", () => {
  const given: number[] = [];
  const answer = ({ data, dims }: Batch): Batch => {
    given.push(data[0]!);
    return { dims, data: Float32Array.of(data[0]!, data[1]!, data[2]!) };
  };
  const { pixels, largest } = compared(answer, [trial(1, 2, 3), trial(7, 8, 9)]);
  assert.deepEqual([pixels, largest], [2, 9]);
  assert.deepEqual(given.slice(0, 2), [1, 7]);
  assert.deepEqual(given.slice(2), Array(7).fill(1));
});

test("compareOutputs: outputs of another shape are an error with both", () => {
  assert.throws(() => compared(() => ({ dims: [1, 2, 1, 2], data: new Float32Array(4) })), {
    name: "UserError",
    message: "the file makes an output of 1x1x2x2 where the network makes 1x1x2x3",
  });
});

const FOUND: Comparison = { difference: 0, largest: 1, pixels: 1000, equal: 1000, time: { file: 1, own: 1 } };

test("refusal: a thousandth or a hundred-thousandth of the largest, whichever is more; of 16 bits a twentieth", () => {
  const refused = (more: Partial<Comparison>, half = false) =>
    refusal({ ...FOUND, ...more }, { wanted: "logits", half });
  assert.equal(refused({ difference: 1e-3 }), undefined);
  assert.equal(refused({ difference: 1.1e-3, largest: 120 }), undefined);
  assert.match(refused({ difference: 1.1e-3, largest: 100 })!, /expected at most 0\.00100$/);
  assert.equal(refused({ difference: 0.05 }, true), undefined);
  assert.equal(refused({ difference: 0.5, largest: 10 }, true), undefined);
  assert.match(
    refused({ difference: 0.6, largest: 10 }, true)!,
    /^the file differs from the network by 0\.600, expected at most 0\.500$/,
  );
  assert.match(refused({ difference: NaN })!, /^the file differs from the network by NaN/);
});

test("refusal: a thousandth of the pixels may have another label, of 16 bits a fiftieth", () => {
  const refused = (equal: number, half = false, wanted: "labels" | "logits" = "labels") =>
    refusal({ ...FOUND, equal }, { wanted, half });
  assert.equal(refused(999), undefined);
  assert.equal(
    refused(998),
    "the file labels 0.200 % of the pixels otherwise than the network, expected at most 0.1 %",
  );
  assert.equal(refused(980, true), undefined);
  assert.equal(
    refused(979, true, "logits"),
    "the file labels 2.10 % of the pixels otherwise than the network, expected at most 2 %",
  );
  // Of labels the numbers mean nothing.
  assert.equal(refusal({ ...FOUND, difference: 7 }, { wanted: "labels", half: false }), undefined);
});

const OPTIONS = { input: "x", output: "y", bytes: false, half: false, producerVersion: "1", metadata: {} };

/** A pool of these numbers on sides of 9 and 12 that makes this side. */
function pool(size: number, stride: number, padding: number, out: readonly number[]) {
  const x = valueOf([[1, 1], [9, 12], [9, 12], [2, 2]]), y = valueOf([[1, 1], out, out, [2, 2]]);
  return () =>
    lower({ input: x, steps: [stepOf("maxPool", [x], y, { size, stride, padding })], output: y }, OPTIONS);
}

test("lower: windows that hang over the edge become padding behind it, where that is one for all sizes", () => {
  assert.equal(pool(3, 2, 1, [5, 6])().nodes, 2);
  assert.equal(pool(3, 2, 0, [4, 6])().nodes, 2);
  for (
    const [args, words] of [
      [[3, 2, 1, [4, 7]], "windows of 3, stride 2, padding 1"],
      [[2, 2, 1, [6, 7]], "windows of 2, stride 2, padding 1"],
    ] as const
  ) {
    assert.throws(pool(...args as unknown as Parameters<typeof pool>), {
      name: "UserError",
      message: `the operator maxPool cannot be exported with ${words}`,
    });
  }
});

test("lower: a cast to another type than numbers and truth is refused", () => {
  const [x, y] = [fixed([1, 4, 4, 2]), fixed([1, 4, 4, 2])];
  const graph = { input: x, steps: [stepOf("Cast", [x], y, { dtype: "complex64" })], output: y };
  assert.throws(() => lower(graph, OPTIONS), {
    name: "UserError",
    message: "the operator Cast cannot be exported to complex64",
  });
});

test("lower: a number that changes with the size is refused by the operator's name", () => {
  const x = valueOf([[1, 1], [8, 9], [8, 9], [3, 3]]), y = valueOf([[1, 1], [8, 9], [8, 9], [2, 2]]);
  const filter = fixed([1, 1, 3, 2], new Float32Array(6));
  const conv = (attributes: Record<string, number | undefined>) => () =>
    lower({ input: x, steps: [stepOf("conv2d", [x, filter], y, attributes)], output: y }, OPTIONS);
  assert.throws(conv({ stride: undefined, padding: 0, dilation: 1 }), {
    name: "UserError",
    message: "the operator conv2d cannot be exported: its stride is undefined, expected a number",
  });
  assert.equal(conv({ stride: 1, padding: 0, dilation: 1 })().nodes, 2);
});
