/** Every recipe of a method, stopped in the middle of what it adds, ends as if it had not been. */
import { type Method, ONE_ROUND, recipesIn, sureFrom, testResuming } from "./method_plans.ts";

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

const MIT =
  "model: { options: { dims: [4, 8, 10, 16], blocks: [1, 1, 1, 2], head_width: 8, drop_path: 0.5, dropout: 0.5, " +
  "checkpointing: true } }\n";

const TRANSFORMERS: Readonly<Record<string, Method>> = {
  "VFM-UDA: a teacher of two views, images disturbed one by one, patches hidden": {
    recipe: "vfm_uda",
    more: DINOV2,
    overrides: [
      "training.steps=5",
      "optimizer.type=adamw",
      "streams.masked.options.hide=patches",
      sureFrom("pseudo", 0.13),
    ],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
  "MIC: a Mix Transformer, whose branches and channels are left out at random, blocks computed again": {
    recipe: "mit/mic",
    more: MIT,
    overrides: [
      "training.steps=5",
      "input.rare_class_sampling.min_pixels=10",
      "optimizer.options.lr=0.01",
      sureFrom("mixed", 0.15),
      sureFrom("pseudo", 0.15),
    ],
    stops: ["of_the_test 1", "of_the_test 3"],
  },
  "VFM-UDA on DeepLab-v2: cells hidden": {
    recipe: "vfm_uda",
    overrides: ["training.steps=3", sureFrom("pseudo")],
    stops: ["of_the_test 2"],
  },
};

/** Beside those of recipes_resume_test.ts. */
const FURTHER: Readonly<Record<string, Method>> = {
  "DAFormer's strategy: a teacher that moves ahead, a network as the student began, rare classes drawn": {
    recipe: "daformer_strategy",
    overrides: ["training.steps=3", "input.rare_class_sampling.min_pixels=10", sureFrom("mixed")],
    stops: ["of_the_test 2"],
  },
  "PLCA with DACS: the association beside a teacher's mixed images": {
    recipe: "plca_dacs",
    overrides: ["training.steps=3", sureFrom("mixed")],
    stops: ["of_the_test 2"],
  },
  "PLCA with DACS and masks": {
    recipe: "plca_dacs_masks",
    overrides: ["training.steps=3", sureFrom("mixed"), sureFrom("pseudo")],
    stops: ["of_the_test 2"],
  },
  "AdaptSeg (LS-GAN): an opponent": {
    recipe: "adaptseg_lsgan",
    overrides: ["training.steps=2"],
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

const METHODS = { ...CASES, ...TRANSFORMERS, ...FURTHER };
testResuming(METHODS);

/** Those of recipes_resume_test.ts. */
const TESTED = new Set(["dacs", "advent", "cbst", "plca_selftraining"]);
for (const { recipe } of Object.values(METHODS)) TESTED.add(recipe);

const rest = (folder: string, more?: string) =>
  recipesIn(folder).filter((recipe) => !TESTED.has(recipe)).map((recipe): [string, Method] => [
    recipe,
    { recipe, overrides: ["training.steps=2"], ...more === undefined ? {} : { more } },
  ]);

testResuming(Object.fromEntries([...rest(""), ...rest("mit", MIT)]));
