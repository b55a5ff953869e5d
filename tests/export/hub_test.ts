/** The folder for a hub, and what exported files say of themselves. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { RunPlan } from "../../core/plan.ts";
import { hubFiles, type HubParts } from "../../export/hub.ts";
import { exportMetadata } from "../../export/metadata.ts";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import { inFolder } from "../cli/fake_host.ts";

const NORMALIZATION = {
  order: "bgr",
  scale: 1 / 255,
  mean: [0.4, 0.5, 0.6],
  deviation: [0.2, 0.25, 0.3],
} as const;
const SPACE = { name: "own", classes: ["road", "sky"], ignore: 255 };

const PARTS: HubParts = {
  state: new Map([
    ["conv.weight", { dtype: "F32", shape: [2, 1], data: Float32Array.of(1, 2) }],
    ["conv.steps", { dtype: "F16", shape: [1], data: Float16Array.of(0.5) }],
  ]),
  model: { type: "deeplab-v2", options: { width: 0.5 } },
  labelSpace: SPACE,
  normalization: NORMALIZATION,
  size: [32, 40],
  onnx: new Map([["onnx/model.onnx", Uint8Array.of(1)], ["onnx/model_fp16.onnx", Uint8Array.of(2)]]),
  recipe: "name: größe\n",
  card: {
    name: "own",
    model: "deeplab-v2",
    source: "street",
    transformers: false,
    notes: [],
    onnx: [],
    version: "0",
  },
};

/** The folder's files by path; those of JSON parsed. */
function filesOf(parts: HubParts) {
  const all = new Map(hubFiles(parts).map(({ path, bytes }) => [path, bytes]));
  const text = (path: string) => new TextDecoder().decode(all.get(path));
  return { all, text, json: (path: string) => JSON.parse(text(path)) };
}

Deno.test("hubFiles: card, configuration, weights, recipe and ONNX files, each once", () => {
  const { all, text } = filesOf(PARTS);
  assert.deepEqual([...all.keys()], [
    "README.md",
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "recipe.yaml",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
  ]);
  assert.equal(text("recipe.yaml"), "name: größe\n");
  assert.match(text("README.md"), /^---\nlibrary_name: plca\n/);
  assert.deepEqual([...all.get("onnx/model_fp16.onnx")!], [2]);
});

Deno.test("hubFiles: a network that transformers does not know is in plca's own form", () => {
  const { json, all } = filesOf(PARTS);
  assert.deepEqual(json("config.json"), {
    library_name: "plca",
    model_type: "deeplab-v2",
    options: { width: 0.5 },
    id2label: { 0: "road", 1: "sky" },
    label2id: { road: 0, sky: 1 },
  });
  assert.deepEqual(json("preprocessor_config.json"), {
    channel_order: "bgr",
    do_resize: true,
    size: { height: 32, width: 40 },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: NORMALIZATION.mean,
    image_std: NORMALIZATION.deviation,
    do_reduce_labels: false,
  });
  const { tensors, metadata } = decodeSafetensors(all.get("model.safetensors")!, "x");
  assert.deepEqual(metadata, { format: "pt" });
  assert.deepEqual([...tensors.keys()], ["conv.weight", "conv.steps"]);
});

Deno.test("hubFiles: a layout of transformers names tensors and configuration, as float32", () => {
  const layout = {
    config: { model_type: "segformer", depths: [1] },
    imageProcessor: "SegformerImageProcessor",
    tensors: (own: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>) =>
      new Map([...own].map(([name, tensor]) => [`decode_head.${name}`, tensor])),
  };
  const { json, all } = filesOf({ ...PARTS, layout });
  assert.deepEqual(json("config.json"), {
    model_type: "segformer",
    depths: [1],
    semantic_loss_ignore_index: 255,
    id2label: { 0: "road", 1: "sky" },
    label2id: { road: 0, sky: 1 },
  });
  const preprocessor = json("preprocessor_config.json");
  assert.deepEqual([preprocessor.image_processor_type, "channel_order" in preprocessor], [
    "SegformerImageProcessor",
    false,
  ]);
  const { tensors } = decodeSafetensors(all.get("model.safetensors")!, "x");
  assert.deepEqual([...tensors.keys()], ["decode_head.conv.weight", "decode_head.conv.steps"]);
  assert.deepEqual(tensors.get("decode_head.conv.steps"), {
    dtype: "F32",
    shape: [1],
    data: Float32Array.of(0.5),
  });
});

const PLAN = {
  name: "own",
  labelSpace: { ...SPACE, colours: [[1, 2, 3], [4, 5, 6]] },
  input: { normalization: NORMALIZATION },
  model: { type: "deeplab-v2" },
  evaluation: { size: [40, 56] },
} as unknown as RunPlan;

Deno.test("exportMetadata: run, recipe, weights by their checksum, classes and how images are prepared", () =>
  inFolder(async (folder) => {
    const checkpoint = join(folder, "last.safetensors");
    await Deno.writeTextFile(checkpoint, "weights");
    const metadata = await exportMetadata(PLAN, {
      checkpoint,
      recipe: "runs/own-003/config.yaml",
      phase: "adapted",
      inputs: "uint8",
    });
    const { plca, ...rest } = metadata;
    assert.match(plca!, /^\d+\.\d+\.\d+/);
    assert.deepEqual(rest, {
      recipe: "own",
      run: "own-003",
      phase: "adapted",
      model: "deeplab-v2",
      checkpoint: "last.safetensors",
      checkpoint_sha256: createHash("sha256").update("weights").digest("hex"),
      classes: '["road","sky"]',
      colours: "[[1,2,3],[4,5,6]]",
      inputs: "uint8",
      normalization: JSON.stringify(NORMALIZATION),
      evaluation_size: "[40,56]",
    });
  }));

Deno.test("exportMetadata: no run is named for a recipe outside of one, and nothing that is not known", () =>
  inFolder(async (folder) => {
    const checkpoint = join(folder, "w.safetensors");
    await Deno.writeTextFile(checkpoint, "");
    const plan = { ...PLAN, evaluation: {} } as RunPlan;
    for (const recipe of ["recipes/own.yaml", undefined]) {
      const found = await exportMetadata(plan, {
        checkpoint,
        recipe,
        phase: undefined,
        inputs: "normalised",
      });
      assert.deepEqual(["run", "phase", "evaluation_size"].filter((name) => name in found), []);
    }
  }));
