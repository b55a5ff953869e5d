import assert from "node:assert/strict";
import { foldNorms } from "../../export/fold_norms.ts";
import type { GraphStep, GraphValue } from "../../export/graph.ts";
import { fixed, stepOf } from "./graphs.ts";

/** Two channels: y = 2 (x - 1) / 4 + 5 and y = 3 (x + 2) / 5, with an epsilon of 1. */
const NORM = [fixed([2], [2, 3]), fixed([2], [5, 0]), fixed([2], [1, -2]), fixed([2], [15, 24])];
const FACTOR = [0.5, 0.6], OFFSET = [4.5, 1.2];

const map = () => fixed([1, 4, 4, 2]);

function normOf(x: GraphValue, y: GraphValue, relu = false, residual: readonly GraphValue[] = []): GraphStep {
  return stepOf("batchNorm", [x, ...NORM, ...residual], y, { epsilon: 1, relu });
}

/** The steps without their norms, as operators with the constants that they take. */
function folded(steps: readonly GraphStep[], output: GraphValue, input = map()) {
  const graph = foldNorms({ input, steps, output });
  assert.equal(graph.output, output);
  return graph.steps.map(({ op, inputs }) => ({
    op,
    constants: inputs.flatMap(({ constant }) =>
      constant ? [[...constant].map((one) => +one.toFixed(5))] : []
    ),
  }));
}

Deno.test("foldNorms: a norm after a convolution becomes its filter's factor and its bias", () => {
  const [x, y, z] = [fixed([1, 4, 4, 1]), map(), map()];
  const filter = fixed([1, 1, 1, 2], [10, 100]);
  const steps = [stepOf("conv2d", [x, filter], y, { stride: 1 }), normOf(y, z)];
  assert.deepEqual(folded(steps, z), [{ op: "conv2d", constants: [[5, 60], OFFSET] }]);
  // The network's own filter is what it was.
  assert.deepEqual([...filter.constant!], [10, 100]);
});

Deno.test("foldNorms: a filter of several places and inputs has its factor by the output channel", () => {
  const [x, y, z] = [map(), map(), map()];
  const filter = fixed([1, 2, 2, 2], [1, 1, 2, 2, 3, 3, 4, 4]);
  assert.deepEqual(folded([stepOf("conv2d", [x, filter], y), normOf(y, z)], z), [{
    op: "conv2d",
    constants: [[0.5, 0.6, 1, 1.2, 1.5, 1.8, 2, 2.4], OFFSET],
  }]);
});

Deno.test("foldNorms: a filter of each channel has its factor by the input channel", () => {
  const [x, y, z] = [map(), map(), map()];
  const filter = fixed([2, 1, 2, 1], [1, 10, 2, 20]);
  assert.deepEqual(folded([stepOf("depthwiseConv2d", [x, filter], y), normOf(y, z)], z), [{
    op: "depthwiseConv2d",
    constants: [[0.5, 6, 1, 12], OFFSET],
  }]);
});

Deno.test("foldNorms: a bias that the convolution has goes through the norm", () => {
  const [x, y, z] = [fixed([1, 4, 4, 1]), map(), map()];
  const step = stepOf("conv2d", [x, fixed([1, 1, 1, 2], [1, 1]), fixed([2], [10, 100])], y);
  assert.deepEqual(folded([step, normOf(y, z)], z), [{ op: "conv2d", constants: [FACTOR, [9.5, 61.2]] }]);
});

Deno.test("foldNorms: what others read, or is the output, stays, and the norm is a scale behind it", () => {
  const [x, y, z, sum] = [fixed([1, 4, 4, 1]), map(), map(), map()];
  const conv = stepOf("conv2d", [x, fixed([1, 1, 1, 2], [10, 100])], y);
  const scale = { op: "scale", constants: [FACTOR, OFFSET] };
  const plain = { op: "conv2d", constants: [[10, 100]] };
  assert.deepEqual(folded([conv, normOf(y, z), stepOf("Add", [y, z], sum)], sum), [
    plain,
    scale,
    { op: "Add", constants: [] },
  ]);
  assert.deepEqual(folded([conv, normOf(y, z)], y), [plain, scale]);
});

Deno.test("foldNorms: a norm of the input, or behind another operator, is a scale", () => {
  const [x, y, z] = [map(), map(), map()];
  const scale = { op: "scale", constants: [FACTOR, OFFSET] };
  assert.deepEqual(folded([normOf(x, z)], z, x), [scale]);
  assert.deepEqual(folded([stepOf("Relu", [x], y), normOf(y, z)], z), [{ op: "Relu", constants: [] }, scale]);
  // Turned convolutions have their channels elsewhere.
  const turned = stepOf("conv2dTranspose", [x, fixed([1, 1, 2, 2], [1, 2, 3, 4])], y);
  assert.deepEqual(folded([turned, normOf(y, z)], z).map(({ op }) => op), ["conv2dTranspose", "scale"]);
});

Deno.test("foldNorms: a filter or a bias that follows from the images is left alone", () => {
  const [x, y, z] = [map(), map(), map()];
  const drawn = stepOf("conv2d", [x, fixed([1, 1, 2, 2])], y);
  assert.deepEqual(folded([drawn, normOf(y, z)], z).map(({ op }) => op), ["conv2d", "scale"]);
  const biased = stepOf("conv2d", [x, fixed([1, 1, 2, 2], [1, 2, 3, 4]), fixed([2])], y);
  assert.deepEqual(folded([biased, normOf(y, z)], z).map(({ op }) => op), ["conv2d", "scale"]);
});

Deno.test("foldNorms: the residual and ReLU of a norm become a finish that makes the norm's output", () => {
  const [x, y, z, residual] = [fixed([1, 4, 4, 1]), map(), map(), map()];
  const conv = stepOf("conv2d", [x, fixed([1, 1, 1, 2], [1, 1])], y);
  for (const [relu, others] of [[true, []], [true, [residual]], [false, [residual]]] as const) {
    const { steps } = foldNorms({ input: x, steps: [conv, normOf(y, z, relu, others)], output: z });
    assert.deepEqual(steps.map(({ op }) => op), ["conv2d", "finish"]);
    const [made, finish] = steps;
    assert.deepEqual(finish!.inputs, [made!.outputs[0], ...others]);
    assert.notEqual(made!.outputs[0], z);
    assert.deepEqual([finish!.outputs[0], finish!.attributes], [z, { relu }]);
  }
});

Deno.test("foldNorms: two norms one after the other are both taken into the convolution", () => {
  const [x, y, z, last] = [fixed([1, 4, 4, 1]), map(), map(), map()];
  const conv = stepOf("conv2d", [x, fixed([1, 1, 1, 2], [1, 1])], y);
  assert.deepEqual(folded([conv, normOf(y, z), normOf(z, last)], last), [{
    op: "conv2d",
    constants: [[0.25, 0.36], [6.75, 1.92]],
  }]);
});
