/** How workers begin, fail and end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { DataError, UserError } from "../../../core/errors.ts";
import { trainLoader } from "../../../datasets/loader.ts";
import { fromPlain, toPlain } from "../../../datasets/workers/errors.ts";
import { type DatasetWorkers, WorkerPool } from "../../../datasets/workers/pool.ts";
import { batchesOf, FOLDER, imagesOf, loading, onDisk, planned, STREET, withInput } from "./disk.ts";

async function withModule(
  name: string,
  body: (workers: DatasetWorkers, pool: WorkerPool) => Promise<void>,
  { count = 1, patience = 10_000 } = {},
) {
  const module = new URL(`./modules/${name}.ts`, import.meta.url);
  const pool = new WorkerPool({ count, module, patience });
  try {
    await body(pool.reading({ type: "street", options: STREET, root: "", seed: 0, length: 7 }), pool);
  } finally {
    await pool.close();
  }
}

const loaderOf = (workers: DatasetWorkers, ahead = 2) =>
  trainLoader({ length: 7, read: () => assert.fail("the main thread read"), workers }, { ...loading, ahead });

Deno.test("what was asked for ahead is made while the main thread is busy", () =>
  withModule("clock", async (workers) => {
    const loader = loaderOf(workers, 4);
    await loader.next();
    for (const start = Date.now(); Date.now() < start + 600;);
    const free = Date.now();
    for (let k = 0; k < 4; k++) {
      const { done } = await loader.next() as unknown as { done: number };
      assert.ok(done < free, `batch ${k} was done ${done - free} ms after the main thread was free again`);
    }
    loader.close();
  }, { count: 2 }));

Deno.test("no more than the batches ahead is ever asked of the workers", () => {
  let asked = 0;
  const made = Promise.withResolvers<never>();
  const maker = () => ({ make: () => (asked++, made.promise), close() {} });
  const loader = loaderOf({ count: 3, batches: maker, evaluation: maker, inspection: maker }, 3);
  assert.equal(asked, 3);
  loader.next();
  loader.next();
  assert.equal(asked, 5);
  loader.close();
});

Deno.test("every worker gets an equal share of the cache", () => {
  const shares: number[] = [];
  const never = { make: () => new Promise<never>(() => {}), close() {} };
  const batches: DatasetWorkers["batches"] = ({ cacheBytes }) => (shares.push(cacheBytes), never);
  const dataset = { length: 7, read: () => assert.fail("the main thread read") };
  for (const count of [1, 3]) {
    const workers = { count, batches, evaluation: () => never, inspection: () => never };
    trainLoader({ ...dataset, workers }, { ...loading, cacheBytes: 1000 }).close();
  }
  assert.deepEqual(shares, [1000, 333]);
});

const advice = "with `input.workers: 0` the main thread prepares them";

for (
  const [module, what] of [["broken", "sharp is not for this machine"], ["dying", "out of memory"], [
    "stray",
    "nobody caught this",
  ]] as const
) {
  Deno.test(`a worker that is ${module} fails the batches that need it, those asked later too`, () =>
    withModule(module, async (workers) => {
      const loader = loaderOf(workers);
      // What was done before it happened is as good as ever.
      let failed: Promise<unknown> = loader.next();
      for (let k = 0; k < 20 && await failed.then(() => true, () => false); k++) failed = loader.next();
      for (const batch of [failed, loader.next(), loader.next(), loader.next()]) {
        await assert.rejects(batch, (error) => {
          assert.ok(error instanceof UserError);
          const [, reason] = /^a worker that prepares images stopped: (?:\w+: )?(.*)$/.exec(error.message)!;
          assert.equal(reason, `${what}; ${advice}`);
          return true;
        });
      }
      loader.close();
    }));
}

Deno.test("a worker that hangs is ended when the patience is over", async () => {
  const started = performance.now();
  await withModule("silent", async (workers) => {
    const loader = loaderOf(workers);
    const batch = loader.next();
    loader.close();
    await assert.rejects(batch, new Error("the loader was closed"));
  }, { patience: 50 });
  assert.ok(performance.now() - started < 5000);
});

Deno.test("closing fails what is open, twice is as good as once, and nothing can be asked afterwards", async () => {
  const pool = new WorkerPool({ count: 2 });
  const workers = pool.reading({ type: "street", options: STREET, root: "", seed: 0, length: 7 });
  const loader = loaderOf(workers);
  const open = loader.next();
  const closed = new Error("the workers were closed");
  const refused = assert.rejects(open, closed);
  await Promise.all([pool.close(), pool.close()]);
  await refused;
  await assert.rejects(loader.next(), closed);
  await assert.rejects(loader.next(), closed);
  await assert.rejects(loader.next(), closed);
});

Deno.test("workers that are closed while they decode do not take the process with them", () =>
  onDisk(0, async (root) => {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const create = { width: 2048, height: 1024, channels: 3, background: "black", noise } as const;
    await Deno.writeFile(join(root, "images", "0.png"), await sharp({ create }).png().toBuffer());
    for (const delay of [0, 10, 20, 30, 40]) {
      await withInput(
        planned("folder", { images: "images", classes: FOLDER.classes }),
        { workers: 2, root },
        async (dataset) => {
          const loader = trainLoader(dataset, { ...loading, labels: false, cacheBytes: 0, ahead: 4 });
          await loader.next();
          await new Promise((done) => setTimeout(done, delay));
        },
      );
    }
  }));

Deno.test("a file that a worker cannot use is a DataError with the words of the main thread", () =>
  onDisk(2, async (root) => {
    await Deno.writeTextFile(join(root, "images", "0.png"), "no image");
    await Deno.remove(join(root, "labels", "1.png"));
    await Deno.writeTextFile(join(root, "labels", "1.png"), "no labels");
    const errors = (workers: number) =>
      withInput(planned("folder", FOLDER), { workers, root }, async (dataset) => {
        const found: unknown[] = [];
        for (const seed of [0, 1, 2, 3]) {
          await batchesOf(dataset, 1, { batch: 1, seed }).catch((error) => found.push(error));
        }
        await imagesOf(dataset, { labelSize: "input" }).catch((error) => found.push(error));
        return found.map((error) => {
          assert.ok(error instanceof DataError);
          assert.ok(error.cause instanceof Error);
          const { name, message, file, cause } = error;
          return { name, message, file, cause: cause.message };
        });
      });
    const expected = await errors(0);
    assert.equal(new Set(expected.map(({ file }) => file)).size, 2);
    assert.deepEqual(await errors(1), expected);
    assert.deepEqual(await errors(2), expected);
  }));

Deno.test("a folder that changes before a worker opens it is not read with wrong numbers", () =>
  onDisk(3, (root) =>
    withInput(planned("folder", FOLDER), { workers: 1, root }, async (dataset) => {
      await Deno.remove(join(root, "images", "2.png"));
      await assert.rejects(batchesOf(dataset, 1), {
        name: "DataError",
        message: `${root}: the files changed while they were opened: 2 images were found, 3 a moment before`,
      });
    })));

Deno.test("errors keep kind, name, words and causes on their way", () => {
  const system = new TypeError("read failed");
  const data = new DataError("/a.png", "is gone", { cause: system });
  for (const error of [data, new UserError("choose another", { cause: data }), system]) {
    const restored = fromPlain(structuredClone(toPlain(error)));
    assert.equal(restored instanceof UserError, error instanceof UserError);
    assert.equal(restored instanceof DataError, error instanceof DataError);
    assert.deepEqual([restored.name, restored.message, restored.stack], [
      error.name,
      error.message,
      error.stack,
    ]);
  }
  assert.equal((fromPlain(toPlain(data)) as DataError).file, "/a.png");
  assert.equal((fromPlain(toPlain(data)).cause as Error).message, "read failed");
  assert.equal(fromPlain(toPlain("a text")).message, "a text");
});
