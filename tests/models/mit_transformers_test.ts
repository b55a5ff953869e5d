/** A Mix Transformer as transformers keeps it. */
import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { diskFiles } from "../../datasets/files.ts";
import { models } from "../../models/mod.ts";
import { assembleModel } from "../../train/assemble.ts";
import { storedTensors } from "../../train/checkpoint.ts";
import { initialiseFrom } from "../../train/weights.ts";
import { torchStateDict } from "../../weights/export.ts";
import { readWeights } from "../../weights/read.ts";
import { type StoredTensor, toFloat32 } from "../../weights/stored_tensor.ts";
import { backboneCase } from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import type { MitCase } from "../mit.ts";
import { tinyPlan } from "../train/fakes.ts";

const recorded = backboneCase<MitCase & { readonly folder: string }>("hf/segformer_tiny");
const folder = new URL(`../goldens/${recorded.folder}`, import.meta.url).pathname;
const { dims, blocks, head_width, classes } = recorded.options;

function planOf(options: object = {}) {
  return new Registry(models).plan("model", {
    type: "mit",
    options: { dims, blocks, head_width, ...options },
  });
}

/** The tensors of the folder's network under the names of transformers. */
async function thereAndBack(): Promise<Map<string, StoredTensor>> {
  const plan = planOf();
  const names = Array.from({ length: classes! }, (_, k) => `class ${k}`);
  const planned = {
    ...tinyPlan(),
    labelSpace: { name: "hf", classes: names, ignore: 255 },
    model: { type: "mit", plan },
  };
  const model = assembleModel(planned);
  await initialiseFrom({ file: folder }, { plan: planned, state: model.state }, diskFiles());
  const own = [...await storedTensors(model.state)].map(([name, tensor]) =>
    [name, { shape: tensor.shape, data: toFloat32(tensor) }] as const
  );
  model.dispose();
  const theirs = plan.transformers!.tensors(new Map(own));
  return torchStateDict(
    new Map([...theirs].map(([name, { shape, data }]) => [name, {
      dtype: "F32",
      shape,
      data: data as Float32Array<ArrayBuffer>,
    }])),
  );
}

backendTest("wasm", "TransformersLayout: a network of transformers goes back tensor for tensor", async () => {
  const { tensors } = readWeights(await Deno.readFile(`${folder}/model.safetensors`), "file");
  const back = await thereAndBack();
  assert.deepEqual([...back.keys()].sort(), [...tensors.keys()].sort());
  for (const [name, tensor] of tensors) {
    const { shape, data } = back.get(name)!, read = tensor.read();
    assert.deepEqual([name, shape, [...data]], [name, read.shape, [...read.data]]);
  }
});

Deno.test("TransformersLayout: the configuration is that of transformers, classes and version aside", () => {
  const config = JSON.parse(Deno.readTextFileSync(`${folder}/config.json`));
  for (const key of ["id2label", "label2id", "transformers_version"]) delete config[key];
  assert.deepEqual({ ...planOf().transformers!.config }, config);
  assert.equal(planOf({ head: "daformer" }).transformers, undefined);
});

Deno.test("TransformersLayout: stages that are fused finest first are put into the order of transformers", () => {
  const name = "decode_head.linear_fuse.conv.weight";
  const tensors = (options: object) =>
    planOf(options).transformers!.tensors(
      new Map([[name, { shape: [2, 8, 1, 1], data: Float32Array.from({ length: 16 }, (_, k) => k) }]]),
    ).get("decode_head.linear_fuse.weight")!.data;
  assert.deepEqual([...tensors({ fuse_order: "finest-first" })], [
    ...[6, 7, 4, 5, 2, 3, 0, 1],
    ...[14, 15, 12, 13, 10, 11, 8, 9],
  ]);
  assert.deepEqual([...tensors({})], Array.from({ length: 16 }, (_, k) => k));
  assert.throws(
    () =>
      planOf().transformers!.tensors(new Map([["other.weight", { shape: [0], data: new Float32Array(0) }]])),
    { message: "SegFormer of transformers has no place for the tensor other.weight" },
  );
});
