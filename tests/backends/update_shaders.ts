/** The shaders of the end of a step, and those of pooling, give what plain numbers give. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { maxPool, maxPoolGradient } from "../../backends/webgpu/max_pool.ts";
import { allFinite, runningInPlace } from "../../backends/webgpu/update.ts";
import type { PoolWindow } from "../../ops/kernel_types.ts";
import { portableRunningStep } from "../../ops/running_step.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

/** A tensor on the device, NaN at `broken`. */
function gradient(shape: number[], broken?: { readonly at: number; readonly value: number }): tf.Tensor {
  const values = Float32Array.from(normals(shape.reduce((a, b) => a * b, 1), 1, "gradient"));
  if (broken) values[broken.at] = broken.value;
  return tf.tensor(values, shape);
}

async function verdictOn(tensors: tf.Tensor[]): Promise<number> {
  const before = tf.memory().numTensors;
  const verdict = allFinite(tensors);
  assert.deepEqual(verdict.shape, []);
  const [value] = await verdict.data();
  verdict.dispose();
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  tf.dispose(tensors);
  return value!;
}

function testFinite(): void {
  const shapes = [[3, 3, 4, 5], [7], [1], [300, 257], [0, 3], [2, 2], [9], [5, 5], [3, 1, 2]];
  backendTest("webgpu", "one answer for gradients of many shapes: all are finite", async () => {
    assert.equal(await verdictOn([]), 0);
    assert.equal(await verdictOn([tf.zeros([0])]), 0);
    assert.equal(await verdictOn(shapes.map((shape) => gradient(shape))), 0);
    // A sum of these would be infinite, though they are not.
    assert.equal(await verdictOn([tf.fill([4], 3e38), tf.fill([4], -3e38)]), 0);
  });

  backendTest("webgpu", "one number that is not finite is found in any gradient, at any place", async () => {
    for (const [k, shape] of shapes.entries()) {
      const size = shape.reduce((a, b) => a * b, 1);
      for (const at of size === 0 ? [] : [0, size - 1]) {
        for (const value of [NaN, Infinity, -Infinity]) {
          const all = shapes.map((one, other) => gradient(one, other === k ? { at, value } : undefined));
          assert.ok(Number.isNaN(await verdictOn(all)), `${value} at ${at} of [${shape}]`);
        }
      }
    }
  });
}

function testRunning(): void {
  for (const count of [1, 2, 7, 8]) {
    backendTest(
      "webgpu",
      `${count} changes of a running statistic at once are those one by one`,
      async () => {
        const changes = Array.from({ length: count }, (_, k) => ({
          keep: 1 - 0.1 / (k + 1),
          add: tf.tensor(normals(40, 1, `add ${k}`), [40]),
          ...(k % 3 === 2 ? {} : { factor: 0.1 * (k + 1) }),
        }));
        const values = await Promise.all([runningInPlace, portableRunningStep].map(async (step) => {
          const initial = tf.tensor(normals(40, 1, "running"), [40]);
          const variable = tf.variable(initial);
          initial.dispose();
          step({ variable, changes });
          const result = await variable.data() as Float32Array;
          variable.dispose();
          return result;
        }));
        assert.ok(relative(values[0]!, values[1]!) < 1e-6, `off by ${relative(values[0]!, values[1]!)}`);
        tf.dispose(changes.map(({ add }) => add));
      },
    );
  }

  backendTest("webgpu", "a copy of a running statistic stays as it was", async () => {
    const initial = tf.tensor1d([1, 2]);
    const variable = tf.variable(initial);
    initial.dispose();
    const copy = tf.clone(variable);
    runningInPlace({ variable, changes: [{ keep: 0.5, add: tf.tensor1d([2, 2]), factor: 0.25 }] });
    assert.deepEqual([...await copy.data()], [1, 2]);
    assert.deepEqual([...await variable.data()], [1, 1.5]);
    tf.dispose([copy, variable]);
  });
}

interface Pooled {
  readonly y: Float32Array;
  readonly dx: Float32Array;
}

/** Pooling of one channel in plain numbers: the first of a window's largest takes its gradient. */
function pooled(
  x: ArrayLike<number>,
  [height, width]: readonly [number, number],
  { size, stride, padding }: PoolWindow,
  out: readonly [number, number],
): Pooled {
  const y = new Float32Array(out[0] * out[1]), dx = new Float32Array(x.length);
  for (let window = 0; window < y.length; window++) {
    const top = Math.floor(window / out[1]) * stride - padding, left = window % out[1] * stride - padding;
    let best = -1;
    for (let r = Math.max(0, top); r < Math.min(height, top + size); r++) {
      for (let c = Math.max(0, left); c < Math.min(width, left + size); c++) {
        if (best < 0 || x[r * width + c]! > x[best]!) best = r * width + c;
      }
    }
    y[window] = x[best]!;
    dx[best]! += window + 1;
  }
  return { y, dx };
}

function testPooling(): void {
  const cases = fc.record({
    height: fc.integer({ min: 3, max: 11 }),
    width: fc.integer({ min: 3, max: 11 }),
    size: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 1 }),
    more: fc.integer({ min: 0, max: 1 }),
    seed: fc.nat(99),
  });
  backendTest("webgpu", "pooling takes the first of equal pixels, in every window", async () => {
    const property = fc.asyncProperty(cases, async ({ height, width, more, seed, ...window }) => {
      fc.pre(window.padding < window.size);
      // With `more`, the last window may hang over the edge, as long as it begins within the image.
      const side = (length: number) => {
        const whole = Math.floor((length + 2 * window.padding - window.size) / window.stride) + 1;
        return more === 1 && whole * window.stride - window.padding < length ? whole + 1 : whole;
      };
      const out = [side(height), side(width)] as const;
      // Three values, so that many are equal.
      const values = Float32Array.from(
        { length: height * width },
        (_, k) => ((k + seed) * 7919 >> 3) % 3 - 1.5,
      );
      const { y, dx } = pooled(values, [height, width], window, out);
      const results = tf.tidy(() => {
        const x = tf.tensor4d(values, [1, height, width, 1]);
        const top = maxPool(x, window, out);
        const dy = tf.tensor4d(Float32Array.from(y, (_, k) => k + 1), top.shape);
        return [top, maxPoolGradient(dy, x, top, window)];
      });
      assert.deepEqual(await results[0]!.data(), y);
      assert.deepEqual(await results[1]!.data(), dx);
      tf.dispose(results);
    });
    await fc.assert(property, { seed: 1, numRuns: 40 });
  });

  backendTest("webgpu", "pooling keeps images and channels apart, and NaN", async () => {
    const values = Float32Array.from({ length: 2 * 4 * 4 * 3 }, (_, k) => k * 37 % 101);
    values[5] = NaN;
    const window = { size: 2, stride: 2, padding: 0 };
    const x = tf.tensor4d(values, [2, 4, 4, 3]);
    const y = maxPool(x, window, [2, 2]);
    const expected = Float32Array.from({ length: 2 * 2 * 2 * 3 }, (_, k) => {
      const channel = k % 3, c = Math.floor(k / 3) % 2, r = Math.floor(k / 6) % 2, image = Math.floor(k / 12);
      const pixel = (row: number, column: number) =>
        values[((image * 4 + 2 * r + row) * 4 + 2 * c + column) * 3 + channel]!;
      return Math.max(pixel(0, 0), pixel(0, 1), pixel(1, 0), pixel(1, 1));
    });
    assert.deepEqual([...await y.data()], [...expected]);
    tf.dispose([x, y]);
  });
}

/** Registers the tests. */
export function testUpdateShaders(): void {
  testFinite();
  testRunning();
  testPooling();
}
