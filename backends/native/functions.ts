/**
 * Functions of single numbers and of rows of scores by ONNX Runtime, whose threads have wider registers than
 * the heap's kernels.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "../wasm/heap.ts";
import type { Planes } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { type Operand, runModel } from "./runtime.ts";

/** Numbers of a tensor that are worked on at once, so that what is between stays in a cache. */
const CHUNK = 2 ** 18;

/** y = type(x), each of its own. Values may be replaced by their result. */
function apply(types: readonly string[], inputs: readonly Operand[], outputs: readonly Operand[]): void {
  runModel({
    key: types.join(),
    graph: () => ({
      inputs: types.map((_, k) => `x${k}`),
      outputs: types.map((_, k) => `y${k}`),
      nodes: types.map((type, k) => ({ type, inputs: [`x${k}`], outputs: [`y${k}`] })),
    }),
    inputs,
    outputs,
  });
}

/** GELU and its gradient. */
export const nativeGelu: Pick<Kernels, "gelu" | "geluGradient"> = {
  gelu(x) {
    const y = emptyTensor(x.shape);
    apply(["Gelu"], [{ tensor: x }], [{ tensor: y }]);
    return y;
  },
  geluGradient(dy, x) {
    const dx = emptyTensor(x.shape);
    tf.tidy(() => {
      const [erf, exp] = [0, 1].map(() => emptyTensor([Math.min(CHUNK, x.size)])) as [tf.Tensor, tf.Tensor];
      for (let element = 0; element < x.size; element += CHUNK) {
        const count = Math.min(CHUNK, x.size - element);
        const places = [erf, exp].map((tensor) => ({ tensor, dims: [count] }));
        simd("geluArguments", address(x, element), count, address(erf), address(exp));
        apply(["Erf", "Exp"], places, places);
        const given = [address(dy, element), address(x, element), address(erf), address(exp)];
        simd("geluSlope", ...given, count, address(dx, element));
      }
    });
    return dx;
  },
};

/** The softmax of every row, in place. */
export function nativeSoftmax({ tensor, element, planes, rows, columns }: Planes): void {
  const place = { tensor, element, dims: [planes * rows, columns] };
  apply(["Softmax"], [place], [place]);
}
