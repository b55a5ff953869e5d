/** The recorded operator cases, run on whichever backend a test file selects. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { batchNormTrain } from "../../backends/ops/batch_norm.ts";
import { conv2d } from "../../backends/ops/conv2d.ts";
import { maxPool } from "../../backends/ops/max_pool.ts";
import { resizeBilinear } from "../../backends/ops/resize_bilinear.ts";
import type { BackendName } from "../../core/plan.ts";
import { decodeSafetensors, type StoredTensor } from "../../core/safetensors.ts";

const folder = new URL("../goldens/", import.meta.url);

interface Case {
  readonly name: string;
  readonly op: string;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly eps: number;
  readonly size: [number, number];
}

type Read = (key: string) => tf.Tensor;

/** Relative agreement in the norm, the goldens' README. */
const TOLERANCE = 1e-4;

/** Registers one test per recorded operator on `backend`. */
export function testOperators(backend: BackendName): void {
  const cases: Case[] = JSON.parse(Deno.readTextFileSync(new URL("plca_ops_and_losses.json", folder)));
  const bytes = Deno.readFileSync(new URL("plca_ops_and_losses.safetensors", folder));
  const { tensors } = decodeSafetensors(bytes, "plca_ops_and_losses.safetensors");
  for (const one of cases) {
    const run = OPERATORS[one.op];
    if (run === undefined) continue;
    Deno.test({
      name: `${backend}: ${one.name} equals the recorded values`,
      sanitizeOps: false,
      sanitizeResources: false,
    }, async () => {
      await selectBackend(backend);
      const read: Read = (key) => nhwc(tensors.get(`${one.name}/${key}`)!);
      const before = tf.memory().numTensors;
      const results = tf.tidy(() => run(one, read));
      for (const [key, value] of Object.entries(results)) {
        const expected = nhwc(tensors.get(`${one.name}/${key}`)!);
        assert.deepEqual(value.shape, expected.shape, key);
        const error = relative(await value.data() as Float32Array, await expected.data() as Float32Array);
        assert.ok(error <= TOLERANCE, `${key}: off by ${error}`);
        tf.dispose([value, expected]);
      }
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
    });
  }
}

const OPERATORS: Record<string, (one: Case, read: Read) => Record<string, tf.Tensor>> = {
  conv2d(one, read) {
    const filter = tf.transpose(read("w"), [1, 2, 3, 0]); // read() made [O, h, w, I] of OIHW
    const { value, grads } = withGradients(
      (x, w) => conv2d(x as tf.Tensor4D, w as tf.Tensor4D, one),
      [read("x"), filter],
      read("gy"),
    );
    return { y: value, gx: grads[0]!, gw: tf.transpose(grads[1]!, [3, 0, 1, 2]) };
  },
  batchNorm(one, read) {
    const { value, grads } = withGradients(
      (x, gamma, beta) =>
        batchNormTrain(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }, {
          epsilon: one.eps,
        }),
      [read("x"), read("weight"), read("bias")],
      read("gy"),
    );
    return { y: value, gx: grads[0]!, gweight: grads[1]!, gbias: grads[2]! };
  },
  maxPool(_, read) {
    const pool = (x: tf.Tensor) => maxPool(x as tf.Tensor4D, { size: 3, stride: 2, padding: 1 });
    const { value, grads } = withGradients(pool, [read("x")], read("gy"));
    return { y: value, gx: grads[0]! };
  },
  resizeBilinear(one, read) {
    const { value, grads } = withGradients(
      (x) => resizeBilinear(x as tf.Tensor4D, one.size),
      [read("x")],
      read("gy"),
    );
    return { y: value, gx: grads[0]! };
  },
};

function withGradients(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor) {
  return { value: f(...xs), grads: tf.grads(f)(xs, dy) };
}

/** A recorded array as a tensor, NCHW as NHWC. */
export function nhwc({ data, shape, dtype }: StoredTensor): tf.Tensor {
  return tf.tidy(() => {
    const stored = tf.tensor(data, [...shape], dtype === "F32" ? "float32" : "int32");
    return shape.length === 4 ? tf.transpose(stored, [0, 2, 3, 1]) : stored;
  });
}

/** The norm of the difference over the norm. */
export function relative(actual: Float32Array, expected: Float32Array): number {
  let difference = 0, norm = 0;
  expected.forEach((value, k) => {
    difference += (actual[k]! - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}
