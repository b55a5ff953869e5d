/** Files of networks that call tfjs's own operators, one by one, on maps that exist as planes and as rows. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import type { Normalization } from "../../core/plan.ts";
import { comparedOn, fileOf, networkOfFunction } from "./networks.ts";

await selectBackend("native");

/** Bytes become numbers in -0.5..0.5, as {@linkcode comparedOn} gives them where a file takes none. */
const BYTES: Normalization = {
  order: "rgb",
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  deviation: [1, 1, 1],
};

type Run = (x: tf.Tensor4D) => tf.Tensor;

const PER_CHANNEL = [0.5, -0.25, 2];
const positive = (x: tf.Tensor) => tf.add(x, 1.5);
/** Pixels as tokens, [N, H W, C]. */
const tokens = (x: tf.Tensor4D) => tf.reshape(x, [x.shape[0], x.shape[1] * x.shape[2], 3]);
const chosen = (compare: (a: tf.Tensor, b: number) => tf.Tensor): Run => (x) =>
  tf.where(compare(x, 0.1007), x, tf.mul(x, PER_CHANNEL));

/** Each begins with an operator that the network's code calls. */
const CASES: Readonly<Record<string, Run>> = {
  "Relu": (x) => tf.relu(x),
  "Exp": (x) => tf.exp(x),
  "Sqrt": (x) => tf.sqrt(positive(x)),
  "Rsqrt": (x) => tf.rsqrt(positive(x)),
  "Square": (x) => tf.square(x),
  "Abs": (x) => tf.abs(x),
  "Neg": (x) => tf.neg(x),
  "Log": (x) => tf.log(positive(x)),
  "Sigmoid": (x) => tf.sigmoid(x),
  "Tanh": (x) => tf.tanh(x),
  "Reciprocal": (x) => tf.reciprocal(positive(x)),
  "Erf": (x) => tf.erf(x),
  "Softplus": (x) => tf.softplus(x),
  "Softmax": (x) => tf.softmax(x),
  "LogSoftmax": (x) => tf.logSoftmax(x),
  "Add, of one number and of one for each channel": (x) => tf.add(tf.add(x, 3), PER_CHANNEL),
  "Add, of a number that stands first": (x) => tf.add(2, tf.add(PER_CHANNEL, x)),
  "Sub, in both orders": (x) => tf.sub(tf.sub(1, x), PER_CHANNEL),
  "Multiply, of two maps": (x) => tf.mul(x, tf.relu(x)),
  "Multiply, by a constant with all four sides": (x) => tf.mul(x, tf.tensor(PER_CHANNEL, [1, 1, 1, 3])),
  "Multiply, by a constant with three sides": (x) => tf.mul(x, tf.tensor(PER_CHANNEL, [1, 1, 3])),
  "RealDiv, in both orders": (x) => tf.div(tf.div(x, PER_CHANNEL), positive(x)),
  "Maximum": (x) => tf.maximum(x, tf.tensor1d([0.1, -0.1, 0])),
  "Minimum": (x) => tf.minimum(tf.tensor1d([0.1, -0.1, 0]), x),
  "Pow": (x) => tf.pow(positive(x), PER_CHANNEL),
  "Greater": chosen(tf.greater),
  "GreaterEqual": chosen(tf.greaterEqual),
  "Less": chosen(tf.less),
  "LessEqual": chosen(tf.lessEqual),
  "Equal": (x) => tf.where(tf.equal(tf.relu(x), 0), tf.neg(x), x),
  "Select, between a map and a number": (x) => tf.where(tf.greater(x, 0), x, 2),
  "Sum, over the channels, kept": (x) => tf.sub(x, tf.sum(x, 3, true)),
  "Sum, over the channels, left out": (x) => tf.expandDims(tf.sum(x, -1), 3),
  "Mean, over height and width": (x) => tf.sub(x, tf.mean(x, [1, 2], true)),
  "Mean, over everything": (x) => tf.sub(x, tf.mean(x)),
  "Max, over the width": (x) => tf.sub(x, tf.max(x, 2, true)),
  "Min, over rows and channels": (x) => tf.sub(x, tf.min(tf.abs(x), [2, 3], true)),
  "ArgMax, over the channels": (x) => tf.expandDims(tf.cast(tf.argMax(x, 3), "float32"), 3),
  "ArgMax, over the rows": (x) => tf.add(x, tf.expandDims(tf.cast(tf.argMax(x, 1), "float32"), 1)),
  "Reshape, to tokens and back": (x) => tf.reshape(tf.softmax(tokens(x), 2), x.shape),
  "Reshape, channels into the width": (x) =>
    tf.reshape(tf.reshape(x, [x.shape[0], x.shape[1], x.shape[2] * 3]), x.shape),
  "ExpandDims, and left out again": (x) => tf.squeeze(tf.relu(tf.expandDims(x, 1)), [1]),
  "Transpose, of height and width": (x) => tf.transpose(x, [0, 2, 1, 3]),
  "Transpose, to planes": (x) => tf.transpose(tf.relu(tf.transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1]),
  "Concat, along the channels": (x) => tf.concat([x, tf.exp(x), tf.neg(x)], 3),
  "Concat, along the height": (x) => tf.concat([x, tf.exp(x)], 1),
  "SplitV, into equal parts": (x) => {
    const [a, b, c] = tf.split(x, 3, 3);
    return tf.concat([tf.sub(b!, a!), c!], 3);
  },
  "SplitV, into unequal parts": (x) => {
    const [a, b] = tf.split(x, [1, 2], 3);
    return tf.mul(a!, b!);
  },
  "Slice, of channels": (x) => tf.slice(x, [0, 0, 0, 1], [-1, -1, -1, 2]),
  "Slice, without the first rows": (x) => tf.slice(x, [0, 2, 3, 0], [-1, -1, -1, -1]),
  "Slice, of so many rows": (x) => tf.slice(x, [0, 1, 2, 0], [-1, 9, 8, 2]),
  "Reverse, of the channels": (x) => tf.reverse(x, 3),
  "Reverse, of height and width": (x) => tf.reverse(x, [1, 2]),
  "BatchMatMul": (x) => {
    const all = tokens(x), mixed = tf.matMul(all, all, true, false);
    return tf.reshape(tf.mul(tf.matMul(all, mixed), 1e-3), x.shape);
  },
  "BatchMatMul, with the second turned": (x) => {
    const weights = tf.tensor3d([0.5, 1, -1, 2, 0, 0.25], [1, 2, 3]);
    const [n, height, width] = x.shape;
    return tf.reshape(tf.matMul(tokens(x), weights, false, true), [n, height, width, 2]);
  },
  "Cast, to whole numbers and back": (x) => tf.cast(tf.cast(tf.mul(x, 7), "int32"), "float32"),
  "Cast, of true and false": (x) => tf.add(tf.cast(tf.greater(x, 0.1007), "float32"), x),
};

for (const [name, run] of Object.entries(CASES)) {
  Deno.test({
    name: `lower: a file of ${name} says what the network says, from planes and from rows`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn() {
      for (const bytes of [undefined, BYTES]) {
        const found = comparedOn([23, 18], networkOfFunction(run as (x: tf.Tensor4D) => tf.Tensor4D), {
          bytes,
        });
        assert.ok(found.difference < 2e-5, `difference ${found.difference} of ${found.largest}`);
        assert.ok(found.largest > 0 && found.pixels >= 20, JSON.stringify(found));
      }
    },
  });
}

const REFUSED: Readonly<Record<string, readonly [Run, string]>> = {
  "a filter that follows from the images": [
    (x) => tf.conv2d(x, tf.reshape(tf.mean(x, [0, 1, 2]), [1, 1, 3, 1]) as tf.Tensor4D, 1, "same"),
    "the operator Conv2D cannot be exported: its filter depends on the network's input",
  ],
  "parts of a side that changes": [
    (x) => tf.split(x, [1, x.shape[1] - 1], 1)[1]!,
    "the network cannot be exported for every size: it splits a side that changes; give one size with --size HEIGHTxWIDTH",
  ],
  "a cut at a place that changes": [
    (x) => tf.slice(x, [0, x.shape[1] - 3, 0, 0], [-1, 3, -1, -1]),
    "the network cannot be exported for every size: it cuts at a place that changes; give one size with --size HEIGHTxWIDTH",
  ],
  "a part whose size changes": [
    (x) => tf.slice(x, [0, 0, 0, 0], [-1, x.shape[1] - 3, -1, -1]),
    "the network cannot be exported for every size: it cuts out a part whose size changes; " +
    "give one size with --size HEIGHTxWIDTH",
  ],
  "a padding that changes": [
    (x) => tf.maxPool(x, 3, 2, x.shape[1] % 2),
    "the operator MaxPool cannot be exported: its pad is undefined, expected same, valid or numbers",
  ],
  "strides that change": [
    (x) => tf.avgPool(x, 3, 1 + x.shape[1] % 2, "same"),
    "the operator AvgPool cannot be exported: its strides is undefined, expected a number or two",
  ],
  "an axis that changes": [
    (x) => tf.concat([x, x], 1 + x.shape[1] % 2),
    "the operator Concat cannot be exported: its axis is undefined, expected a number",
  ],
};

for (const [name, [run, message]] of Object.entries(REFUSED)) {
  Deno.test({
    name: `lower: ${name} is refused in words`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn() {
      const network = networkOfFunction(run as (x: tf.Tensor4D) => tf.Tensor4D);
      assert.throws(() => fileOf(network), { name: "UserError", message });
    },
  });
}
