/** What the operators of transformers promise beside their recorded values. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { heapMemory } from "../../backends/wasm/heap.ts";
import { UserError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { attention } from "../../ops/attention.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { depthwiseConv2d } from "../../ops/depthwise_conv2d.ts";
import { gelu } from "../../ops/gelu.ts";
import { gradients } from "../../ops/gradients.ts";
import { layerNorm } from "../../ops/layer_norm.ts";
import { dropChannels } from "../../ops/layers/dropout.ts";
import { linear } from "../../ops/linear.ts";
import { resizePositions } from "../../ops/resize_positions.ts";
import { checkGradient, normals } from "../contracts/differences.ts";
import { backendTest, withGradients } from "../goldens.ts";
import { dropPath, maskStream } from "../backbones.ts";

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

type Operator = (...xs: tf.Tensor[]) => tf.Tensor;

const vector = (x: tf.Tensor | undefined) => x as tf.Tensor1D;
const tokensOf = (x: tf.Tensor | undefined) => x as tf.Tensor3D;
const map = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

const norm: Operator = (x, scale, offset) =>
  layerNorm(x!, { scale: vector(scale), offset: vector(offset), epsilon: 1e-6 });
const attend = (heads: number): Operator => (q, k, v) =>
  attention({ query: tokensOf(q), key: tokensOf(k), value: tokensOf(v), heads });

/** Operators on inputs of these shapes, odd ones among them. */
const OPERATORS: readonly { name: string; shapes: readonly (readonly number[])[]; f: Operator }[] = [
  { name: "layer norm of tokens", shapes: [[2, 5, 7], [7], [7]], f: norm },
  { name: "layer norm of maps", shapes: [[1, 3, 2, 12], [12], [12]], f: norm },
  { name: "GELU", shapes: [[3, 1, 7]], f: (x) => gelu(x!) },
  {
    name: "linear",
    shapes: [[2, 3, 5], [5, 7], [7]],
    f: (x, weight, bias) => linear(x!, { weight: weight as tf.Tensor2D, bias: vector(bias) }),
  },
  {
    name: "depthwise convolution",
    shapes: [[2, 5, 6, 3], [3, 3, 3, 1], [3]],
    f: (x, w, bias) => depthwiseConv2d(map(x), map(w), { padding: 1, bias: vector(bias) }),
  },
  {
    name: "depthwise convolution, stride 2, dilation 2",
    shapes: [[1, 7, 6, 5], [3, 3, 5, 1]],
    f: (x, w) => depthwiseConv2d(map(x), map(w), { stride: 2, padding: 2, dilation: 2 }),
  },
  {
    name: "convolution with stride = kernel",
    shapes: [[1, 7, 9, 2], [3, 3, 2, 4]],
    f: (x, w) => conv2d(map(x), map(w), { stride: 3 }),
  },
  { name: "attention", shapes: [[2, 5, 6], [2, 3, 6], [2, 3, 6]], f: attend(2) },
  { name: "attention to one token", shapes: [[1, 4, 3], [1, 1, 3], [1, 1, 3]], f: attend(3) },
  {
    name: "position table",
    shapes: [[1, 17, 3]],
    f: (x) => resizePositions(tokensOf(x), [3, 7], { offset: 0.1, antialias: false }),
  },
  {
    name: "position table, averaged",
    shapes: [[1, 17, 3]],
    f: (x) => resizePositions(tokensOf(x), [3, 7], { offset: 0, antialias: true }),
  },
];

for (const backend of ["cpu", "native", "wasm"] as const) {
  for (const { name, shapes, f } of OPERATORS) {
    backendTest(backend, `${name}: gradients are the slopes of the value`, () => {
      tf.tidy(() => {
        const points = shapes.map((shape, k) => normals(tf.util.sizeFromShape([...shape]), k, name));
        const tensors = () => points.map((point, k) => tf.tensor(point, [...shapes[k]!]));
        const by = tf.randomNormal(f(...tensors()).shape, 0, 1, "float32", 3);
        const { grads } = withGradients(f, tensors(), by);
        points.forEach((at, k) =>
          checkGradient(`${name}, input ${k}`, {
            at,
            gradient: grads[k]!.dataSync(),
            f: (x) =>
              tf.tidy(() => {
                const xs = tensors();
                xs[k] = tf.tensor(x, [...shapes[k]!]);
                // Summed in double precision.
                const products = tf.mul(f(...xs), by).dataSync();
                return mean(products) * products.length;
              }),
          })
        );
      });
      return Promise.resolve();
    });
  }

  backendTest(backend, "a NaN is not lost in an operator of transformers, nor in its gradient", () => {
    for (const { name, shapes, f } of OPERATORS) {
      tf.tidy(() => {
        const xs = shapes.map((shape, k) => k === 0 ? tf.fill([...shape], NaN) : tf.ones([...shape]));
        const { value, grads } = withGradients(f, xs);
        assert.ok(value.dataSync().every(Number.isNaN), `${name}: ${value.dataSync()}`);
        if (!/linear|convolution|position|token$/.test(name)) {
          assert.ok(grads[0]!.dataSync().every(Number.isNaN), `the gradient of ${name}`);
        }
      });
    }
    return Promise.resolve();
  });

  backendTest(backend, "operators of nothing give nothing, and their gradients are zero or empty", () => {
    tf.tidy(() => {
      const shapesOf = (f: Operator, shapes: number[][]) => {
        const { value, grads } = withGradients(f, shapes.map((shape) => tf.zeros(shape)));
        return [value, ...grads].map(({ shape }) => shape);
      };
      assert.deepEqual(shapesOf(norm, [[0, 3, 4], [4], [4]]), [[0, 3, 4], [0, 3, 4], [4], [4]]);
      assert.deepEqual(shapesOf((x) => gelu(x!), [[2, 0]]), [[2, 0], [2, 0]]);
      assert.deepEqual(shapesOf(attend(2), [[1, 0, 4], [1, 3, 4], [1, 3, 4]]), [
        [1, 0, 4],
        [1, 0, 4],
        [1, 3, 4],
        [1, 3, 4],
      ]);
      assert.deepEqual(
        shapesOf((x, w) => linear(x!, { weight: w as tf.Tensor2D }), [[0, 2], [2, 5]]),
        [[0, 5], [0, 2], [2, 5]],
      );
      assert.deepEqual(
        shapesOf((x, w) => depthwiseConv2d(map(x), map(w), { padding: 1 }), [[0, 4, 5, 2], [3, 3, 2, 1]]),
        [[0, 4, 5, 2], [0, 4, 5, 2], [3, 3, 2, 1]],
      );
    });
    return Promise.resolve();
  });
}

backendTest("cpu", "shapes that do not fit are errors that name them", () => {
  tf.tidy(() => {
    const x = tf.zeros([1, 6, 4]) as tf.Tensor3D, other = tf.zeros([1, 3, 4]) as tf.Tensor3D;
    assert.throws(() => norm(x, tf.zeros([3]), tf.zeros([4])), {
      message: "a layer norm of [1,6,4] has scale [3] and offset [4], expected [4]",
    });
    assert.throws(() => linear(x, { weight: tf.zeros([3, 5]), bias: tf.zeros([5]) }), {
      message: "[1,6,4] times [3,5] plus [5]: the channels do not fit",
    });
    assert.throws(() => attention({ query: x, key: other, value: other, heads: 3 }), {
      message: "attention of 3 heads has queries [1,6,4], keys [1,3,4] and values [1,3,4]: " +
        "expected [N, T, C] and twice [N, S, C], S at least 1, C a multiple of the heads",
    });
    const nobody = tf.zeros([1, 0, 4]) as tf.Tensor3D;
    assert.throws(() => attention({ query: x, key: nobody, value: nobody, heads: 2 }), /S at least 1/);
    const image = tf.zeros([1, 2, 9, 4]) as tf.Tensor4D;
    assert.throws(() => depthwiseConv2d(image, tf.zeros([3, 3, 4, 2])), {
      message: "a depthwise convolution of [1,2,9,4] has the filter [3,3,4,2], expected 4 channels",
    });
    assert.throws(() => depthwiseConv2d(image, tf.zeros([3, 3, 4, 1])), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(
        error.message,
        "a depthwise convolution's window does not fit into 2x9 pixels: expected larger maps",
      );
      return true;
    });
    assert.throws(() => resizePositions(x, [2, 2], { offset: 0, antialias: false }), {
      message: "a table of positions is [1,6,4], expected one token and a square grid",
    });
  });
  return Promise.resolve();
});

backendTest("native", "attention of 9,216 tokens to each other takes a small part of its scores", () => {
  const count = 96 * 96, scores = 4 * count ** 2;
  const before = heapMemory().buffer.byteLength;
  tf.tidy(() => {
    const xs = [1, 2, 3].map((seed) => tf.randomNormal([1, count, 16], 0, 1, "float32", seed));
    gradients(() => tf.sum(attend(1)(...xs)), xs);
  });
  const taken = heapMemory().buffer.byteLength - before;
  assert.ok(taken < scores / 10, `${(taken / 1e6).toFixed(0)} MB of ${(scores / 1e6).toFixed(0)} MB`);
  return Promise.resolve();
});

backendTest(
  "cpu",
  "twice the tokens need twice the memory where attention is composed, not four times",
  async () => {
    const peak = async (count: number) => {
      const { peakBytes } = await tf.profile(() => {
        tf.tidy(() => {
          const xs = [1, 2, 3].map((seed) => tf.randomNormal([1, count, 2], 0, 1, "float32", seed));
          gradients(() => tf.sum(attend(1)(...xs)), xs);
        });
        return tf.scalar(0);
      });
      return peakBytes;
    };
    const small = await peak(1600), large = await peak(3200);
    assert.ok(large < 2.2 * small, `${large / small} times`);
  },
);

backendTest("cpu", "drop path leaves out whole images, by the stream of their part of the batch", () => {
  tf.tidy(() => {
    const x = tf.ones([3, 2, 4]);
    const random = { images: [1, 2], streams: [maskStream([1]), maskStream([0, 1])] };
    const y = dropPath(x, 0.2, { random });
    const stays = Math.fround(1 / 0.8);
    assert.deepEqual([...y.dataSync()], [stays, 0, stays].flatMap((value) => Array(8).fill(value)));
    assert.equal(dropPath(x, 0.2, {}), x);
    assert.equal(dropPath(x, 0, { random }), x, "a probability of zero draws nothing");
    // What one part draws does not depend on the other's.
    const drawn = (images: number[]) => {
      const streams = images.map((_, k) => Random.stream(7, `part ${k}`));
      return [
        ...dropPath(tf.ones([images.reduce((a, b) => a + b), 1]), 0.5, { random: { images, streams } })
          .dataSync(),
      ];
    };
    assert.deepEqual(drawn([8, 3]).slice(0, 8), drawn([8, 5]).slice(0, 8));
    const channels = dropChannels(tf.ones([1, 1, 1, 3]), 0.5, {
      random: { images: [1], streams: [maskStream([1, 0, 1])] },
    });
    assert.deepEqual([...channels.dataSync()], [2, 0, 2]);
  });
  return Promise.resolve();
});

backendTest(
  "cpu",
  "the share of images that drop path leaves out is its probability, and the mean stays",
  () => {
    tf.tidy(() => {
      const random = { images: [20000], streams: [Random.stream(1, "drop path")] };
      const y = dropPath(tf.ones([20000, 1]), 0.1, { random }).dataSync();
      const left = y.filter((value) => value === 0).length / y.length;
      assert.ok(Math.abs(left - 0.1) < 0.01, `${left}`);
      assert.ok(Math.abs(mean(y) - 1) < 0.01);
    });
    return Promise.resolve();
  },
);

backendTest("cpu", "a table of positions of the same size stays as it is without an offset", () => {
  tf.tidy(() => {
    const x = tf.randomNormal([1, 26, 3], 0, 1, "float32", 1) as tf.Tensor3D;
    for (const antialias of [false, true]) {
      const y = resizePositions(x, [5, 5], { offset: 0, antialias });
      assert.ok(tf.max(tf.abs(tf.sub(x, y))).dataSync()[0]! < 1e-6);
    }
  });
  return Promise.resolve();
});
