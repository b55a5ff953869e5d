/**
 * Matrix products of parts of tensors, by ONNX Runtime's Gemm on the tensors' own memory. A one-node model is
 * built for each layout (which factor is transposed, whether something is added) and kept; shapes are free,
 * so one model serves all sizes. To add a product to a sum in place, the sum is both Gemm's third input and
 * its output.
 */
import * as tf from "@tensorflow/tfjs-core";
import { address, emptyTensor, floatsAt } from "../wasm/heap.ts";
import { inBackground } from "../wasm/background.ts";
import {
  type After,
  type Matrix,
  type Multiply,
  type MultiplyLater,
  type MultiplyPlanes,
  type MultiplyPlanesLater,
  type Planes,
  type Products,
  whole,
} from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { batchProduct } from "./batch_product.ts";
import { beginModel, type Call, type Operand, runModel } from "./runtime.ts";

/**
 * From so many columns of the result on, transposing the left factor first is faster than Gemm's own
 * transposition.
 */
const WORTH_TURNING = 1024;

/** So many multiplications and more are worth the way to another thread and back. */
const WORTH_LEAVING = 2 ** 22;

/** See {@linkcode Multiply}. */
export const nativeMultiply: Multiply = ([a, b], into, add) =>
  turnedFirst(a, into, (left) => runModel(gemm([left, b], into, add)));

/** See {@linkcode MultiplyLater}. */
const nativeMultiplyLater: MultiplyLater = ([a, b], into, add, after) => {
  if (into.rows * into.columns * b.rows < WORTH_LEAVING) {
    nativeMultiply([a, b], into, add);
    after?.finish();
    return;
  }
  // Should the run fail unnoticed, the gradient is not finite, and the step says so. A sum has no such mark.
  if (!add) floatsAt(address(into.tensor, into.from * into.columns), 1)[0] = NaN;
  turnedFirst(a, into, (left) => runLater(gemm([left, b], into, add), [left.tensor, b.tensor], after));
};

/** Runs a model of one output on another thread, where there is one that is free. @param reads the factors */
function runLater(call: Call, reads: readonly tf.TensorInfo[], after: After | undefined): void {
  const { tensor } = call.outputs[0]!;
  inBackground({
    reads: [...reads, ...(after ? [tensor, ...(after.needs ?? [])] : [])],
    writes: after?.gives ?? tensor,
    begin: () => beginModel(call),
    now: () => runModel(call),
    ...(after ? { finish: () => after.finish() } : {}),
  });
}

/** Multiplies with the left factor, or with a transposed copy of it where that is faster. */
function turnedFirst(left: Matrix, into: Matrix, multiply: (left: Matrix) => void): void {
  if (!left.transposed || into.columns < WORTH_TURNING) return multiply(left);
  tf.tidy(() => {
    const turned = emptyTensor([left.columns, left.rows]) as tf.Tensor2D;
    simd(
      "transpose",
      address(left.tensor, left.from * left.columns),
      left.rows,
      left.columns,
      address(turned),
    );
    multiply(whole(turned));
  });
}

/** A product, and what is added to it. */
function gemm([a, b]: readonly [Matrix, Matrix], into: Matrix, add: boolean | tf.Tensor1D): Call {
  const operand = ({ tensor, from, rows, columns }: Matrix) => ({
    tensor,
    element: from * columns,
    dims: [rows, columns],
  });
  const sum = operand(into);
  const added = add === false ? [] : [add === true ? sum : { tensor: add, dims: [1, add.size] }];
  return gemmOf([operand(a), operand(b), ...added], sum, [a, b]);
}

interface Turned {
  readonly transposed?: boolean;
}

/** @param operands the factors and, if something is added to their product, that */
function gemmOf(operands: readonly Operand[], into: Operand, [a, b]: readonly [Turned, Turned]): Call {
  const [transA, transB] = [Number(a.transposed ?? false), Number(b.transposed ?? false)];
  const inputs = operands.map((_, k) => `x${k}`);
  return {
    key: `gemm ${transA} ${transB} ${operands.length}`,
    graph: () => ({
      inputs,
      outputs: ["y0"],
      nodes: [{ type: "Gemm", inputs, outputs: ["y0"], attributes: { transA, transB } }],
    }),
    inputs: operands,
    outputs: [into],
  };
}

/** See {@linkcode MultiplyPlanes}: one plane is a Gemm, several are a MatMul of a batch. */
const nativeMultiplyPlanes: MultiplyPlanes = (factors, into, add) => runModel(planesCall(factors, into, add));

function planesCall([a, b]: readonly [Planes, Planes], into: Planes, add: boolean): Call {
  const single = into.planes === 1;
  const operand = ({ tensor, element, planes, rows, columns }: Planes) => ({
    tensor,
    element,
    dims: single ? [rows, columns] : [planes, rows, columns],
  });
  const factors = [operand(a), operand(b)], sum = operand(into);
  if (single) return gemmOf([...factors, ...(add ? [sum] : [])], sum, [a, b]);
  return batchProduct(factors, sum, [a.transposed ?? false, b.transposed ?? false]);
}

/** See {@linkcode MultiplyPlanesLater}. */
const nativeMultiplyPlanesLater: MultiplyPlanesLater = ([a, b], into, after) => {
  const call = planesCall([a, b], into, false);
  if (into.planes * into.rows * into.columns * b.rows < WORTH_LEAVING) {
    runModel(call);
    after.finish();
    return;
  }
  floatsAt(address(into.tensor, into.element), 1)[0] = NaN;
  runLater(call, [a.tensor, b.tensor], after);
};

/** The products of `native`. */
export const nativeProducts: Products = {
  fastPlanes: true,
  multiply: nativeMultiply,
  planes: nativeMultiplyPlanes,
  later: nativeMultiplyLater,
  planesLater: nativeMultiplyPlanesLater,
};
