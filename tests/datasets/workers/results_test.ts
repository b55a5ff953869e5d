/** Workers change when an image is prepared, never what comes out. */
import assert from "node:assert/strict";
import type { DatasetOrigin } from "../../../core/plan.ts";
import { definePlugin } from "../../../core/plugin.ts";
import { z } from "../../../core/schema.ts";
import { evaluationImages } from "../../../datasets/evaluation.ts";
import { diskFiles } from "../../../datasets/files.ts";
import { street } from "../../../datasets/street.ts";
import { serve } from "../../../datasets/workers/serve.ts";
import { memoryFiles } from "../memory_files.ts";
import {
  batchesOf,
  FOLDER,
  imagesOf,
  loading,
  normalization,
  onDisk,
  planned,
  STREET,
  withInput,
} from "./disk.ts";

const EVALUATIONS = [
  { labelSize: "original", size: 17 },
  { labelSize: "input", size: [20, 31], scales: [0.5, 1.5] },
  { labelSize: "original", limit: 4 },
] as const;

for (const [name, options] of [["street", STREET], ["folder", FOLDER]] as const) {
  Deno.test(`${name}: the same seed gives the same bits with 0, 1 and 3 workers`, () =>
    onDisk(7, async (root) => {
      const results = (workers: number) =>
        withInput(planned(name, options), { workers, root }, async (dataset) => {
          assert.equal(dataset.workers?.count, workers === 0 ? undefined : workers);
          return {
            random: await batchesOf(dataset, 9),
            fixed: await batchesOf(dataset, 5, {
              transforms: { crop: [16, 16], flip: true, shortSide: [20, 20] },
            }),
            unlabelled: await batchesOf(dataset, 5, { labels: false, stream: "target", ahead: 4 }),
            margins: await batchesOf(dataset, 5, {
              transforms: { crop: [16, 16], flip: true, margins: [0.2, 0, 0.3, 0.1] },
            }),
            uncached: await batchesOf(dataset, 5, { cacheBytes: 0 }),
            evaluations: await Promise.all(EVALUATIONS.map((plan) => imagesOf(dataset, plan))),
          };
        });
      const expected = await results(0);
      assert.equal(new Set(expected.random.map(({ images }) => images)).size, 9);
      assert.deepEqual(expected.evaluations.map((images) => images.length), [7, 7, 4]);
      assert.deepEqual(await results(1), expected);
      assert.deepEqual(await results(3), expected);
    }));
}

Deno.test("two loaders and an evaluation share the workers", () =>
  withInput(planned("street", STREET), { workers: 2 }, async (dataset) => {
    const together = await Promise.all([
      batchesOf(dataset, 4),
      imagesOf(dataset, EVALUATIONS[0]),
      batchesOf(dataset, 4, { stream: "target", labels: false }),
    ]);
    assert.deepEqual(together[0], await batchesOf(dataset, 4));
    assert.deepEqual(together[1], await imagesOf(dataset, EVALUATIONS[0]));
    assert.deepEqual(together[2], await batchesOf(dataset, 4, { stream: "target", labels: false }));
  }));

Deno.test("an evaluation that is left early leaves no work and no rejection behind", () =>
  withInput(planned("street", STREET), { workers: 3 }, async (dataset) => {
    for await (
      const { id } of evaluationImages(dataset, { evaluation: { labelSize: "input" }, normalization })
    ) {
      assert.equal(id, "dusk_train_00000");
      break;
    }
  }));

Deno.test("what a worker cannot make again is read on the main thread", async () => {
  const [plan, origin] = planned("street", STREET);
  const workersOf = (made: readonly [typeof plan, DatasetOrigin?], files = diskFiles()) =>
    withInput(made, { workers: 2, files }, (dataset) => Promise.resolve(dataset.workers));
  assert.ok(await workersOf([plan, origin]));
  assert.equal(await workersOf([plan]), undefined, "a plan without origin");
  assert.equal(await workersOf([plan, origin], memoryFiles({})), undefined, "another reader");
  assert.equal(await workersOf([plan, origin], { ...diskFiles() }), undefined, "a reader made of the disk's");
  const namesake = definePlugin({
    kind: "dataset",
    name: "street",
    summary: "another street",
    options: z.strictObject({}),
    plan: () => plan,
  });
  assert.equal(namesake.name, street.name);
  assert.equal(
    await workersOf([plan, { plugin: namesake, options: {} }]),
    undefined,
    "not a built-in plugin",
  );
});

Deno.test("what is made moves to the main thread: every array of it is in the transfer list", async () => {
  const told = Promise.withResolvers<void>();
  const lengths: number[][] = [];
  const obey = serve((reply, transfer) => {
    assert.equal(reply.type, "done");
    lengths.push(transfer.map(({ byteLength }) => byteLength));
    if (lengths.length === 2) told.resolve();
  });
  const dataset = { type: "street", options: STREET, root: "", seed: 0, length: STREET.count };
  const { transforms, labels, ignoreLabel } = loading;
  const batch = { transforms, labels, ignoreLabel, normalization, cacheBytes: 0 };
  const evaluation = { evaluation: { labelSize: "original" }, normalization } as const;
  obey({ type: "maker", maker: 0, recipe: { kind: "batch", dataset, options: batch } });
  obey({ type: "maker", maker: 1, recipe: { kind: "evaluation", dataset, options: evaluation } });
  obey({ type: "job", job: 0, maker: 0, request: [{ index: 1, place: [0, 0], flip: false }] });
  obey({ type: "job", job: 1, maker: 1, request: 2 });
  await told.promise;
  assert.deepEqual(lengths, [[20 * 24 * 3 * 4, 20 * 24], [64 * 40 * 3 * 4, 64 * 40]]);
});
