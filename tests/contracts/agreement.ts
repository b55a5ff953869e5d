/** An operator's values and gradients on a backend against those on tfjs's CPU backend with the portable kernels. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import type { BackendName } from "../../core/plan.ts";
import { relative, withGradients } from "../goldens.ts";
import { normals } from "./differences.ts";

/**
 * Of the norm. Both sides add up to some thousand float32 products of random sign in orders of their own; each addition
 * rounds by at most 6e-8 of a partial sum, and such errors grow like the root of their number, to about 2e-6.
 */
const TOLERANCE = 1e-5;

/** What is computed, from tensors of these shapes with standard normal values. */
export interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: tf.Tensor[]) => tf.Tensor;
  /** Left out where tfjs has no right gradient. */
  readonly gradients: boolean;
}

/** The value and the gradients on one backend, the output's own gradient being random. */
async function compute(backend: BackendName, { shapes, f, gradients }: Case) {
  await selectBackend(backend);
  return tf.tidy(() => {
    const xs = shapes.map((shape, k) => random(shape, `input ${k}`));
    const dy = random(f(...xs).shape, "output");
    const { value, grads } = gradients ? withGradients(f, xs, dy) : { value: f(...xs), grads: [] };
    return [value, ...grads].map((tensor) => ({ shape: tensor.shape, values: tensor.dataSync() }));
  });
}

function random(shape: readonly number[], name: string): tf.Tensor {
  return tf.tensor(normals(shape.reduce((a, b) => a * b, 1), 1, name), [...shape]);
}

/** Fails where they differ, in the norm. */
export async function agree(backend: BackendName, one: Case): Promise<void> {
  const expected = await compute("cpu", one);
  const actual = await compute(backend, one);
  actual.forEach(({ shape, values }, k) => {
    const what = k === 0 ? "the value" : `the gradient of input ${k - 1}`;
    assert.deepEqual(shape, expected[k]!.shape, what);
    // A gradient may be zero as a whole: a filter that touches only padding.
    const error = expected[k]!.values.some((value) => value !== 0)
      ? relative(values, expected[k]!.values)
      : Math.max(...values.map(Math.abs));
    assert.ok(error <= TOLERANCE, `${what} is off by ${error}`);
  });
}
