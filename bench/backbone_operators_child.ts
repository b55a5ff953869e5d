/**
 * Operators of a Mix Transformer on a backend; prints, for each work, the fewest milliseconds of the value
 * and of value and gradients.
 *
 *     BACKEND WORKS_AS_JSON
 */
import * as tf from "@tensorflow/tfjs-core";
import { attention } from "../ops/attention.ts";
import { conv2d } from "../ops/conv2d.ts";
import { depthwiseConv2d } from "../ops/depthwise_conv2d.ts";
import { gelu } from "../ops/gelu.ts";
import { gradients } from "../ops/gradients.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear } from "../ops/linear.ts";
import { selectBackend } from "../backends/select.ts";
import type { BackendName } from "../core/plan.ts";
import type { OperatorWork } from "./backbone_works.ts";

/** After a first one; as many as fit into a quarter of a second, but not fewer. */
const REPETITIONS = 7;
const ENOUGH_MS = 250;

/** Inputs, by their shapes, and the operator on them. */
interface Prepared {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: tf.Tensor[]) => tf.Tensor;
}

function prepare({ operator, shape, ...work }: OperatorWork): Prepared {
  const channels = shape.at(-1)!, { outputs = channels, kernel = 1, heads = 1, keys = 1 } = work;
  const window = { stride: work.stride ?? 1, padding: work.padding ?? 0 };
  switch (operator) {
    case "layer_norm":
      return {
        shapes: [shape, [channels], [channels]],
        f: (x, scale, offset) =>
          layerNorm(x!, { scale: scale as tf.Tensor1D, offset: offset as tf.Tensor1D, epsilon: 1e-6 }),
      };
    case "gelu":
      return { shapes: [shape], f: (x) => gelu(x!) };
    case "linear":
      return {
        shapes: [shape, [channels, outputs], [outputs]],
        f: (x, weight, bias) => linear(x!, { weight: weight as tf.Tensor2D, bias: bias as tf.Tensor1D }),
      };
    case "depthwise":
      return {
        shapes: [shape, [kernel, kernel, channels, 1], [channels]],
        f: (x, filter, bias) =>
          depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, { ...window, bias: bias as tf.Tensor1D }),
      };
    case "attention": {
      const other = [shape[0]!, keys, channels];
      return {
        shapes: [shape, other, other],
        f: (query, key, value) =>
          attention({
            query: query as tf.Tensor3D,
            key: key as tf.Tensor3D,
            value: value as tf.Tensor3D,
            heads,
          }),
      };
    }
    case "convolution":
      return {
        shapes: [shape, [kernel, kernel, channels, outputs]],
        f: (x, filter) => conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, window),
      };
  }
}

async function milliseconds(work: () => tf.Tensor[]): Promise<number> {
  const times: number[] = [];
  for (let k = 0, total = 0; k <= REPETITIONS || total < ENOUGH_MS; k++) {
    const started = performance.now();
    const made = tf.tidy(work);
    // Devices work on while nothing is read.
    if (tf.getBackend() === "webgpu") await made.at(-1)!.data();
    const time = performance.now() - started;
    tf.dispose(made);
    if (k > 0) times.push(time);
    total += time;
  }
  return Math.min(...times);
}

const [backend, text] = Deno.args as [BackendName, string];
await selectBackend(backend);
const results: [number, number][] = [];
for (const work of JSON.parse(text) as OperatorWork[]) {
  const { shapes, f } = prepare(work);
  const xs = shapes.map((shape, k) => tf.randomNormal([...shape], 0, 1, "float32", k + 1));
  const y = tf.tidy(() => f(...xs));
  const dy = tf.randomNormal(y.shape, 0, 1, "float32", 9);
  y.dispose();
  const value = await milliseconds(() => [f(...xs)]);
  const both = await milliseconds(() => {
    const { grads } = gradients(() => f(...xs), xs, dy);
    return grads.map((grad) => grad!);
  });
  results.push([value, both]);
  tf.dispose([...xs, dy]);
}
console.log(JSON.stringify(results));
Deno.exit(0);
