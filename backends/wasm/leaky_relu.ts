/** Bias and leaky ReLU of a convolution's result, written over it, and their gradient. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { portableLeakyRelu } from "../../ops/leaky_relu.ts";
import { address, emptyTensor, isShared } from "./heap.ts";
import { simd } from "./simd.ts";

/** The two kernels. */
export const heapLeakyRelu: Pick<Kernels, "leakyRelu" | "leakyReluGradient"> = {
  leakyRelu(x, bias, leak) {
    if (isShared(x)) return portableLeakyRelu(x, bias, leak);
    const channels = x.shape[3];
    simd("leakyRelu", address(x), x.size / Math.max(1, channels), channels, bias ? address(bias) : 0, leak);
    return x;
  },
  leakyReluGradient(dy, y, leak) {
    const dx = emptyTensor(y.shape) as tf.Tensor4D;
    simd("leakyReluGradient", address(dy), address(y), y.size, leak, address(dx));
    return dx;
  },
};
