/** The recorded operator cases, run on whichever backend a test file selects. */
import * as tf from "@tensorflow/tfjs-core";
import { batchNorm } from "../../ops/batch_norm.ts";
import { conv2d } from "../../ops/conv2d.ts";
import type { BatchStatistics } from "../../ops/kernel_types.ts";
import { maxPool } from "../../ops/max_pool.ts";
import { nearestLabels } from "../../ops/nearest.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import type { BackendName } from "../../core/plan.ts";
import { goldenCases, goldenTest, type Read, withGradients } from "../goldens.ts";
import { testBackboneOperators } from "./backbone_operators.ts";
import { testMethodOperators } from "./method_operators.ts";

/** A recorded operator. */
export interface Case {
  readonly name: string;
  readonly op: string;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly eps: number;
  readonly momentum: number;
  readonly size: [number, number];
}

/** Registers one test per recorded operator on `backend`. */
export function testOperators(backend: BackendName): void {
  for (const one of goldenCases<Case>()) {
    const run = OPERATORS[one.op];
    if (run === undefined) continue;
    goldenTest(backend, one.name, (read) => run(one, read));
  }
  testMethodOperators(backend);
  testBackboneOperators(backend);
}

/** How each is computed, by its name; the results by their recorded names. */
export const OPERATORS: Record<string, (one: Case, read: Read) => Record<string, tf.Tensor>> = {
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
    const affine = { gamma: read("gamma") as tf.Tensor1D, beta: read("beta") as tf.Tensor1D };
    const running = {
      mean: read("running_mean") as tf.Tensor1D,
      variance: read("running_var") as tf.Tensor1D,
    };
    let batch: BatchStatistics | undefined;
    const { value, grads } = withGradients(
      (x, gamma, beta) =>
        batchNorm(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }, {
          epsilon: one.eps,
          record: ({ mean, variance }) => batch = { mean: tf.keep(mean), variance: tf.keep(variance) },
        }),
      [read("x"), affine.gamma, affine.beta],
      read("gy"),
    );
    const count = value.size / value.shape[3]!;
    const fold = (old: tf.Tensor, next: tf.Tensor) =>
      tf.add(tf.mul(old, 1 - one.momentum), tf.mul(next, one.momentum));
    const results = {
      y_train: value,
      gx: grads[0]!,
      ggamma: grads[1]!,
      gbeta: grads[2]!,
      running_mean_after: fold(running.mean, batch!.mean),
      running_var_after: fold(running.variance, tf.mul(batch!.variance, count / (count - 1))),
      y_eval: batchNorm(read("x") as tf.Tensor4D, affine, { epsilon: one.eps, statistics: running }),
    };
    tf.dispose([batch!.mean, batch!.variance]);
    return results;
  },
  maxPool(_, read) {
    const pool = (x: tf.Tensor) => maxPool(x as tf.Tensor4D, { size: 3, stride: 2, padding: 1 });
    const { value, grads } = withGradients(pool, [read("x")], read("gy"));
    return { y: value, gx: grads[0]! };
  },
  nearestLabels(one, read) {
    return { out: nearestLabels(read("labels") as tf.Tensor3D, one.size) };
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
