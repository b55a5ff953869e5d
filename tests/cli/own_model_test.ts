/** A model in a file of the user: the commands that use its weights run the file when they are told to. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { join } from "node:path";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

/** As docs/extending.md has it. */
const docs = await Deno.readTextFile(new URL("../../docs/extending/two_layers.ts", import.meta.url));

async function trained(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "two_layers.ts"), docs);
  const more =
    "training: { steps: 1, batch: 1, validate_every: 0 }\nbaseline: null\nlosses: [{ type: cross-entropy }]";
  const model = "model: { use: ./two_layers.ts, options: { width: 4 } }";
  await Deno.writeTextFile(join(folder, "tiny.yaml"), tinyRecipe(more).replace(/^model: .*$/m, model));
  const { code, stderr } = await plca(["train", "tiny.yaml"], { cwd: folder });
  assert.equal(code, 0, stderr);
}

folderTest("eval, predict and export --import run the file of a model", trained, async (folder) => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await plca([...args, "--import"], { cwd: folder });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const evaluation = JSON.parse(await Deno.readTextFile(join(folder, "runs/tiny-001/evaluation.json")));
  assert.deepEqual(JSON.parse(await run("eval", "--json")).confusion, evaluation.confusion);
  assert.match(await run("export", "--out", "own.onnx"), /100\.000 % of \d+ labels equal/);
  assert.match(await run("export", "--hub", "hub"), /^The folder hub is ready for a hub: 7 files/m);
  const config = JSON.parse(await Deno.readTextFile(join(folder, "hub", "config.json")));
  assert.equal(config.library_name, "plca");
  const image = join(folder, "image.png");
  await Deno.writeFile(
    image,
    encode({ width: 40, height: 32, channels: 3, data: new Uint8Array(3 * 40 * 32) }),
  );
  await run("predict", image, "--out", "labels");
  assert.ok([...Deno.readDirSync(join(folder, "labels", "labels"))].length === 1);
});

folderTest(
  "without --import no file of the recipe is run, and the line says what to do",
  trained,
  async (folder) => {
    const { code, stderr } = await plca(["eval"], { cwd: folder });
    assert.deepEqual([code, stderr], [
      2,
      "the model \"two-layers\" is not one of plca's: train and ablate run a recipe's own files, check, eval, predict and " +
      "export with --import\n",
    ]);
  },
);
