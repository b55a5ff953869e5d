/**
 * The operators of transformers on rows of channels, in the heap. Each passes once or twice over its rows by
 * a kernel of simd/tokens.ts; sums over rows are carried in double precision, in a scratch tensor.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "./heap.ts";
import { type Multiply, whole } from "./products.ts";
import { simd } from "./simd.ts";

type TokenKernels = Pick<
  Kernels,
  "linear" | "columnSums" | "layerNorm" | "layerNormGradient" | "gelu" | "geluGradient"
>;

/** The kernels of a backend with these matrix products. */
export function heapTokens(multiply: Multiply): TokenKernels {
  return {
    linear(x, weight, bias) {
      const y = emptyTensor([x.shape[0], weight.shape[1]]) as tf.Tensor2D;
      multiply([whole(x), whole(weight)], whole(y), bias ?? false);
      return y;
    },
    columnSums(x) {
      const [rows, channels] = x.shape, sums = emptyTensor([channels]) as tf.Tensor1D;
      const scratch = emptyTensor([3 * channels]);
      simd("columnSums", address(x), rows, channels, address(scratch), address(sums));
      scratch.dispose();
      return sums;
    },
    layerNorm({ x, scale, offset, epsilon }) {
      const [rows, channels] = x.shape, y = emptyTensor(x.shape) as tf.Tensor2D;
      const [mean, inverse] = [emptyTensor([rows]) as tf.Tensor1D, emptyTensor([rows]) as tf.Tensor1D];
      const inputs = [address(x), rows, channels, address(scale), address(offset), epsilon];
      simd("layerNorm", ...inputs, ...[y, mean, inverse].map((tensor) => address(tensor)));
      return { y, mean, inverse };
    },
    layerNormGradient(dy, { x, scale, mean, inverse }) {
      const [rows, channels] = x.shape, dx = emptyTensor(x.shape) as tf.Tensor2D;
      const [dScale, dOffset] = [
        emptyTensor([channels]) as tf.Tensor1D,
        emptyTensor([channels]) as tf.Tensor1D,
      ];
      const scratch = emptyTensor([6 * channels]);
      const others = [scale, mean, inverse, scratch, dx, dScale, dOffset].map((tensor) => address(tensor));
      simd("layerNormGradient", address(dy), address(x), rows, channels, ...others);
      scratch.dispose();
      return { dx, dScale, dOffset };
    },
    gelu(x) {
      const y = emptyTensor(x.shape);
      simd("gelu", address(x), x.size, address(y));
      return y;
    },
    geluGradient(dy, x) {
      const dx = emptyTensor(x.shape);
      simd("geluGradient", address(dy), address(x), x.size, address(dx));
      return dx;
    },
  };
}
