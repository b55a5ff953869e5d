/** The Lovasz loss by compute shaders, and the sort under it, against plain TypeScript. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { sortedLovasz } from "../../ops/lovasz_sort.ts";
import { lovaszInGroups, radixLovasz } from "../../backends/webgpu/lovasz.ts";
import { exclusiveScan, sortPairs } from "../../backends/webgpu/radix_sort.ts";
import { Random } from "../../core/random.ts";
import { backendTest, relative } from "../goldens.ts";

/** Rows of softmax, and labels of which some are outside the classes. */
function scene(pixels: number, classes: number) {
  const random = Random.stream(pixels * classes, "lovasz");
  const p = new Float32Array(pixels * classes);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const row = p.subarray(pixel * classes, (pixel + 1) * classes);
    for (let c = 0; c < classes; c++) row[c] = Math.exp(2 * random.normal());
    const sum = row.reduce((a, b) => a + b);
    row.forEach((value, c) => row[c] = value / sum);
  }
  // The first pixel counts.
  const labels = Int32Array.from(
    { length: pixels },
    (_, k) => k === 0 ? 0 : [255, -1][random.integer(0, 9)] ?? random.integer(0, classes - 1),
  );
  return { p, labels, shape: [pixels, classes] as const };
}

async function both({ p, labels, shape }: ReturnType<typeof scene>, shaders = radixLovasz(2 ** 27)) {
  const before = tf.memory().numTensors;
  // Each gets tensors of its own: the host's values of the first are gone once the device has them.
  const [ours, plain] = await Promise.all([shaders, sortedLovasz].map(async (compute) => {
    const probabilities = tf.tensor2d(p, [...shape]), ids = tf.tensor1d(labels, "int32");
    const { loss, gradient } = compute(probabilities, ids);
    const read = { loss: (await loss.data())[0]!, gradient: await gradient.data() };
    tf.dispose([probabilities, ids, loss, gradient]);
    return read;
  }));
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  return { ours: ours!, plain: plain! };
}

/** Registers the tests. */
export function testLovaszShaders(): void {
  for (const [pixels, classes] of [[1, 2], [7, 3], [1024, 4], [1025, 19], [5000, 2], [90_000, 19]] as const) {
    backendTest("webgpu", `Lovasz of ${pixels} pixels and ${classes} classes`, async () => {
      const { ours, plain } = await both(scene(pixels, classes));
      assert.ok(Math.abs(ours.loss - plain.loss) < 1e-5, `${ours.loss} and ${plain.loss}`);
      const error = relative(ours.gradient, plain.gradient);
      assert.ok(error < 1e-5, `gradient off by ${error}`);
    });
  }

  for (const together of [1, 3]) {
    backendTest("webgpu", `Lovasz: classes sorted ${together} at a time make no difference`, async () => {
      const { ours, plain } = await both(scene(1500, 5), lovaszInGroups(together * 1500 * 8));
      assert.ok(Math.abs(ours.loss - plain.loss) < 1e-5, `${ours.loss} and ${plain.loss}`);
      assert.ok(relative(ours.gradient, plain.gradient) < 1e-5);
    });
  }

  backendTest(
    "webgpu",
    "Lovasz: equal errors share a loss, and a class without pixels has none",
    async () => {
      const p = Float32Array.from({ length: 3000 * 3 }, () => 0.25);
      const labels = Int32Array.from({ length: 3000 }, (_, k) => k % 2);
      const { ours, plain } = await both({ p, labels, shape: [3000, 3] });
      assert.ok(Math.abs(ours.loss - plain.loss) < 1e-5, `${ours.loss} and ${plain.loss}`);
      assert.ok(ours.gradient.every((slope, k) => k % 3 < 2 || slope === 0));
    },
  );

  backendTest(
    "webgpu",
    "Lovasz: ignored pixels count nowhere, and only where all are the loss is 0",
    async () => {
      const { p, labels, shape } = scene(40, 3);
      const spoilt = p.map((value, k) => [0, 1, 2].includes(labels[Math.floor(k / 3)]!) ? value : NaN);
      const { ours, plain } = await both({ p: spoilt, labels, shape });
      assert.ok(Math.abs(ours.loss - plain.loss) < 1e-5, `${ours.loss} and ${plain.loss}`);
      const none = await both({ p, labels: labels.map(() => 255), shape });
      assert.equal(none.ours.loss, 0);
      assert.ok(none.ours.gradient.every((slope) => slope === 0));
      const first = labels.findIndex((label) => label === 0);
      const lost = await both({ p: p.map((value, k) => k === 3 * first ? NaN : value), labels, shape });
      assert.ok(Number.isNaN(lost.ours.loss) && Number.isNaN(lost.plain.loss));
    },
  );

  for (const length of [1, 63, 1024, 3333]) {
    backendTest("webgpu", `the radix sort of 3 rows of ${length} is stable`, async () => {
      const random = Random.stream(length, "radix");
      const keys = Array.from({ length: 3 }, (_, row) =>
        // The second row has few keys, so that many are equal.
        Int32Array.from({ length }, () => random.integer(0, row === 1 ? 3 : 2 ** 30 - 1)));
      const numbers = Int32Array.from({ length }, (_, k) => k);
      const flat = Int32Array.from([...keys.flatMap((row) => [...row]), ...keys.flatMap(() => [...numbers])]);
      const sorted = sortPairs(tf.tensor3d(flat, [2, 3, length], "int32"));
      const found = await sorted.data();
      sorted.dispose();
      const expected = keys.map((row) => [...numbers].sort((a, b) => row[a]! - row[b]! || a - b));
      assert.deepEqual([...found.subarray(3 * length)], expected.flat());
      assert.deepEqual(
        [...found.subarray(0, 3 * length)],
        expected.flatMap((order, row) => order.map((k) => keys[row]![k]!)),
      );
    });

    backendTest("webgpu", `the exclusive scan of 2 rows of ${length}`, async () => {
      const counts = Int32Array.from({ length: 2 * length }, (_, k) => k % 7);
      const given = tf.tensor2d(counts, [2, length], "int32");
      const scanned = exclusiveScan(given);
      const found = await scanned.data();
      tf.dispose([given, scanned]);
      let before = 0;
      const expected = counts.map((count, k) => {
        if (k === length) before = 0;
        before += count;
        return before - count;
      });
      assert.deepEqual([...found], [...expected]);
    });
  }
}
