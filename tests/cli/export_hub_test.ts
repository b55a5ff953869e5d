/** `plca export --hub`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { parse } from "yaml";
import { openModel } from "../../export/run_model.ts";
import { pythonWith } from "../python.ts";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const TRAINING =
  "training: { steps: 1, batch: 1, validate_every: 0 }\nbaseline: null\nlosses: [{ type: cross-entropy }]";
const MIT = "model: { type: mit, options: { dims: [8, 16, 20, 32], blocks: [1, 1, 1, 1], head_width: 16 } }";

/** A run of the recipe and its folder for a hub. */
async function exported(folder: string, recipe: string): Promise<string> {
  await Deno.writeTextFile(join(folder, "tiny.yaml"), recipe);
  for (const args of [["train", "tiny.yaml"], ["export", "runs/tiny-001", "--hub", "hub"]]) {
    const { code, stdout, stderr } = await plca(args, { cwd: folder });
    assert.equal(code, 0, stderr);
    if (args[0] === "export") return stdout;
  }
  throw new Error("unreachable");
}

const text = (folder: string, name: string) => Deno.readTextFile(join(folder, "hub", name));

const mitRecipe = tinyRecipe(TRAINING).replace(/^model: .*$/m, MIT);
const nothing = () => Promise.resolve();

folderTest("plca export --hub: SegFormer in the layout of transformers", nothing, async (folder) => {
  const told = await exported(folder, mitRecipe);
  assert.match(
    told,
    /The folder hub is ready for a hub: 7 files, \d+\.\d MB; transformers reads it\. Read README\.md, and say there which licence holds\.\n$/,
  );
  const config = JSON.parse(await text(folder, "config.json"));
  assert.deepEqual(
    [config.model_type, config.hidden_sizes, config.id2label["0"], config.label2id.building],
    ["segformer", [8, 16, 20, 32], "sky", 1],
  );
  const preprocessor = JSON.parse(await text(folder, "preprocessor_config.json"));
  assert.deepEqual(
    [preprocessor.image_processor_type, preprocessor.size, preprocessor.image_mean[0]],
    ["SegformerImageProcessor", { height: 32, width: 40 }, 0.485],
  );
  const session = await InferenceSession.create(join(folder, "hub", "onnx", "model.onnx"));
  assert.deepEqual([session.inputNames, session.outputNames], [["pixel_values"], ["logits"]]);
  await session.release();

  const card = await text(folder, "README.md");
  const evaluation = JSON.parse(await Deno.readTextFile(join(folder, "runs/tiny-001/evaluation.json")));
  const [, front] = /^---\n([\s\S]*?)---\n/.exec(card)!;
  const { library_name, license, "model-index": [index] } = parse(front!);
  assert.deepEqual(
    [library_name, license, index.results[0].metrics[0].value],
    ["transformers", "unknown", Number((100 * evaluation.miou).toFixed(1))],
  );
  assert.match(card, /\| mIoU \| \d+\.\d \|/);

  // The folder alone is enough to measure the same again.
  const again = await plca([
    ...["eval", "--recipe", "hub/recipe.yaml", "--checkpoint", "hub/model.safetensors"],
    ...["--split", "val", "--json"],
  ], { cwd: folder });
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(JSON.parse(again.stdout).confusion, evaluation.confusion);
});

folderTest("plca export --hub: a network that transformers does not know", nothing, async (folder) => {
  const told = await exported(
    folder,
    tinyRecipe(TRAINING),
  );
  assert.match(told, /7 files, \d+\.\d MB\. Read README\.md/);
  const config = JSON.parse(await text(folder, "config.json"));
  assert.deepEqual([config.library_name, config.model_type, config.options.width], [
    "plca",
    "deeplab-v2",
    0.0625,
  ]);
  assert.match(await text(folder, "README.md"), /^library_name: plca$/m);
});

folderTest(
  "plca export --hub: nobody's folders are in the recipe, and BGR is said",
  nothing,
  async (folder) => {
    const recipe = mitRecipe
      .replace("input: { crop: 32 }", "input: { crop: 32, normalization: caffe }")
      .replace(
        "test: null",
        `test: { type: street, width: 40, height: 32, domain: dusk, split: test, count: 1 }\n  root: ${folder}/private`,
      );
    await exported(folder, recipe);
    const kept = await text(folder, "recipe.yaml");
    assert.ok(!kept.includes(folder), kept);
    assert.match(kept, /root: FOLDER\/private/);
    assert.match(
      await text(folder, "README.md"),
      /transformers does not read this folder: it gives red, green and blue, and this network was trained on blue, green and red\./,
    );
  },
);

folderTest("plca export --hub: a folder that is not empty stays as it is", nothing, async (folder) => {
  await exported(folder, mitRecipe);
  const { code, stderr } = await plca(["export", "runs/tiny-001", "--hub", "hub"], { cwd: folder });
  assert.equal(code, 2);
  assert.match(stderr, /^--hub hub: the folder is not empty \(it has \S+\); choose a new one\n$/);
});

const python = pythonWith("transformers", "torch");
Deno.test({
  name: `plca export --hub: transformers computes the logits of the ONNX file${
    python ? "" : " (no Python with transformers)"
  }`,
  ignore: python === null,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await exported(folder, mitRecipe);
      const { success, stdout, stderr } = await new Deno.Command(python!, {
        args: ["-c", SCRIPT, join(folder, "hub")],
      })
        .output();
      assert.ok(success, new TextDecoder().decode(stderr));
      const { logits, images, shape, keys } = JSON.parse(new TextDecoder().decode(stdout));
      assert.deepEqual(keys, { missing: [], unexpected: [] });
      const model = await Deno.readFile(join(folder, "hub", "onnx", "model.onnx"));
      const file = openModel({ model, input: "pixel_values", output: "logits" });
      const { data } = file.run({ dims: shape, data: Float32Array.from(images) });
      file.close();
      assert.equal(data.length, logits.length);
      const difference = Math.max(...logits.map((value: number, k: number) => Math.abs(value - data[k]!)));
      assert.ok(difference <= 1e-4, `${difference}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const SCRIPT = `
import json, sys, torch
from transformers import SegformerForSemanticSegmentation
model, info = SegformerForSemanticSegmentation.from_pretrained(sys.argv[1], output_loading_info=True)
images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    logits = model.eval()(images).logits
print(json.dumps({
    "shape": list(images.shape),
    "images": images.flatten().tolist(),
    "logits": logits.flatten().tolist(),
    "keys": {"missing": sorted(info["missing_keys"]), "unexpected": sorted(info["unexpected_keys"])},
}))
`;
