/** Streaming's row kernels: small ONNX graphs over a block, and sums that grow in place in the heap. */
import * as tf from "@tensorflow/tfjs-core";
import {
  blockRows,
  type GradientRows,
  type RowKernels,
  type RowSummary,
} from "../ops/streaming/row_kernels.ts";
import { SMALLEST_NORM } from "../ops/unit.ts";
import type { Graph, Node } from "./onnx.ts";
import { emptyTensor, heapView, runModel, runToTensor } from "./runtime.ts";

/** Added to a deviation, as in backends/ops/contrast.ts. */
const EPSILON = 1e-10;

/** A chain of operators from the graph's inputs to its outputs. */
function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes?: Node["attributes"],
): Node {
  return { type, inputs, outputs: [output], ...(attributes ? { attributes } : {}) };
}

function graph(nodes: readonly Node[], more: Partial<Graph> = {}): Graph {
  const produced = new Set(nodes.flatMap(({ outputs }) => outputs));
  const named = (prefix: string) => (name: string) => new RegExp(`^${prefix}\\d$`).test(name);
  const inputs = [...new Set(nodes.flatMap((one) => one.inputs))].filter(named("x")).sort();
  return { inputs, outputs: [...produced].filter(named("y")).sort(), nodes, ...more };
}

const alongRows = { axes: [1], keepdims: 1 };

function takeRows(x: tf.Tensor2D, indices: Int32Array): tf.Tensor2D {
  if (indices.length === x.shape[0]) return x;
  const width = x.shape[1];
  const result = emptyTensor([indices.length, width]) as tf.Tensor2D;
  const from = heapView(x), to = heapView(result);
  indices.forEach((row, k) => to.set(from.subarray(row * width, (row + 1) * width), k * width));
  return result;
}

function inverseNorms(x: tf.Tensor2D): tf.Tensor2D {
  const [rows, width] = x.shape;
  const result = emptyTensor([rows, 1]) as tf.Tensor2D;
  const values = heapView(x), inverse = heapView(result);
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let k = row * width; k < (row + 1) * width; k++) square += values[k]! * values[k]!;
    inverse[row] = square > 0 ? 1 / Math.max(Math.sqrt(square), SMALLEST_NORM) : 0;
  }
  return result;
}

function compare(
  [a, b]: readonly [tf.Tensor2D, tf.Tensor2D],
  { columnScale, offset }: Parameters<RowKernels["compare"]>[1],
): tf.Tensor2D {
  const more = [...(columnScale ? [columnScale] : []), ...(offset ? [offset] : [])];
  return runToTensor({
    key: `rows compare ${columnScale !== undefined} ${offset !== undefined}`,
    graph: () => {
      // The product takes what is added to it along; columns are scaled before that.
      if (!columnScale) {
        return graph([node("Gemm", ["x0", "x1", ...(offset ? ["x2"] : [])], "y0", { transB: 1 })]);
      }
      return graph([
        node("Gemm", ["x0", "x1"], "d", { transB: 1 }),
        node("Mul", ["d", "x2"], offset ? "scaled" : "y0"),
        ...(offset ? [node("Add", ["scaled", "x3"], "y0")] : []),
      ]);
    },
    inputs: [a, b, ...more].map((tensor) => ({ tensor })),
    outputs: [{ shape: [a.shape[0], b.shape[0]] }],
  }) as tf.Tensor2D;
}

function summarise(d: tf.Tensor2D, contrast: boolean): RowSummary {
  const [rows, columns] = d.shape;
  const column = { shape: [rows, 1] };
  // Sums run over ORT's own buffers, which are aligned alike every time: how the heap is aligned would change the
  // order in which vectors are added.
  const below = [node("ReduceMax", ["x0"], "peak", alongRows), node("Sub", ["x0", "peak"], "below")];
  const normalise = [
    node("ReduceMean", ["below"], "depth", alongRows),
    node("Add", ["peak", "depth"], "y1"),
    node("Sub", ["below", "depth"], "centred"),
    node("ReduceSumSquare", ["centred"], "squares", alongRows),
    node("Mul", ["squares", "share"], "variance"),
    node("Sqrt", ["variance"], "deviation"),
    node("Add", ["deviation", "epsilon"], "divisor"),
    node("Reciprocal", ["divisor"], "y2"),
    node("Mul", ["below", "y2"], "z"),
    node("Mul", ["depth", "y2"], "low"),
    node("Neg", ["low"], "high"),
  ];
  const logSum = [
    node("Exp", [contrast ? "z" : "below"], "powers"),
    node("ReduceSum", ["powers", "axes"], "sum", { keepdims: 1 }),
    node("Log", ["sum"], "log"),
    node("Add", ["log", contrast ? "high" : "peak"], "y0"),
  ];
  const infos = runModel({
    key: `rows summarise ${contrast} ${columns}`,
    graph: () =>
      graph([...below, ...(contrast ? normalise : []), ...logSum], {
        constants: { axes: [1] },
        ...(contrast ? { scalars: { share: 1 / Math.max(1, columns - 1), epsilon: EPSILON } } : {}),
      }),
    inputs: [{ tensor: d }],
    outputs: contrast ? [column, column, column] : [column],
  });
  const [sums, mean, inverse] = infos.map((info) =>
    tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor2D
  );
  return { logSum: sums!, mean: mean ?? tf.zeros([rows, 1]), inverse: inverse ?? tf.ones([rows, 1]) };
}

function softmax(
  d: tf.Tensor2D,
  { mean, inverse, logSum }: RowSummary,
  factor?: tf.Tensor2D,
): tf.Tensor2D {
  return runToTensor({
    key: `rows softmax ${factor !== undefined}`,
    graph: () =>
      graph([
        node("Sub", ["x0", "x1"], "centred"),
        node("Mul", ["centred", "x2"], "z"),
        node("Sub", ["z", "x3"], "log"),
        node("Exp", ["log"], factor ? "p" : "y0"),
        ...(factor ? [node("Mul", ["p", "x4"], "y0")] : []),
      ]),
    inputs: [d, mean, inverse, logSum, ...(factor ? [factor] : [])].map((tensor) => ({ tensor })),
    outputs: [{ shape: d.shape }],
  }) as tf.Tensor2D;
}

function softmaxGradient(p: tf.Tensor2D, dp: tf.Tensor2D, { along, inverse }: GradientRows): tf.Tensor2D {
  return runToTensor({
    key: "rows softmax gradient",
    graph: () =>
      graph([
        node("Sub", ["x1", "x2"], "centred"),
        node("Mul", ["x0", "centred"], "product"),
        node("Mul", ["product", "x3"], "y0"),
      ]),
    inputs: [p, dp, along, inverse].map((tensor) => ({ tensor })),
    outputs: [{ shape: p.shape }],
  }) as tf.Tensor2D;
}

function addProduct(
  sum: tf.Tensor2D,
  [a, b]: readonly [tf.Tensor2D, tf.Tensor2D],
  transposeA: boolean,
): tf.Tensor2D {
  runModel({
    key: `rows add product ${transposeA}`,
    graph: () => graph([node("Gemm", ["x0", "x1", "x2"], "y0", { transA: Number(transposeA) })]),
    inputs: [a, b, sum].map((tensor) => ({ tensor })),
    outputs: [{ shape: sum.shape, into: sum }],
  });
  return sum;
}

function addRows(sum: tf.Tensor2D, indices: Int32Array, values: tf.Tensor2D): tf.Tensor2D {
  const width = sum.shape[1];
  const total = heapView(sum), added = heapView(values);
  for (let k = 0; k < indices.length; k++) {
    const to = indices[k]! * width, from = k * width;
    for (let c = 0; c < width; c++) total[to + c]! += added[from + c]!;
  }
  return sum;
}

function addToCells(block: tf.Tensor2D, columns: Int32Array, values: Float32Array): tf.Tensor2D {
  const all = heapView(block);
  for (let k = 0; k < columns.length; k++) all[k * block.shape[1] + columns[k]!]! += values[k]!;
  return block;
}

function unitGradient(sum: tf.Tensor2D, x: tf.Tensor2D): tf.Tensor2D {
  const inverse = inverseNorms(x);
  const [rows, width] = x.shape;
  const total = heapView(sum), values = heapView(x), scales = heapView(inverse);
  for (let row = 0; row < rows; row++) {
    const from = row * width, scale = scales[row]!;
    let along = 0;
    for (let k = from; k < from + width; k++) along += total[k]! * values[k]!;
    along *= scale * scale;
    for (let k = from; k < from + width; k++) total[k] = (total[k]! - values[k]! * along) * scale;
  }
  inverse.dispose();
  return sum;
}

/** The row kernels of `native`. */
export const nativeRows: RowKernels = {
  blockRows,
  takeRows,
  valuesOf: heapView,
  inverseNorms,
  compare,
  summarise,
  softmax,
  softmaxGradient,
  addProduct,
  addRows,
  addToCells,
  unitGradient,
};
