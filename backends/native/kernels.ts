/** The convolutions of `native`: pointwise ones as matrix products, the others as small ONNX graphs. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../ops/kernels.ts";
import {
  fewOutputsConv2d,
  fewOutputsFilterGradient,
  fewOutputsInputGradient,
  hasFewOutputs,
} from "./few_outputs.ts";
import { replaceMatMul } from "./mat_mul.ts";
import type { Node } from "./onnx.ts";
import { everyNth, spreadTo } from "./pixels.ts";
import { heapRows } from "../wasm/rows.ts";
import { nativeMultiply } from "./products.ts";
import { loadRuntime, runToTensor } from "./runtime.ts";

/** Loads ONNX Runtime, checks a known product, and returns the kernels. @throws Error when something is missing */
export function nativeKernels(): Partial<Kernels> {
  loadRuntime();
  replaceMatMul();
  const product = tf.tidy(() =>
    tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync()
  );
  if (product.join() !== "19,22,43,50") throw new Error(`a 2x2 product came out as ${product.join()}`);
  return { conv2d, conv2dInputGradient, conv2dFilterGradient, rows: heapRows(nativeMultiply) };
}

function outputSide(side: number, kernel: number, { stride, padding, dilation }: Window): number {
  return Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

function isPointwise(filterShape: readonly number[], { padding }: Window): boolean {
  return filterShape[0] === 1 && filterShape[1] === 1 && padding === 0;
}

/** The pixels a pointwise convolution reads, as rows. */
function pixelRows(x: tf.Tensor4D, out: readonly [number, number], stride: number): tf.Tensor2D {
  const seen = stride === 1 ? x : everyNth(x, out, stride);
  return tf.reshape(seen, [seen.size / seen.shape[3], seen.shape[3]]);
}

function conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, window: Window): tf.Tensor4D {
  const [n, h, w] = x.shape;
  const [kh, kw, input, output] = filter.shape;
  const out = [outputSide(h, kh, window), outputSide(w, kw, window)] as const;
  const shape: Shape4D = [n, out[0], out[1], output];
  if (isPointwise(filter.shape, window)) {
    return tf.tidy(() => {
      const weights = tf.reshape(filter, [input, output]) as tf.Tensor2D;
      return tf.reshape(tf.matMul(pixelRows(x, out, window.stride), weights), shape) as tf.Tensor4D;
    });
  }
  if (hasFewOutputs(filter.shape, window)) return fewOutputsConv2d(x, filter, window, shape);
  return runToTensor({
    key: `conv ${kh} ${kw} ${windowKey(window)}`,
    graph: () => ({
      inputs: ["x0", "x1"],
      outputs: ["y0"],
      nodes: [
        transpose("x0", "x", [0, 3, 1, 2]),
        transpose("x1", "w", [3, 2, 0, 1]),
        { type: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: windowAttributes(window) },
        transpose("y", "y0", [0, 2, 3, 1]),
      ],
    }),
    inputs: [{ tensor: x }, { tensor: filter }],
    outputs: [{ shape }],
  }) as tf.Tensor4D;
}

function conv2dInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  xShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  const [n, h, w] = xShape;
  const [kh, kw, input, output] = filter.shape;
  if (isPointwise(filter.shape, window)) {
    return tf.tidy(() => {
      const weights = tf.reshape(filter, [input, output]) as tf.Tensor2D;
      const flat = tf.reshape(dy, [dy.size / output, output]) as tf.Tensor2D;
      const dense = tf.reshape(tf.matMul(flat, weights, false, true), [n, dy.shape[1], dy.shape[2], input]);
      return window.stride === 1
        ? dense as tf.Tensor4D
        : spreadTo(dense as tf.Tensor4D, [n, h, w, input], window.stride);
    });
  }
  if (hasFewOutputs(filter.shape, window)) return fewOutputsInputGradient(dy, filter, xShape, window);
  const lack = [
    h - outputOfTransposed(dy.shape[1], kh, window),
    w - outputOfTransposed(dy.shape[2], kw, window),
  ];
  return runToTensor({
    key: `conv input gradient ${kh} ${kw} ${lack} ${windowKey(window)}`,
    graph: () => ({
      inputs: ["x0", "x1"],
      outputs: ["y0"],
      nodes: [
        transpose("x0", "dy", [0, 3, 1, 2]),
        transpose("x1", "w", [3, 2, 0, 1]),
        {
          type: "ConvTranspose",
          inputs: ["dy", "w"],
          outputs: ["dx"],
          attributes: { ...windowAttributes(window), output_padding: lack },
        },
        transpose("dx", "y0", [0, 2, 3, 1]),
      ],
    }),
    inputs: [{ tensor: dy }, { tensor: filter }],
    outputs: [{ shape: xShape }],
  }) as tf.Tensor4D;
}

function outputOfTransposed(side: number, kernel: number, { stride, padding, dilation }: Window): number {
  return (side - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1;
}

/** Few input channels: gather all taps beside each other and multiply once (im2col). */
const IM2COL_CHANNELS = 16;

function conv2dFilterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filterShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  const [kh, kw, input, output] = filterShape;
  const [n, h, w] = dy.shape;
  const { stride, padding: p, dilation } = window;
  if (isPointwise(filterShape, window)) {
    return tf.tidy(() => {
      const flat = tf.reshape(dy, [dy.size / output, output]) as tf.Tensor2D;
      return tf.reshape(
        tf.matMul(pixelRows(x, [h, w], stride), flat, true, false),
        filterShape,
      ) as tf.Tensor4D;
    });
  }
  if (hasFewOutputs(filterShape, window)) return fewOutputsFilterGradient(dy, x, filterShape, window);
  const pixels = n * h * w;
  const gathered = input <= IM2COL_CHANNELS;
  return runToTensor({
    key: `conv filter gradient ${x.shape} ${filterShape} ${windowKey(window)}`,
    graph: () => {
      const nodes: Node[] = [{ type: "Pad", inputs: ["x0", "pads"], outputs: ["padded"] }];
      const constants: Record<string, number[]> = {
        pads: [0, p, p, 0, 0, p, p, 0],
        axes: [1, 2],
        steps: [stride, stride],
        rows: [pixels, gathered ? kh * kw * input : input],
      };
      const taps: string[] = [];
      for (let k = 0; k < kh * kw; k++) {
        const row = Math.floor(k / kw) * dilation, column = (k % kw) * dilation;
        constants[`from${k}`] = [row, column];
        constants[`to${k}`] = [row + (h - 1) * stride + 1, column + (w - 1) * stride + 1];
        nodes.push({
          type: "Slice",
          inputs: ["padded", `from${k}`, `to${k}`, "axes", "steps"],
          outputs: [`tap${k}`],
        });
        taps.push(`tap${k}`);
      }
      const gemm = (from: string, to: string): Node => ({
        type: "Gemm",
        inputs: [from, "x1"],
        outputs: [to],
        attributes: { transA: 1 },
      });
      if (gathered) {
        nodes.push({ type: "Concat", inputs: taps, outputs: ["columns"], attributes: { axis: 3 } });
        nodes.push({ type: "Reshape", inputs: ["columns", "rows"], outputs: ["matrix"] });
        nodes.push(gemm("matrix", "y0"));
      } else {
        taps.forEach((tap, k) => {
          nodes.push({ type: "Reshape", inputs: [tap, "rows"], outputs: [`rows${k}`] });
          nodes.push(gemm(`rows${k}`, `product${k}`));
        });
        const products = taps.map((_, k) => `product${k}`);
        nodes.push({ type: "Concat", inputs: products, outputs: ["y0"], attributes: { axis: 0 } });
      }
      return { inputs: ["x0", "x1"], outputs: ["y0"], nodes, constants };
    },
    inputs: [{ tensor: x }, { tensor: dy, dims: [pixels, output] }],
    outputs: [{ shape: filterShape, dims: [kh * kw * input, output] }],
  }) as tf.Tensor4D;
}

function windowKey({ stride, padding, dilation }: Window): string {
  return `${stride} ${padding} ${dilation}`;
}

function windowAttributes({ stride, padding: p, dilation }: Window) {
  return { strides: [stride, stride], pads: [p, p, p, p], dilations: [dilation, dilation] };
}

function transpose(from: string, to: string, perm: readonly number[]): Node {
  return { type: "Transpose", inputs: [from], outputs: [to], attributes: { perm } };
}
