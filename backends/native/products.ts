/**
 * Matrix products of parts of tensors, by ONNX Runtime's Gemm on the tensors' own memory. A one-node model is
 * built for each layout (which factor is transposed, whether something is added) and kept; shapes are free,
 * so one model serves all sizes. To add a product to a sum in place, the sum is both Gemm's third input and
 * its output.
 */
import * as tf from "@tensorflow/tfjs-core";
import { address, emptyTensor } from "../wasm/heap.ts";
import { type Matrix, type Multiply, type MultiplyPlanes, type Planes, whole } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { batchProduct } from "./mat_mul_model.ts";
import { type Operand, runModel } from "./runtime.ts";

/**
 * From so many columns of the result on, transposing the left factor first is faster than Gemm's own
 * transposition.
 */
const WORTH_TURNING = 1024;

/** See {@linkcode Multiply}. */
export const nativeMultiply: Multiply = ([a, b], into, add) => {
  if (!a.transposed || into.columns < WORTH_TURNING) return multiply([a, b], into, add);
  tf.tidy(() => {
    const turned = emptyTensor([a.columns, a.rows]) as tf.Tensor2D;
    simd("transpose", address(a.tensor, a.from * a.columns), a.rows, a.columns, address(turned));
    multiply([whole(turned), b], into, add);
  });
};

/** The product without transposing first. */
const multiply: Multiply = ([a, b], into, add) => {
  const operand = ({ tensor, from, rows, columns }: Matrix) => ({
    tensor,
    element: from * columns,
    dims: [rows, columns],
  });
  const sum = operand(into);
  const added = add === false ? [] : [add === true ? sum : { tensor: add, dims: [1, add.size] }];
  runGemm([operand(a), operand(b), ...added], sum, [a, b]);
};

interface Turned {
  readonly transposed?: boolean;
}

/** @param operands the factors and, if something is added to their product, that */
function runGemm(operands: readonly Operand[], into: Operand, [a, b]: readonly [Turned, Turned]): void {
  const [transA, transB] = [Number(a.transposed ?? false), Number(b.transposed ?? false)];
  const inputs = operands.map((_, k) => `x${k}`);
  runModel({
    key: `gemm ${transA} ${transB} ${operands.length}`,
    graph: () => ({
      inputs,
      outputs: ["y0"],
      nodes: [{ type: "Gemm", inputs, outputs: ["y0"], attributes: { transA, transB } }],
    }),
    inputs: operands,
    outputs: [into],
  });
}

/** See {@linkcode MultiplyPlanes}: one plane is a Gemm, several are a MatMul of a batch. */
export const nativeMultiplyPlanes: MultiplyPlanes = ([a, b], into, add) => {
  const single = into.planes === 1;
  const operand = ({ tensor, element, planes, rows, columns }: Planes) => ({
    tensor,
    element,
    dims: single ? [rows, columns] : [planes, rows, columns],
  });
  const factors = [operand(a), operand(b)], sum = operand(into);
  if (single) return runGemm([...factors, ...(add ? [sum] : [])], sum, [a, b]);
  runModel(batchProduct(factors, sum, [a.transposed ?? false, b.transposed ?? false]));
};
