/** The recorded operators of current backbones, run on whichever backend a test file selects. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { BackendName } from "../../core/plan.ts";
import { attention } from "../../ops/attention.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { conv2dTranspose } from "../../ops/conv2d_transpose.ts";
import { depthwiseConv2d } from "../../ops/depthwise_conv2d.ts";
import { gelu } from "../../ops/gelu.ts";
import { layerNorm } from "../../ops/layer_norm.ts";
import { dropChannels } from "../../ops/layers/dropout.ts";
import { linear } from "../../ops/linear.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { resizePositions } from "../../ops/resize_positions.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import {
  type BackboneCase,
  backboneCases,
  dropPath,
  equalsBackbone,
  inputOf,
  maskStream,
  readInput,
} from "../backbones.ts";
import { backendTest, withGradients } from "../goldens.ts";

interface OperatorCase extends BackboneCase {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly eps: number;
  readonly heads: number;
  readonly scale: number;
  readonly probability: number;
  readonly size: [number, number];
  readonly align_corners: boolean;
  readonly offset: number;
  readonly antialias: boolean;
}

type Operator = (one: OperatorCase, inputs: readonly tf.Tensor[]) => tf.Tensor;

/** [N, heads, T, d] to [N, T, heads d] */
function tokens(x: tf.Tensor): tf.Tensor3D {
  const [n, heads, count, d] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [n, count, heads * d]);
}

/** And back. */
function byHead(x: tf.Tensor3D, heads: number): tf.Tensor {
  const [n, count, channels] = x.shape;
  return tf.transpose(tf.reshape(x, [n, count, heads, channels / heads]), [0, 2, 1, 3]);
}

/** [O, I, h, w] as [h, w, I, O], and [C, 1, h, w] as [h, w, C, 1]. */
const hwio = (filter: tf.Tensor) => tf.transpose(filter, [2, 3, 1, 0]) as tf.Tensor4D;
const hwc1 = (filter: tf.Tensor) => tf.transpose(filter, [2, 3, 0, 1]) as tf.Tensor4D;

function drawing(one: OperatorCase) {
  const images = one.inputs["x"]!.shape[0]!;
  return { random: { images: [images], streams: [maskStream(toFloat32(inputOf(one, "mask")))] } };
}

/** By method, on the inputs of `wrt` in their order. */
const OPERATORS: Readonly<Record<string, Operator>> = {
  "layer norm": ({ eps }, [x, w, b]) =>
    layerNorm(x!, { scale: w as tf.Tensor1D, offset: b as tf.Tensor1D, epsilon: eps }),
  gelu: (_, [x]) => gelu(x!),
  linear: (_, [x, w, b]) =>
    linear(x!, { weight: tf.transpose(w!) as tf.Tensor2D, ...b ? { bias: b as tf.Tensor1D } : {} }),
  "depthwise convolution": (one, [x, w, b]) =>
    depthwiseConv2d(x as tf.Tensor4D, hwc1(w!), { ...window(one), ...b ? { bias: b as tf.Tensor1D } : {} }),
  convolution: (one, [x, w, b]) => {
    const y = conv2d(x as tf.Tensor4D, hwio(w!), window(one));
    return b ? tf.add(y, b) : y;
  },
  "transposed convolution": (one, [x, w]) => conv2dTranspose(x as tf.Tensor4D, hwio(w!), window(one)),
  "batched matmul": (_, [a, c]) => tf.matMul(a!, c!),
  softmax: (_, [x]) => tf.softmax(x!),
  attention: ({ heads }, [q, k, v]) =>
    byHead(attention({ query: tokens(q!), key: tokens(k!), value: tokens(v!), heads }), heads),
  "drop path": (one, [x]) => dropPath(x!, one.probability, drawing(one)),
  "dropout of channels": (one, [x]) => dropChannels(x as tf.Tensor4D, one.probability, drawing(one)),
  "bilinear resize": ({ size, align_corners }, [x]) =>
    resizeBilinear(x as tf.Tensor4D, size, { alignCorners: align_corners }),
  "position table": ({ size, offset, antialias }, [x]) =>
    resizePositions(x as tf.Tensor3D, size, { offset, antialias }),
};

function window({ stride, padding, dilation = 1 }: OperatorCase) {
  return { stride, padding, dilation };
}

/** Images and maps are read as NHWC; filters, and what has heads, stay in PyTorch's order. */
function isMap({ method }: OperatorCase, key: string): boolean {
  return key !== "w" && !["attention", "batched matmul", "softmax"].includes(method);
}

function asStored(one: OperatorCase, key: string, x: tf.Tensor): tf.Tensor {
  return x.rank !== 4 || isMap(one, key) ? x : tf.transpose(x, [0, 3, 1, 2]);
}

/** What is compared, NHWC whatever it means. */
function asRead(one: OperatorCase, key: string, x: tf.Tensor): tf.Tensor {
  return x.rank !== 4 || isMap(one, key) ? tf.clone(x) : tf.transpose(x, [0, 2, 3, 1]);
}

/** Registers one test per recorded operator on `backend`. */
export function testBackboneOperators(backend: BackendName): void {
  for (const one of backboneCases<OperatorCase>("op/")) {
    backendTest(
      backend,
      `${one.name} of backbones equals the recorded values, with its gradients`,
      async () => {
        const operator = OPERATORS[one.method];
        assert.ok(operator, `no operator for ${one.method}`);
        const before = tf.memory().numTensors, wrt = one.wrt ?? [];
        const results = tf.tidy(() => {
          const inputs = wrt.map((key) => asStored(one, key, readInput(one, key)));
          const dy = asStored(one, "y", readInput(one, "gy"));
          const { value, grads } = withGradients((...xs) => operator(one, xs), inputs, dy);
          return [asRead(one, "y", value), ...grads.map((grad, k) => asRead(one, wrt[k]!, grad))];
        });
        for (const [k, key] of ["y", ...wrt.map((name) => `g${name}`)].entries()) {
          await equalsBackbone(one, key, results[k]!);
        }
        tf.dispose(results);
        assert.equal(tf.memory().numTensors, before, "tensors leaked");
      },
    );
  }
}
