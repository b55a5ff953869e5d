/** Each row shader gives what plain operators give, odd values included. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { followCycles } from "../../ops/association/device/cycles.ts";
import { SUMMARY_WIDTH } from "../../ops/association/device/row_kernels.ts";
import type { DeviceBackend } from "../../backends/webgpu/device.ts";
import { rowKernels } from "../../backends/webgpu/rows.ts";
import { Random } from "../../core/random.ts";
import { backendTest, relative } from "../goldens.ts";
import { composedRows } from "../ops/association/composed_rows.ts";
import { findCycles } from "../ops/association/dense.ts";

const composed = composedRows(1);

/** The kernels of the device and, if it has subgroups, those of a device without. */
function variants() {
  const { bindingBytes, subgroups } = tf.backend() as DeviceBackend;
  return (subgroups ? [true, false] : [false]).map((subgroups) => rowKernels({ bindingBytes, subgroups }));
}

function block(rows: number, columns: number): tf.Tensor2D {
  const random = Random.stream(rows * columns, "row shaders");
  return tf.tensor2d(Float32Array.from({ length: rows * columns }, () => random.normal()), [rows, columns]);
}

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = await tensor.data() as Float32Array;
  tensor.dispose();
  return values;
}

/** Registers the tests. */
export function testRowShaders(): void {
  for (const [rows, columns] of [[1, 1], [3, 2], [5, 127], [4, 128], [2, 129], [70, 1000]] as const) {
    backendTest("webgpu", `row shaders on a block of ${rows} x ${columns}`, async () => {
      const cases = variants().flatMap((ours) => [true, false].map((contrast) => ({ ours, contrast })));
      for (const { ours: rowsOfDevice, contrast } of cases) {
        const both = [rowsOfDevice, composed].map((kernels) =>
          tf.tidy(() => {
            const d = block(rows, columns), dp = tf.square(block(rows, columns));
            const column = (x: tf.Tensor2D) => tf.slice(x, [0, 0], [rows, 1]);
            const summary = kernels.summarise(d, contrast), p = kernels.softmax(d, summary);
            const slopes = { along: column(d), inverse: column(dp) };
            return [
              summary,
              p,
              kernels.peakGradient(d, summary, column(d)),
              kernels.softmaxGradient(p, dp, slopes),
            ];
          })
        );
        const names = ["summarise", "softmax", "peakGradient", "softmaxGradient"];
        for (const [k, name] of names.entries()) {
          const [ours, plain] = await Promise.all(both.map((results) => read(results[k]!)));
          const error = plain!.every((value) => value === 0)
            ? Math.max(...ours!.map(Math.abs))
            : relative(ours!, plain!);
          assert.ok(error < 1e-5, `${name}, contrast ${contrast}: off by ${error}`);
        }
      }
    });
  }

  backendTest("webgpu", "summaries: the first of equal maxima counts, and NaN never", async () => {
    const d = tf.tensor2d([[1, 5, 5], [NaN, 5, 5], [NaN, NaN, NaN], [-Infinity, NaN, -Infinity]]);
    for (const kernels of variants()) {
      const values = await read(kernels.summarise(d, false));
      const row = (k: number) => [...values.subarray(k * SUMMARY_WIDTH, k * SUMMARY_WIDTH + 2)];
      assert.deepEqual([0, 1, 2, 3].map(row), [[5, 1], [5, 1], [NaN, 0], [NaN, 0]]);
    }
    d.dispose();
  });

  backendTest("webgpu", "rows of lift 0 have the gradient 0, whatever is in them", async () => {
    const d = tf.tensor2d([[NaN, 1], [Infinity, 2]]), lift = tf.tensor2d([[0], [0]]);
    const [ours] = variants();
    const g = tf.tidy(() => ours!.peakGradient(d, ours!.summarise(d, true), lift));
    assert.deepEqual([...await read(g)], [0, 0, 0, 0]);
    tf.dispose([d, lift]);
  });

  backendTest("webgpu", "cycles by summaries are those of the whole matrix", async () => {
    const results = tf.tidy(() => {
      const d = block(50, 40), back = tf.add(block(40, 50), tf.mul(tf.transpose(d), 2)) as tf.Tensor2D;
      const labels = tf.tensor1d(Int32Array.from({ length: 50 }, (_, k) => k % 3), "int32");
      const [there, home] = [d, back].map((x) => variants()[0]!.summarise(x, true));
      const found = followCycles({ there: there!, home: home! }, labels, 2);
      const whole = findCycles(tf.expandDims(d) as tf.Tensor3D, tf.expandDims(back) as tf.Tensor3D, {
        labels: tf.expandDims(labels) as tf.Tensor2D,
        ignoreLabel: 2,
      });
      return { found: { ...found }, whole: { ...whole } };
    });
    const { found, whole } = results;
    const chosen = await read(found.chosen);
    const forward = await read(found.forward), back = await read(found.back);
    const associated = await read(found.associated);
    assert.deepEqual(forward, await read(whole.forward));
    assert.deepEqual(back, await read(whole.back));
    assert.deepEqual(associated, await read(whole.associated));
    const expected = new Float32Array(40);
    associated.forEach((weight, k) => expected[forward[k]!]! += weight);
    assert.deepEqual(chosen, expected);
    assert.ok(expected.some((count) => count > 0));
  });
}
