/**
 * GELU, its gradient and the softmax of rows, computed by ONNX Runtime instead of WASM: it uses all processor
 * cores, and registers (AVX) that are wider than WASM's, which hold four floats. Tensors stay in WASM's heap;
 * ONNX Runtime reads and writes them there (runtime.ts).
 *
 * The gradient of GELU is no ONNX operator. It takes three steps for every chunk of numbers: the WASM kernel
 * `geluArguments` writes the arguments of erf and exp into two buffers, ONNX Runtime replaces them by the
 * functions' values in place, and the WASM kernel `geluSlope` makes the gradient of these.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "../wasm/heap.ts";
import type { Planes } from "../wasm/products.ts";
import { simd } from "../wasm/simd.ts";
import { type Operand, runModel } from "./runtime.ts";

/** So many numbers are worked on at once, so that the two buffers (1 MB each) stay in the processor's cache. */
const CHUNK = 2 ** 18;

/**
 * Applies the k-th ONNX operator to the k-th input, all in one run of the runtime. An output may be the memory
 * of its input.
 */
function apply(operators: readonly string[], inputs: readonly Operand[], outputs: readonly Operand[]): void {
  runModel({
    key: operators.join(),
    graph: () => ({
      inputs: operators.map((_, k) => `x${k}`),
      outputs: operators.map((_, k) => `y${k}`),
      nodes: operators.map((type, k) => ({ type, inputs: [`x${k}`], outputs: [`y${k}`] })),
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
