/** What a training notes at its start: weights that are missing, and crops that are mostly padding. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const RECIPE = `${tinyRecipe("training: { steps: 2, batch: 1 }\n")}`
  .replace("extends: street\n", "extends: street_mit\n")
  .replace("model: { options: { width: 0.0625 } }", "model: { weights: null }")
  .replace("input: { crop: 32 }", "input: { crop: [64, 40] }");

folderTest(
  "train notes once that a published size starts from random numbers, and that crops are half padding",
  (folder) => Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE),
  async (folder) => {
    const { code, stdout, stderr } = await plca(["train", "tiny.yaml"], { cwd: folder });
    assert.deepEqual([code, stderr], [0, ""]);
    const notes = stdout.split("\n").filter((line) => /random numbers|padding/.test(line));
    assert.deepEqual(notes, [
      "source-only: mit starts from random numbers, and published results start from MiT-b0 trained on ImageNet: " +
      'name a file of them in model.weights, or write "weights: seed" there if random numbers are meant',
      "source-only: 50.0 % of the first crops of source are padding, since its images are smaller than input.crop, " +
      "40x64 pixels; a smaller crop takes less time and memory",
      "tiny: 50.0 % of the first crops of target are padding, since its images are smaller than input.crop, " +
      "40x64 pixels; a smaller crop takes less time and memory",
    ]);
  },
);
