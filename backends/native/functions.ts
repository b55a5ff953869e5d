/**
 * Functions of single numbers and the softmax of rows, by ONNX Runtime: it uses all processor cores and wider
 * registers (AVX) than the four floats of WASM. The slope of GELU is no ONNX operator. It is composed: a
 * kernel of simd/ writes the arguments of erf and exp, ONNX Runtime replaces them by the functions' values,
 * and a second kernel puts these together.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "../wasm/heap.ts";
import type { Planes } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { type Operand, runModel } from "./runtime.ts";

/** So many numbers of a tensor are worked on at once: the two buffers between (1 MB each) stay in a cache. */
const CHUNK = 2 ** 18;

/** y_k = types_k(x_k), in one run of the runtime. An output may be the memory of its input. */
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

/** GELU and its gradient. See {@linkcode Kernels.gelu}. */
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
        const inputs = [address(dy, element), address(x, element), address(erf), address(exp)];
        simd("geluSlope", ...inputs, count, address(dx, element));
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
