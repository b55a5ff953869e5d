import assert from "node:assert/strict";
import { fixedSide, needsSize, unify } from "../../export/graph.ts";
import { recorded, recordedStep, recordingOf } from "./graphs.ts";

const ADVICE = "; give one size with --size HEIGHTxWIDTH";
const refused = (what: string) => ({
  name: "UserError",
  message: `the network cannot be exported for every size: ${what}${ADVICE}`,
});

Deno.test("fixedSide: the length that all recordings have, or none", () => {
  assert.deepEqual([fixedSide([3, 3, 3]), fixedSide([3, 3, 4]), fixedSide([7])], [3, undefined, 7]);
});

Deno.test("needsSize: says what is so, and what to do", () => {
  assert.throws(() => needsSize("it is raining"), refused("it is raining"));
});

Deno.test("unify: sides are known by their lengths in each recording", () => {
  const graph = unify(
    [[2, 8, 3], [5, 9, 3]].map((shape) =>
      recordingOf(shape, (x) => [recordedStep("Relu", [x], recorded(shape))])
    ),
  );
  assert.deepEqual(graph.input, { sides: [[2, 5], [8, 9], [3, 3]], dtype: "float32" });
  assert.deepEqual(graph.steps.map(({ op }) => op), ["Relu"]);
  assert.equal(graph.steps[0]!.inputs[0], graph.input);
  assert.equal(graph.steps[0]!.outputs[0], graph.output);
});

Deno.test("unify: steps that the output does not need are left out, the others keep their order", () => {
  const graph = unify([recordingOf([2, 3], (x) => {
    const [a, b, c, d] = [1, 2, 3, 4].map(() => recorded([2, 3]));
    return [
      recordedStep("A", [x], a!),
      recordedStep("B", [x], b!),
      recordedStep("C", [b!], c!),
      recordedStep("D", [a!, a!], d!),
    ];
  })]);
  assert.deepEqual(graph.steps.map(({ op }) => op), ["A", "D"]);
});

Deno.test("unify: a network that gives its input back has no steps", () => {
  const graph = unify([recordingOf([2, 3], () => [])]);
  assert.deepEqual([graph.steps, graph.output], [[], graph.input]);
});

Deno.test("unify: an attribute that differs between recordings is undefined, a list is compared by its numbers", () => {
  const graph = unify([4, 5].map((side) =>
    recordingOf([side], (x) => [
      recordedStep("Pool", [x], recorded([side]), { size: side, strides: [2, 2], pad: "same", keep: true }),
    ])
  ));
  assert.deepEqual(graph.steps[0]!.attributes, {
    size: undefined,
    strides: [2, 2],
    pad: "same",
    keep: true,
  });
});

Deno.test("unify: other operators at another size, more or fewer of them, ask for the size", () => {
  const of = (...ops: string[]) =>
    recordingOf([2], (x) => ops.map((op) => recordedStep(op, [x], recorded([2]))));
  assert.throws(
    () => unify([of("A", "B"), of("A", "C")]),
    refused("it calls B where at another size it calls C"),
  );
  assert.throws(
    () => unify([of("A", "B"), of("A")]),
    refused("it calls B where at another size it calls nothing"),
  );
  assert.throws(
    () => unify([of(), of("A")]),
    refused("it calls nothing where at another size it calls nothing"),
  );
});

/** What becomes of a constant that has these shapes and numbers in two recordings. */
function constantOf(...each: readonly (readonly [readonly number[], readonly number[]])[]) {
  const graph = unify(each.map(([shape, numbers], k) =>
    recordingOf([4 + k, 3], (x) => [
      recordedStep("Add", [x, recorded(shape, Float32Array.from(numbers))], recorded([4 + k, 3])),
    ])
  ));
  const { sides, constant } = graph.steps[0]!.inputs[1]!;
  return { sides, numbers: constant && [...constant] };
}

Deno.test("unify: a constant that is the same everywhere stays as it is", () => {
  assert.deepEqual(constantOf([[3], [1, 2, 3]], [[3], [1, 2, 3]]), { sides: [[3, 3]], numbers: [1, 2, 3] });
});

Deno.test("unify: a constant that is repeated along a side that changes is there once", () => {
  assert.deepEqual(
    constantOf([[2, 2], [1, 2, 1, 2]], [[3, 2], [1, 2, 1, 2, 1, 2]]),
    { sides: [[2, 3], [2, 2]], numbers: [1, 2] },
  );
  assert.deepEqual(
    constantOf([[2, 1], [1, 5]], [[2, 3], [1, 1, 1, 5, 5, 5]]),
    { sides: [[2, 2], [1, 3]], numbers: [1, 5] },
  );
  // Along the middle one of three.
  assert.deepEqual(
    constantOf([[2, 1, 2], [1, 2, 3, 4]], [[2, 2, 2], [1, 2, 1, 2, 3, 4, 3, 4]]),
    { sides: [[2, 2], [1, 2], [2, 2]], numbers: [1, 2, 3, 4] },
  );
});

Deno.test("unify: numbers that follow from the size are refused with the operator that takes them", () => {
  const follows = "Add takes numbers that follow from the size of its input ([2, 2] and [3, 2])";
  assert.throws(() => constantOf([[2, 2], [1, 2, 3, 4]], [[3, 2], [1, 2, 3, 4, 5, 6]]), refused(follows));
  assert.throws(() => constantOf([[2, 2], [1, 2, 1, 2]], [[3, 2], [1, 3, 1, 3, 1, 3]]), refused(follows));
  assert.throws(
    () => constantOf([[2], [1, 2]], [[2], [1, 3]]),
    refused("Add takes numbers that follow from the size of its input ([2] and [2])"),
  );
});
