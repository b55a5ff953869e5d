import * as tf from "@tensorflow/tfjs-core";
import { address, emptyTensor } from "../wasm/heap.ts";
import { type Matrix, type Multiply, whole } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { runModel } from "./runtime.ts";

/** From so many columns of the other factor on, turning a factor costs less than multiplying it as it lies. */
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
  const transposed = [a, b].map((factor) => Number(factor.transposed ?? false));
  runModel({
    key: `gemm ${transposed} ${add}`,
    graph: () => ({
      inputs: add ? ["x0", "x1", "x2"] : ["x0", "x1"],
      outputs: ["y0"],
      nodes: [{
        type: "Gemm",
        inputs: add ? ["x0", "x1", "x2"] : ["x0", "x1"],
        outputs: ["y0"],
        attributes: { transA: transposed[0]!, transB: transposed[1]! },
      }],
    }),
    inputs: [operand(a), operand(b), ...(add ? [sum] : [])],
    outputs: [sum],
  });
};
