import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";
import type { StateEntry } from "../../train/state.ts";
import { type CheckpointState, readCheckpoint, saveCheckpoint } from "../../train/checkpoint.ts";
import { newestWhole } from "../../train/resume.ts";
import { loadWeights } from "../../train/weights.ts";
import { plainFiles, tinyPlan } from "./fakes.ts";
import { pathTest as test } from "./runs.ts";

const state: CheckpointState = {
  recipe: "tiny",
  phase: "tiny",
  step: 3,
  steps: 5,
  seed: 7,
  best: { step: 2, miou: 0.5 },
  validated: 2,
};

/** Saves as the newest of two. @returns the path */
async function save(folder: string, entries: readonly StateEntry[], keep = 2): Promise<string> {
  const path = `${folder}/last.safetensors`;
  await saveCheckpoint(path, { entries, state, keep });
  return path;
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
  const path = await save(folder, saved);
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  const stored = tensors.get("conv.weight")!;
  assert.deepEqual(stored.shape, [4, 3, 1, 2]);
  // HWIO [0, 1, 2, 3] is element 23; OIHW [3, 2, 0, 1] the last.
  assert.equal(stored.data[23], 23);
  assert.equal(stored.data[1], 12);
  assert.deepEqual(Object.keys(metadata), ["producer", "format", "state", "sha256"]);
  assert.deepEqual([metadata["producer"], metadata["format"]], ["plca", "2"]);
  assert.deepEqual((await readCheckpoint(path, plainFiles)).state, state);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["last.safetensors"]);

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
  const path = await save(folder, entries);
  await load(path, entries);
  assert.equal(tf.memory().numTensors, before);
});

test("what only training needs, and PyTorch's counters, are passed over", async (folder) => {
  const more = ["optimizer/w/momentum", "player/a/d/w", "loss/a/b", "bn.num_batches_tracked"];
  const entries = [filter(), ...more.map((name) => entry(name, tf.scalar(1)))];
  const path = await save(folder, entries);
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
  const path = await save(folder, stored);
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
  const bytes = encodeSafetensors({ tensors: new Map(), metadata: { producer: "plca", format: "3" } });
  await Deno.writeFile(path, bytes);
  await assert.rejects(load(path, []), {
    name: "UserError",
    message: `${path}: checkpoint format 3; this plca reads up to 2, a newer one wrote the file`,
  });
  await Deno.writeFile(path, bytes.slice(0, 20));
  await assert.rejects(load(path, []), {
    name: "UserError",
    message: `${path}: its header claims ${
      bytes.length - 8
    } bytes, the file has 20; expected a safetensors file`,
  });
  await assert.rejects(save(`${folder}/none`, [filter()]), (error: unknown) => {
    assert.ok(error instanceof Error && error.name === "UserError");
    assert.match(error.message, /\/none\/last\.safetensors: cannot be written \(.+\)$/);
    return true;
  });
});

test("so many of the latest are kept, and nothing else lies there", async (folder) => {
  const stored = async (path: string) =>
    (await readCheckpoint(`${folder}/${path}`, plainFiles)).tensors.get("w")!.data[0];
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  for (const value of [1, 2, 3, 4]) await save(folder, [entry("w", tf.scalar(value))], 3);
  assert.deepEqual(names(), ["last.1.safetensors", "last.2.safetensors", "last.safetensors"]);
  assert.deepEqual(
    [
      await stored("last.safetensors"),
      await stored("last.1.safetensors"),
      await stored("last.2.safetensors"),
    ],
    [4, 3, 2],
  );
});

test("one changed bit is found, a file of format 1 still loads", async (folder) => {
  const path = await save(folder, [filter()]);
  const bytes = await Deno.readFile(path);
  const { tensors } = decodeSafetensors(bytes, path);
  bytes[bytes.length - 5]! ^= 1;
  await Deno.writeFile(path, bytes);
  await assert.rejects(load(path, [filter()]), {
    name: "UserError",
    message: `${path}: damaged: its contents do not have the checksum they were written with`,
  });
  const older = { tensors, metadata: { producer: "plca", format: "1", recipe: "tiny", step: "3" } };
  await Deno.writeFile(path, encodeSafetensors(older));
  const loaded = filter(0);
  await load(path, [loaded]);
  assert.equal(loaded.variable.dataSync()[23], 23);
});

/** What is wrong with a checkpoint after these bytes of its header were changed, and what of it is told. */
const LOST: readonly (readonly [from: string, to: string, why: string])[] = [
  ['"sha256"', '"sha257"', 'it has lost its "sha256"'],
  ['"state"', '"stale"', 'it has lost its "state"'],
  ['"producer":"plca"', '"producer":"plcb"', 'it has plca\'s checksum, but "producer" is no longer plca'],
  ['"producer"', '"producem"', 'it has plca\'s checksum, but "producer" is no longer plca'],
  ['"format":"2"', '"format":"1"', "it has a checksum, which format 1 does not know"],
  ['"format"', '"fornat"', 'it has lost its "format"'],
];

for (const [from, to, why] of LOST) {
  test(`a checkpoint with ${to} for ${from} is damaged`, async (folder) => {
    const path = await save(folder, [filter()]);
    await Deno.writeFile(path, replaced(await Deno.readFile(path), from, to));
    const refused = { name: "UserError", message: `${path}: damaged: ${why}` };
    await assert.rejects(readCheckpoint(path, plainFiles), refused);
    await assert.rejects(load(path, [filter()]), refused);
  });
}

/** Bytes with `to`, which is as long, in place of the first `from`. */
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const latin = new TextDecoder("latin1").decode(bytes);
  assert.equal(from.length, to.length);
  const at = latin.indexOf(from);
  assert.ok(at > 0);
  const changed = bytes.slice();
  changed.set(new TextEncoder().encode(to), at);
  return changed;
}

test("an exported file has no checksum: it is read as weights, and is no checkpoint of a run", async (folder) => {
  const path = `${folder}/exported.safetensors`;
  const { tensors } = decodeSafetensors(await Deno.readFile(await save(folder, [filter()])), path);
  const metadata = { producer: "plca", format: "2", source: "last.safetensors" };
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata }));
  const loaded = filter(0);
  await load(path, [loaded]);
  assert.equal(loaded.variable.dataSync()[23], 23);
  await assert.rejects(readCheckpoint(path, plainFiles), {
    name: "UserError",
    message: `${path}: damaged: it has no checksum, which training writes`,
  });
});

test("values that are not finite are not written, and what lay there stays", async (folder) => {
  const path = await save(folder, [entry("w", tf.scalar(1))]);
  const free = { ...entry("loss/a/b", tf.scalar(Infinity)), free: true };
  await assert.rejects(save(folder, [entry("w", tf.scalar(NaN)), free]), {
    name: "UserError",
    message: `${path}: not written, for w has values that are not finite; what lies there stays`,
  });
  assert.equal((await readCheckpoint(path, plainFiles)).tensors.get("w")!.data[0], 1);
  await save(folder, [free]);
});

test("newestWhole finds the former checkpoint where a process died between two renames", async (folder) => {
  assert.equal(await newestWhole(folder, plainFiles), undefined);
  const checkpoints = `${folder}/checkpoints`;
  await Deno.mkdir(checkpoints);
  await save(checkpoints, [filter()]);
  await Deno.rename(`${checkpoints}/last.safetensors`, `${checkpoints}/last.1.safetensors`);
  const { path, damage } = (await newestWhole(folder, plainFiles))!;
  assert.deepEqual([path, damage], [`${checkpoints}/last.1.safetensors`, ""]);
});
