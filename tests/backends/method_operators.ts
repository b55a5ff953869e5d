/** The recorded operators of the adaptation methods, run on whichever backend a test file selects. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { BackendName } from "../../core/plan.ts";
import { adaptiveAveragePool, averagePool } from "../../ops/average_pool.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { conv2dTranspose } from "../../ops/conv2d_transpose.ts";
import { imageLayerNorm, instanceNorm } from "../../ops/image_norm.ts";
import { reflectPad } from "../../ops/reflect_pad.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { backendTest, withGradients } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCases, read, stored } from "../methods.ts";

interface OperatorCase extends MethodCase {
  readonly stride: number;
  readonly padding: number;
  readonly kernel: number;
  readonly output: number;
  readonly align_corners: boolean;
  readonly size: [number, number];
}

/** An operator on the case's inputs in their order; the first is `x`. */
type Operator = (one: OperatorCase, inputs: readonly tf.Tensor[]) => tf.Tensor;

/** By what a case's name begins with. */
const OPERATORS: Readonly<Record<string, Operator>> = {
  conv_transpose: (one, [x, w]) => conv2dTranspose(x as tf.Tensor4D, hwio(w!), one),
  conv: (one, [x, w, b]) => {
    const y = conv2d(x as tf.Tensor4D, hwio(w!), one);
    return b ? tf.add(y, b) : y;
  },
  instance_norm: (_, [x]) => instanceNorm(x as tf.Tensor4D),
  layer_norm_image: (_, [x, gamma, beta]) =>
    imageLayerNorm(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }),
  resize_bilinear: ({ size, align_corners }, [x]) =>
    resizeBilinear(x as tf.Tensor4D, size, { alignCorners: align_corners }),
  avg_pool: ({ kernel }, [x]) => averagePool(x as tf.Tensor4D, kernel),
  adaptive_avg_pool: ({ output }, [x]) => adaptiveAveragePool(x as tf.Tensor4D, [output, output]),
  reflect_pad: ({ name }, [x]) => reflectPad(x as tf.Tensor4D, Number(/\d+$/.exec(name))),
};

const INPUTS = ["x", "w", "b", "gamma", "beta"];

/** A filter that was read as the file has it, [O, I, h, w], of transposed convolutions [I, O, h, w]. */
function hwio(filter: tf.Tensor): tf.Tensor4D {
  return tf.transpose(filter, [2, 3, 1, 0]) as tf.Tensor4D;
}

/** The same order as in the file, but maps NHWC. */
function input(one: OperatorCase, key: string): tf.Tensor {
  return key === "w" ? tf.transpose(read(one, key), [0, 3, 1, 2]) : read(one, key);
}

/** Registers one test per recorded operator on `backend`. */
export function testMethodOperators(backend: BackendName): void {
  for (const one of methodCases<OperatorCase>("op/")) {
    backendTest(backend, `${one.name} equals the recorded values, with its gradients`, async () => {
      const begins = Object.keys(OPERATORS).find((name) => one.name.startsWith(`op/${name}`));
      assert.ok(begins, `no operator for ${one.name}`);
      const keys = INPUTS.filter((key) => key in one.tensors);
      const before = tf.memory().numTensors;
      const { y, grads } = tf.tidy(() => {
        const inputs = keys.map((key) => input(one, key));
        const { value, grads } = withGradients(
          (...xs) => OPERATORS[begins]!(one, xs),
          inputs,
          read(one, "gy"),
        );
        return { y: value, grads };
      });
      await equalsRecorded(one, "y", { actual: y });
      for (const [k, key] of keys.entries()) {
        const grad = grads[k]!;
        const actual = key === "w" ? tf.transpose(grad, [0, 2, 3, 1]) : tf.clone(grad);
        await equalsRecorded(one, `g${key}`, { actual });
        tf.dispose([actual, grad]);
      }
      y.dispose();
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
      assert.deepEqual([...stored(one, "x").shape], one.tensors["x"]);
    });
  }
}
