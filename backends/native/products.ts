import * as tf from "@tensorflow/tfjs-core";
import { address, emptyTensor } from "../wasm/heap.ts";
import { type Matrix, type Multiply, type MultiplyPlanes, type Planes, whole } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { batchProduct } from "./mat_mul_model.ts";
import { type Operand, runModel } from "./runtime.ts";

/**
 * From so many columns of the other factor on, turning a factor costs less than multiplying it as it lies.
 */
const WORTH_TURNING = 1024;

/** ONNX Runtime's product, on the tensors' own memory. */
export const nativeMultiply: Multiply = ([a, b], into, add) => {
  if (!a.transposed || into.columns < WORTH_TURNING) return multiply([a, b], into, add);
  tf.tidy(() => {
    const turned = emptyTensor([a.columns, a.rows]) as tf.Tensor2D;
    simd("transpose", address(a.tensor, a.from * a.columns), a.rows, a.columns, address(turned));
    multiply([whole(turned), b], into, add);
  });
};

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

/** @param operands the factors and what is added to their product, if anything */
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

/** The same for planes. */
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
