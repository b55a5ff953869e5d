/** Methods with networks of their own: stopped in their middle, they end as if they had not been; and what they refuse. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunPlan } from "../../core/plan.ts";
import { encodeSafetensors } from "../../weights/safetensors.ts";
import { type Method, ONE_ROUND, planOf, testResuming } from "./method_plans.ts";
import { go, pathTest } from "./runs.ts";

const PSPNET = "model: { type: pspnet, options: { layers: [1, 1, 1, 1], width: 0.0625, dropout: 0.5 } }\n" +
  "losses: { cross-entropy-auxiliary: { type: cross-entropy, weight: 0.4, options: { tap: auxiliary } } }\n" +
  "phases: { statistics: { losses: { cross-entropy-auxiliary: null } } }\n";

const CASES: Readonly<Record<string, Method>> = {
  "pyCDA: two updates a step, dropout, statistics estimated anew": {
    recipe: "pycda",
    more: PSPNET,
    overrides: ["training.steps=40", "phases.adaptation.length=0.15"],
    stops: ["adaptation 3", "statistics 1"],
  },
  "pyCDA with priors that are counted before the first step": {
    recipe: "pycda",
    more: "losses: { images: { options: { prior: places, images: 3 } } }\n",
    overrides: ["training.steps=40", "phases.adaptation.length=0.1"],
    stops: ["adaptation 1", "adaptation 3"],
  },
  "DISE: encoders, a decoder, opponents that step ahead": {
    recipe: "dise",
    overrides: [
      "training.steps=6",
      "phases.translation.streams.translated.options.width=4",
      ...["domain", "domain-auxiliary", "realism-of-target", "realism-of-source"]
        .map((name) => `phases.translation.losses.${name}.options.width=4`),
    ],
    stops: ["source 1", "translation 2"],
  },
  "SSF-DAN: an opponent with a branch for each class": {
    recipe: "ssfdan",
    overrides: ["training.steps=5", "losses.separable-adversarial.options.from=0.1"],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
  "PatchAlign: clusters of patches, a head, two opponents": {
    recipe: "patchalign",
    more: "losses: { patch-alignment: { options: { patch: [8, 8], clusters: 4 } } }\n",
    overrides: ["training.steps=5"],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
};

const DINOV2 =
  "model: { type: dinov2, options: { size: { width: 8, blocks: 2, heads: 2 }, table: 3, checkpointing: true } }\n" +
  "input: { streams: { target: { crop: [40, 48], margins: [0.1, 0, 0.2, 0] } } }\n";

const TRANSFORMERS: Readonly<Record<string, Method>> = {
  "VFM-UDA: a teacher of two views, images disturbed one by one, patches hidden": {
    recipe: "vfm_uda",
    more: DINOV2,
    overrides: ["training.steps=5", "optimizer.type=adamw", "streams.masked.options.hide=patches"],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
  "MIC: a Mix Transformer, whose branches and channels are left out at random, blocks computed again": {
    recipe: "mit/mic",
    more:
      "model: { options: { dims: [4, 8, 10, 16], blocks: [1, 1, 1, 2], head_width: 8, drop_path: 0.5, dropout: 0.5, " +
      "checkpointing: true } }\n",
    overrides: ["training.steps=5", "input.rare_class_sampling.min_pixels=10"],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
  "VFM-UDA on DeepLab-v2: cells hidden": {
    recipe: "vfm_uda",
    overrides: ["training.steps=3"],
    stops: ["of_the_test 2"],
  },
};

/** Beside those of recipes_resume_test.ts. */
const FURTHER: Readonly<Record<string, Method>> = {
  "DAFormer's strategy: a teacher that moves ahead, a network as the student began, rare classes drawn": {
    recipe: "daformer_strategy",
    overrides: ["training.steps=4", "input.rare_class_sampling.min_pixels=10"],
    stops: ["of_the_test 1", "of_the_test 2"],
  },
  "PLCA with DACS: the association beside a teacher's mixed images": {
    recipe: "plca_dacs",
    overrides: ["training.steps=3"],
    stops: ["of_the_test 1"],
  },
  "PLCA with DACS and masks": {
    recipe: "plca_dacs_masks",
    overrides: ["training.steps=3"],
    stops: ["of_the_test 2"],
  },
  "AdaptSeg (LS-GAN): an opponent": {
    recipe: "adaptseg_lsgan",
    overrides: ["training.steps=3"],
    stops: ["of_the_test 1"],
  },
  "MaxSquare: a second head that learns from both": {
    recipe: "maxsquare_multi",
    overrides: ["training.steps=3"],
    stops: ["of_the_test 1"],
  },
  "CRST (MRKLD): a round, its labels written, marks of the images": {
    recipe: "crst_mrkld",
    ...ONE_ROUND,
  },
  "CRST (LRENT): a round, its distributions written": {
    recipe: "crst_lrent",
    ...ONE_ROUND,
  },
};

testResuming({ ...CASES, ...TRANSFORMERS, ...FURTHER });

/** Fails to train with this message; nothing is left that could be taken for a result. */
async function refuses(folder: string, plan: RunPlan, message: RegExp): Promise<void> {
  await assert.rejects(go(folder, plan), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"), error.message);
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

pathTest("a file of weights of another network is named before anything is trained", async (folder) => {
  const other = join(folder, "other.safetensors");
  const tensor = { dtype: "F32" as const, shape: [1], data: new Float32Array(1) };
  const tensors = new Map([["conv1.weight", tensor]]);
  await Deno.writeFile(other, encodeSafetensors({ tensors, metadata: {} }));
  await refuses(folder, await planOf("dise", FROZEN(other)), new RegExp(`^${other}: `));
});

pathTest("a crop that is too small for an opponent, or for a patch, is told in one line", async (folder) => {
  const small = ["input.crop=[12, 48]"];
  await refuses(
    folder,
    await planOf("dise", "name: of_the_test\n", [
      ...small,
      "phases.source=null",
      "phases.translation.length=null",
    ]),
    /^loss "\S+" \(.*\) threw: the discriminator halves its input four times: expected a crop of at least 16 pixels, got 12x48$/,
  );
  await refuses(
    folder,
    await planOf("patchalign", "name: of_the_test\n", small),
    /^loss "patch-alignment" \(.*\): a patch is 32x64 pixels: expected a crop of at least as many, got 12x48$/,
  );
});

pathTest("fewer different patches than clusters are told before the first step", async (folder) => {
  const more =
    "name: of_the_test\nlosses: { patch-alignment: { options: { patch: [32, 32], clusters: 50 } } }\n";
  await refuses(
    folder,
    await planOf("patchalign", more),
    /^loss "patch-alignment" \(.*\): there are 6 different patches, expected at least 50, one for each cluster$/,
  );
});
