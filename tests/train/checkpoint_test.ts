import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { decodeSafetensors, encodeSafetensors } from "../../core/safetensors.ts";
import type { StateEntry } from "../../train/assemble.ts";
import { type CheckpointState, saveCheckpoint } from "../../train/checkpoint.ts";
import { loadWeights } from "../../train/weights.ts";
import { plainFiles, tinyPlan } from "./fakes.ts";

const state: CheckpointState = {
  format: 1,
  recipe: "tiny",
  phase: "tiny",
  step: 3,
  steps: 5,
  seed: 7,
  best: { step: 2, miou: 0.5 },
};

function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    const folder = await Deno.makeTempDir();
    try {
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function entry(name: string, initial: tf.Tensor): StateEntry {
  return { name, variable: tf.variable(initial), filter: initial.rank === 4 };
}

const load = (path: string, state: readonly StateEntry[]) =>
  loadWeights(path, { plan: tinyPlan(), state }, plainFiles);

const filter = (factor = 1) =>
  entry("conv.weight", tf.tensor4d(Float32Array.from({ length: 24 }, (_, k) => k * factor), [1, 2, 3, 4]));

test("filters are stored OIHW and everything comes back bit for bit", async (folder) => {
  const entries = () => [
    filter(),
    entry("bn.running_var", tf.tensor1d([0.1, -1e-30, 3.4e38])),
    entry("loss/mine/count", tf.scalar(41, "int32")),
  ];
  const saved = entries();
  const path = await saveCheckpoint(`${folder}/last`, saved, state);
  assert.equal(path, `${folder}/last.safetensors`);
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  const stored = tensors.get("conv.weight")!;
  assert.deepEqual(stored.shape, [4, 3, 1, 2]);
  // HWIO [0, 1, 2, 3] is element 23; OIHW [3, 2, 0, 1] the last.
  assert.equal(stored.data[23], 23);
  assert.equal(stored.data[1], 12);
  assert.deepEqual(metadata, { producer: "plca", format: "1", recipe: "tiny", step: "3" });
  assert.deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/last.json`)), state);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["last.json", "last.safetensors"]);

  const empty = entries();
  empty.forEach(({ variable }) => variable.assign(tf.zerosLike(variable)));
  await load(path, empty);
  empty.forEach(({ variable }, k) => {
    assert.deepEqual([...variable.dataSync()], [...saved[k]!.variable.dataSync()]);
  });
});

test("saving and loading keep no tensor", async (folder) => {
  const entries = [filter()];
  const before = tf.memory().numTensors;
  const path = await saveCheckpoint(`${folder}/last`, entries, state);
  await load(path, entries);
  assert.equal(tf.memory().numTensors, before);
});

test("what only training needs, and PyTorch's counters, are passed over", async (folder) => {
  const more = ["optimizer/w/momentum", "player/a/d/w", "loss/a/b", "bn.num_batches_tracked"];
  const entries = [filter(), ...more.map((name) => entry(name, tf.scalar(1)))];
  const path = await saveCheckpoint(`${folder}/last`, entries, state);
  const model = filter(0);
  await load(path, [model]);
  assert.equal(model.variable.dataSync()[23], 23);
});

test("every difference is named and nothing is loaded", async (folder) => {
  const names = ["b", "c", "d", "e", "f", "g"].map((name) => `${name}.weight`);
  const stored = [
    filter(),
    entry("bn.bias", tf.zeros([3])),
    ...names.map((name) => entry(name, tf.scalar(0))),
  ];
  const path = await saveCheckpoint(`${folder}/last`, stored, state);
  const wanted = [filter(0), entry("bn.bias", tf.ones([3])), entry("head.weight", tf.zeros([1]))];
  await assert.rejects(load(path, wanted), {
    name: "UserError",
    message: `${path}: does not fit the recipe's model: missing head.weight; ` +
      "unexpected b.weight, c.weight, d.weight, e.weight, f.weight and 1 more",
  });
  await assert.rejects(load(path, [entry("conv.weight", tf.zeros([3, 3, 2, 4])), ...wanted.slice(1)]), {
    name: "UserError",
    message: `${path}: conv.weight: the file has shape [4, 3, 1, 2], the model [4, 2, 3, 3]`,
  });
  assert.deepEqual([...wanted[1]!.variable.dataSync()], [1, 1, 1]);
});

test("another format, a cut file and an unwritable folder are told apart", async (folder) => {
  const path = `${folder}/x.safetensors`;
  const bytes = encodeSafetensors({ tensors: new Map(), metadata: { producer: "plca", format: "2" } });
  await Deno.writeFile(path, bytes);
  await assert.rejects(load(path, []), {
    name: "UserError",
    message: `${path}: checkpoint format 2; this plca reads format 1`,
  });
  await Deno.writeFile(path, bytes.slice(0, 20));
  await assert.rejects(load(path, []), {
    name: "UserError",
    message: `${path}: its header claims ${
      bytes.length - 8
    } bytes, the file has 20; expected a safetensors file`,
  });
  await assert.rejects(saveCheckpoint(`${folder}/none/last`, [filter()], state), (error: unknown) => {
    assert.ok(error instanceof Error && error.name === "UserError");
    assert.match(error.message, /\/none\/last\.safetensors: cannot be written \(.+\)$/);
    return true;
  });
});
