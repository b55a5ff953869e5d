import type { Matrix, Multiply } from "../wasm/products.ts";
import { runModel } from "./runtime.ts";

/** ONNX Runtime's product, on the tensors' own memory. */
export const nativeMultiply: Multiply = ([a, b], into, add) => {
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
    outputs: [{ shape: [], dims: sum.dims, into: sum }],
  });
};
