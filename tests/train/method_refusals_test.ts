/** What methods refuse: files, crops and numbers that do not fit, each in one line, before anything is trained. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunPlan } from "../../core/plan.ts";
import { diskFiles } from "../../datasets/files.ts";
import { encodeSafetensors } from "../../weights/safetensors.ts";
import { planOf } from "./method_plans.ts";
import { go, pathTest, placeless } from "./runs.ts";

/** Fails to train with this message, in one line; nothing is left that could be taken for a result. */
async function refuses(folder: string, plan: RunPlan, message: string): Promise<void> {
  await assert.rejects(go(folder, plan, () => false, diskFiles()), (error) => {
    assert.equal(placeless(error, folder), message);
    return true;
  });
  await assert.rejects(Deno.stat(`${folder}/run/checkpoints/last.safetensors`), Deno.errors.NotFound);
}

const FROZEN = (file: string) =>
  "name: of_the_test\n" +
  `networks: { perceptual: { type: frozen, model: { type: vgg19 }, weights: "${file}" } }\n` +
  "phases: { source: null, translation: { length: null, networks: null, losses: {" +
  ["source-again", "target-again", "look-of-target", "look-of-source"]
    .map((name) => ` ${name}: { options: { taps: [relu1_1, relu2_1, relu3_1, relu4_1, relu5_1] } }`)
    .join(", ") +
  " } } }\n";

pathTest(
  "a file of weights that is missing, or of another network, is named before anything is trained",
  async (folder) => {
    const file = join(folder, "vgg19.safetensors");
    const plan = await planOf("dise", FROZEN(file));
    await refuses(folder, plan, "vgg19.safetensors: there is no such file");
    const tensor = { dtype: "F32" as const, shape: [1], data: new Float32Array(1) };
    const tensors = new Map([["conv1.weight", tensor]]);
    await Deno.writeFile(file, encodeSafetensors({ tensors, metadata: {} }));
    await refuses(
      folder,
      plan,
      "vgg19.safetensors: none of its 1 tensors (conv1.weight) belongs to the model; expected names such as " +
        "features.0.weight, features.0.bias, ...",
    );
  },
);

/** What a crop of 12x48 pixels is too small for, by recipe. */
const TOO_SMALL: Readonly<
  Record<string, { readonly overrides?: readonly string[]; readonly message: string }>
> = {
  dise: {
    overrides: ["phases.source=null", "phases.translation.length=null"],
    message: 'loss "domain" (dise.yaml, at losses[4]) threw: ' +
      "the discriminator halves its input four times: expected a crop of at least 16 pixels, got 12x48",
  },
  advent: {
    message: 'loss "adversarial" (advent.yaml, at losses[2]) threw: ' +
      "the discriminator halves its input five times: expected a crop of at least 32 pixels, got 12x48",
  },
  clan: {
    message: 'loss "local-adversarial" (clan.yaml, at losses[2]) threw: ' +
      "the discriminator halves its input five times: expected a crop of at least 32 pixels, got 12x48",
  },
  patchalign: {
    message: 'loss "patch-alignment" (patchalign.yaml, at losses[1]): ' +
      "a patch is 32x64 pixels: expected a crop of at least as many, got 12x48",
  },
};

pathTest("a crop that is too small for an opponent, or for a patch, is told in one line", async (folder) => {
  for (const [name, { overrides = [], message }] of Object.entries(TOO_SMALL)) {
    const plan = await planOf(name, "name: of_the_test\n", ["input.crop=[12, 48]", ...overrides]);
    await refuses(folder, plan, message);
    await Deno.remove(`${folder}/run`, { recursive: true });
  }
});

pathTest("fewer different patches than clusters are told before the first step", async (folder) => {
  const more =
    "name: of_the_test\nlosses: { patch-alignment: { options: { patch: [32, 32], clusters: 50 } } }\n";
  await refuses(
    folder,
    await planOf("patchalign", more),
    'loss "patch-alignment" (of_the_test.yaml, at losses[1]): ' +
      "there are 6 different patches, expected at least 50, one for each cluster",
  );
});
