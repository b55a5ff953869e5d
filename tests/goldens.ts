/** Recorded values: how tests read them and hold results to them. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { gradients } from "../ops/gradients.ts";
import { selectBackend } from "../backends/select.ts";
import type { BackendName } from "../core/plan.ts";
import { decodeSafetensors, type SafetensorsFile } from "../weights/safetensors.ts";
import { type StoredTensor, toFloat32 } from "../weights/stored_tensor.ts";

const folder = new URL("goldens/", import.meta.url);

/** Relative agreement in the norm, the goldens' README. */
const TOLERANCE = 1e-4;

/** Reads one tensor of a case, NCHW as NHWC. */
export type Read = (key: string) => tf.Tensor;

/** A file of tests/goldens. */
export function readGolden(name: string): SafetensorsFile {
  return decodeSafetensors(Deno.readFileSync(new URL(name, folder)), name);
}

/** A JSON file of tests/goldens. */
export function readGoldenJson<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(new URL(name, folder)));
}

/** The recorded cases of operators and losses. */
export function goldenCases<T>(): T[] {
  return readGoldenJson<T[]>("plca_ops_and_losses.json");
}

let recorded: SafetensorsFile | undefined;

/** Registers a test: what `run` returns, by recorded name, equals the record, and no tensor is left over. */
export function goldenTest(
  backend: BackendName,
  name: string,
  run: (read: Read) => Record<string, tf.Tensor>,
  { how = "", tolerance = TOLERANCE }: { readonly how?: string; readonly tolerance?: number } = {},
): void {
  backendTest(backend, `${name} equals the recorded values${how}`, async () => {
    recorded ??= readGolden("plca_ops_and_losses.safetensors");
    const read: Read = (key) => {
      const stored = recorded!.tensors.get(`${name}/${key}`);
      assert.ok(stored, `no recorded ${name}/${key}`);
      return nhwc(stored);
    };
    const before = tf.memory().numTensors;
    const results = tf.tidy(() => run(read));
    for (const [key, value] of Object.entries(results)) {
      const expected = read(key);
      assert.deepEqual(value.shape, expected.shape, key);
      const error = relative(await value.data() as Float32Array, await expected.data() as Float32Array);
      assert.ok(error <= tolerance, `${key}: off by ${error}`);
      tf.dispose([value, expected]);
    }
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
  });
}

/** A test that runs on `backend`; the runtimes under the backends keep threads and timers of their own. */
export function backendTest(backend: BackendName, name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${backend}: ${name}`, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend(backend);
    await fn();
  });
}

/** A test on `cpu` in a scope of its own, outside of which no tensor may be left. */
export function scopedTest(name: string, run: () => void): void {
  backendTest("cpu", name, () => {
    const before = tf.memory().numTensors;
    tf.tidy(run);
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
    return Promise.resolve();
  });
}

/** The value of `f` and its gradients with respect to every input. */
export function withGradients(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[], dy?: tf.Tensor) {
  const { value, grads } = gradients(() => f(...xs), xs, dy);
  return { value, grads: grads.map((grad, k) => grad ?? tf.zerosLike(xs[k]!)) };
}

/** A recorded array as a tensor, NCHW as NHWC. */
export function nhwc(tensor: StoredTensor): tf.Tensor {
  const { shape, dtype } = tensor;
  return tf.tidy(() => {
    const stored = tf.tensor(toFloat32(tensor), [...shape], dtype === "F32" ? "float32" : "int32");
    return shape.length === 4 ? tf.transpose(stored, [0, 2, 3, 1]) : stored;
  });
}

/** The norm of the difference over the norm. */
export function relative(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0, norm = 0;
  for (let k = 0; k < expected.length; k++) {
    difference += (actual[k]! - expected[k]!) ** 2;
    norm += expected[k]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
