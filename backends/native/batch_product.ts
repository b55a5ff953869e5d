import type { Node } from "../onnx_model.ts";
import type { Call, Operand } from "./runtime.ts";

/**
 * Describes the call that multiplies matrices in the last two dimensions; the dimensions before are a batch,
 * broadcast as ONNX does. MatMul has no flag for a transposed factor, so a Transpose node comes before it; its
 * permutation depends on the rank, which is why the key has it.
 * @param factors and `into`: where they and the product lie @param transposed for each factor, whether it is
 */
export function batchProduct(
  [a, b]: readonly Operand[],
  into: Operand,
  [transposeA, transposeB]: readonly [boolean, boolean],
): Call {
  const [rankA, rankB] = [a!, b!].map(({ tensor, dims = tensor.shape }) => dims.length) as [number, number];
  return {
    key: `matmul ${transposeA} ${transposeB} ${rankA} ${rankB}`,
    graph: () => ({
      inputs: ["x0", "x1"],
      outputs: ["y0"],
      nodes: [
        ...(transposeA ? [swapLast("x0", "a", rankA)] : []),
        ...(transposeB ? [swapLast("x1", "b", rankB)] : []),
        { type: "MatMul", inputs: [transposeA ? "a" : "x0", transposeB ? "b" : "x1"], outputs: ["y0"] },
      ],
    }),
    inputs: [a!, b!],
    outputs: [into],
  };
}

/** A node that exchanges the last two dimensions. */
function swapLast(from: string, to: string, rank: number): Node {
  const perm = Array.from({ length: rank }, (_, k) => k);
  perm[rank - 1] = rank - 2;
  perm[rank - 2] = rank - 1;
  return { type: "Transpose", inputs: [from], outputs: [to], attributes: { perm } };
}
