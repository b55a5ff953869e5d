/** A Mix Transformer as transformers keeps it. */
import assert from "node:assert/strict";
import { diskFiles } from "../../datasets/files.ts";
import { PUBLISHED_EPSILONS } from "../../models/mix_transformer.ts";
import { assembleModel } from "../../train/assemble.ts";
import { storedTensors } from "../../train/checkpoint.ts";
import { initialiseFrom } from "../../train/weights.ts";
import { torchStateDict } from "../../weights/export.ts";
import { readWeights } from "../../weights/read.ts";
import { type StoredTensor, toFloat32 } from "../../weights/stored_tensor.ts";
import { backboneCases } from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import { type MitCase, mitPlanOf, recordedSpace } from "../mit.ts";
import { tinyPlan } from "../train/fakes.ts";

interface FolderCase extends MitCase {
  readonly folder: string;
}

const folderOf = (one: FolderCase) => new URL(`../goldens/${one.folder}`, import.meta.url).pathname;

/** The network of plca that a folder becomes, whose epsilons are its own. */
function planOf(one: FolderCase, more: object = {}) {
  return mitPlanOf({ ...one, options: { ...one.options, eps: PUBLISHED_EPSILONS } }, more);
}

/** The tensors of a folder's network under the names of transformers. */
async function thereAndBack(one: FolderCase): Promise<Map<string, StoredTensor>> {
  const plan = planOf(one);
  const planned = { ...tinyPlan(), labelSpace: recordedSpace(one), model: { type: "mit", plan } };
  const model = assembleModel(planned);
  await initialiseFrom({ file: folderOf(one) }, { plan: planned, state: model.state }, diskFiles());
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

const folders = backboneCases<FolderCase>("hf/");

for (const one of folders) {
  backendTest(
    "wasm",
    `TransformersLayout: the network of ${one.name} goes back tensor for tensor`,
    async () => {
      const { tensors } = readWeights(await Deno.readFile(`${folderOf(one)}/model.safetensors`), "file");
      const back = await thereAndBack(one);
      assert.deepEqual([...back.keys()].sort(), [...tensors.keys()].sort());
      for (const [name, tensor] of tensors) {
        const { shape, data } = back.get(name)!, read = tensor.read();
        assert.deepEqual([name, shape, [...data]], [name, read.shape, [...read.data]]);
      }
    },
  );

  Deno.test(`TransformersLayout: the configuration is that of ${one.name}, classes and version aside`, () => {
    const config = JSON.parse(Deno.readTextFileSync(`${folderOf(one)}/config.json`));
    for (const key of ["id2label", "label2id", "transformers_version"]) delete config[key];
    const drawn = { drop_path: config.drop_path_rate, dropout: config.classifier_dropout_prob };
    assert.deepEqual({ ...planOf(one, drawn).transformers!.config }, config);
    assert.equal(planOf(one, { head: "daformer" }).transformers, undefined);
  });
}

Deno.test("TransformersLayout: stages that are fused finest first are put into the order of transformers", () => {
  const name = "decode_head.linear_fuse.conv.weight";
  const tensors = (options: object) =>
    planOf(folders[0]!, options).transformers!.tensors(
      new Map([[name, { shape: [2, 8, 1, 1], data: Float32Array.from({ length: 16 }, (_, k) => k) }]]),
    ).get("decode_head.linear_fuse.weight")!.data;
  assert.deepEqual([...tensors({ fuse_order: "finest-first" })], [
    ...[6, 7, 4, 5, 2, 3, 0, 1],
    ...[14, 15, 12, 13, 10, 11, 8, 9],
  ]);
  assert.deepEqual([...tensors({})], Array.from({ length: 16 }, (_, k) => k));
  assert.throws(
    () =>
      planOf(folders[0]!).transformers!.tensors(
        new Map([["other.weight", { shape: [0], data: new Float32Array(0) }]]),
      ),
    { message: "SegFormer of transformers has no place for the tensor other.weight" },
  );
});
