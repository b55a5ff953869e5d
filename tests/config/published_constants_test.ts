/**
 * Published recipes, constant by constant: self-training of the kinds of DACS, DAFormer and CBST, the blur of
 * MaxSquare, and the unofficial ones. What the AdaptSeg family, pyCDA and DISE have is in
 * method_recipes_test.ts and translation_recipes_test.ts. And which row of the paper's tables a method is.
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
import { PAPER_TABLES, paperRow } from "../../report/paper.ts";
import { ownFiles, root } from "../own_files.ts";

const registry = builtins();

function planOf(file: string): Promise<RunPlan> {
  return loadRecipe({ path: join(root, "recipes/methods", file) }, {
    registry,
    cwd: root,
    readText: (path) => Deno.readTextFile(path),
    overrides: ["data.root=/data", "model.weights=/weights.pth"],
  });
}

/** By its path in the resolved recipe; entries of lists are called by their names. */
type Constants = Readonly<Record<string, unknown>>;

const repeated = {
  "optimizer.groups.head.rate": 10,
  "optimizer.groups.block.repeats": 3,
  "optimizer.groups.downsample.repeats": 4,
};
const sgd = (lr: number) => ({ lr, momentum: 0.9, weight_decay: 5e-4 });
const jitter = (strength: number) => ({
  probability: 0.8,
  drawn: "step",
  form: "kornia",
  brightness: strength,
  contrast: strength,
  saturation: strength,
  hue: strength,
});
const blur = { probability: 0.5, drawn: "step", sigma: [0.15, 1.15] };

const MIXED: Constants = {
  "losses.cross-entropy.weight": 1,
  "losses.mixed.weight": 1,
  "losses.mixed.options.denominator": "all",
  "streams.mixed.options.threshold": 0.968,
  "streams.mixed.options.blur": blur,
  "networks.teacher.options.buffers": "own",
};

const DACS: Constants = {
  ...MIXED,
  ...repeated,
  "losses.cross-entropy.options.denominator": "valid",
  "streams.mixed.options.classes": "image",
  "streams.mixed.options.jitter": jitter(0.25),
  "networks.teacher.options.decay": 0.99,
  "networks.teacher.options.when": "after",
  "networks.teacher.options.mode": "train",
  "input.flip": false,
  "input.normalization": "caffe",
  "input.align_corners": true,
  "input.streams.target": { size: [512, 1024], crop: 512 },
  "model.options.aspp_rates": [6, 12],
  "model.options.batch_norm": "affine-frozen",
  "optimizer.options": sgd(2.5e-4),
  "schedule.options.power": 0.9,
  "training.steps": 250_000,
  "training.batch": 2,
  "training.validate_every": 5000,
  "evaluation.size": [512, 1024],
  "evaluation.label_size": "input",
};

const DAFORMER: Constants = {
  ...MIXED,
  "losses.cross-entropy.options.denominator": "all",
  "losses.feature-distance.weight": 0.005,
  "losses.feature-distance.options.min_ratio": 0.75,
  "streams.mixed.options.classes": "batch",
  "streams.mixed.options.jitter": jitter(0.2),
  "streams.mixed.options.ignore_top": 15,
  "streams.mixed.options.ignore_bottom": 120,
  "networks.teacher.options.decay": 0.999,
  "networks.teacher.options.when": "before",
  "networks.guide": { type: "frozen", options: { start: "student" } },
  "input.flip": true,
  "input.normalization": "imagenet",
  "input.streams.target": { size: [512, 1024], crop: 512 },
  "input.rare_class_sampling": { temperature: 0.01, min_pixels: 3000, crop_ratio: 0.5, tries: 10 },
  "input.crop_criteria.most_share": 0.75,
  "input.crop_criteria.tries": 10,
  "optimizer.options.lr": 6e-5,
  "optimizer.options.beta1": 0.9,
  "optimizer.options.beta2": 0.999,
  "optimizer.options.weight_decay": 0.01,
  "optimizer.groups.head.rate": 10,
  "optimizer.groups.norm.decay": 0,
  "schedule.options": { power: 1, horizon: 1, warmup: 1500 / 40_000, warmup_from: 1e-6, warmup_to: "curve" },
  "training.steps": 40_000,
  "training.batch": 2,
};

const PLCA_DACS: Constants = {
  ...MIXED,
  "losses.lovasz-softmax.weight": 1.5,
  "losses.association.weight": 0.1,
  "losses.label-smoothing.weight": 0.01,
  "streams.mixed.options.jitter": jitter(0.25),
  "networks.teacher.options.decay": 0.999,
  "networks.teacher.options.when": "after",
  "optimizer.options": sgd(1e-4),
  "schedule.options.horizon": 1,
  "training.steps": 10 * 372,
};

/** @param labels how thresholds become labels @param steps of the three rounds */
function rounds(labels: "relative" | "soft", steps: readonly number[]): Constants {
  const perRound = [0.2, 0.25, 0.3].map((share, k) => {
    const phase = `phases.round-${k + 1}`, job = `${phase}.before.labels-${k + 1}.options`;
    return Object.entries({
      ...Object.fromEntries(Object.entries(repeated).map(([path, value]) => [`${phase}.${path}`, value])),
      [`${job}.thresholds`]: "portion",
      [`${job}.share`]: share,
      [`${job}.every`]: 4,
      [`${job}.labels`]: labels,
      [`${job}.alpha`]: 0.25,
      [`${job}.flip`]: true,
      [`${job}.scales`]: [0.9],
      [`${job}.prefer`]: { below: 0.001, chance: 0.8 },
      [`${phase}.losses.cross-entropy.weight`]: 1,
      [`${phase}.optimizer.options`]: sgd(5e-5),
      [`${phase}.schedule.type`]: "constant",
      [`${phase}.training.steps`]: steps[k],
      [`${phase}.training.batch`]: 2,
    });
  });
  return {
    ...Object.fromEntries(perRound.flat()),
    "phases.source": undefined,
    "input.short_side": [512, 1536],
    "input.crop": [512, 1024],
    "input.flip": true,
    "input.normalization": "imagenet",
    "model.options.batch_norm": "frozen",
    "model.options.aspp_rates": [6, 12, 18, 24],
    "evaluation.size": [1024, 2048],
    "evaluation.scales": [0.9, 1, 1.2],
    "evaluation.flip": true,
    "evaluation.label_size": "original",
  };
}

/** Two epochs over 2975 target images and 3, 3.25 and 3.5 % of the source's, two images a step. */
const ROUNDS = { gtav: [3574, 3624, 3674], synthia: [3257, 3280, 3304] } as const;
const mrkld = (weight: number | undefined) =>
  Object.fromEntries([1, 2, 3].map((k) => [`phases.round-${k}.losses.mrkld.weight`, weight]));

const SELFTRAINING: Constants = {
  "phases.second.before.pseudo-labels.options.thresholds": "quantile",
  "phases.second.before.pseudo-labels.options.share": 0.5,
  "phases.second.before.pseudo-labels.options.confidence": 0.9,
  "phases.second.before.pseudo-labels.options.flip": true,
  "phases.second.losses.pseudo.weight": 1,
  "phases.second.losses.mrkld.weight": 0.01,
  "phases.second.losses.association.weight": 0.1,
  "phases.second.rate": 0.4,
  "phases.second.optimizer.options.lr": 2.5e-4, // times the rate: 1e-4
  "phases.second.training.steps": 10 * 372,
};

const BLUR = { probability: 0.5, drawn: "image", sigma: [0.001, 1] };
const BLURRED: Constants = {
  "streams.source-blurred.options": { stream: "source", jitter: false, blur: BLUR },
  "streams.target-blurred.options": { stream: "target", jitter: false, blur: BLUR },
  "losses.cross-entropy.options.stream": "source-blurred",
  "losses.maximum-squares.options.stream": "target-blurred",
};

const OPPONENTS = { lr: 1e-4, beta1: 0.9, beta2: 0.99, source_label: 0 };
const withOptions = (term: string, options: Constants) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [`losses.${term}.options.${name}`, value]),
  );

const FAMILY: Constants = {
  ...repeated,
  "optimizer.options": sgd(2.5e-4),
  "training.steps": 150_000,
  "schedule.options.horizon": 250_000 / 150_000,
};

const PUBLISHED: Readonly<Record<string, Constants | Readonly<Record<"gtav" | "synthia", Constants>>>> = {
  dacs: DACS,
  daformer_strategy: DAFORMER,
  plca_dacs: PLCA_DACS,
  plca_selftraining: SELFTRAINING,
  cbst: both((data) => ({ ...rounds("relative", ROUNDS[data]), ...mrkld(undefined) })),
  crst_mrkld: both((data) => ({ ...rounds("relative", ROUNDS[data]), ...mrkld(0.01) })),
  crst_lrent: both((data) => ({ ...rounds("soft", ROUNDS[data]), ...mrkld(undefined) })),
  maxsquare: BLURRED,
  maxsquare_iw: BLURRED,
  maxsquare_multi: {
    ...BLURRED,
    "losses.cross-entropy-auxiliary.options.stream": "source-blurred",
    "losses.self-guidance.options.stream": "target-blurred",
  },
  adaptseg_lsgan_multi: {
    ...FAMILY,
    ...withOptions("adversarial", { ...OPPONENTS, tap: "logits", loss: "ls" }),
    ...withOptions("adversarial-auxiliary", { ...OPPONENTS, tap: "auxiliary", loss: "ls" }),
    "losses.adversarial.weight": 0.0005,
    "losses.adversarial-auxiliary.weight": 0.00005,
    "model.options.aspp_rates": [6, 12],
    "method.paper": undefined,
  },
  ssfdan: {
    ...FAMILY,
    ...withOptions("separable-adversarial", { ...OPPONENTS, tap: "layer4", width: 64, from: 0.9, to: 0.5 }),
    "losses.separable-adversarial.weight": 0.001,
    "model.options.aspp_rates": [6, 12],
    "model.options.heads": { auxiliary: "layer3" },
  },
  patchalign: {
    ...FAMILY,
    ...withOptions("patch-alignment", { ...OPPONENTS, patch: [32, 64], clusters: 50, width: 256 }),
    ...withOptions("adversarial", OPPONENTS),
    "losses.patch-alignment.weight": 0.01,
    "losses.patch-alignment.options.adversarial": 0.0005 / 0.01,
    "losses.patch-alignment.options.head_lr": 10 * 2.5e-4,
    "losses.patch-alignment.options.warmup": 10_000 / 150_000,
    "losses.adversarial.weight": { from: 0, to: 0.0005, shape: "linear", start: 10_000, steps: 0 },
  },
};

function both(constants: (data: "gtav" | "synthia") => Constants) {
  return { gtav: constants("gtav"), synthia: constants("synthia") };
}

for (const [name, all] of Object.entries(PUBLISHED)) {
  for (const data of ["gtav", "synthia"] as const) {
    Deno.test(`${name}_${data}: the published constants`, async () => {
      const { resolved, labelSpace } = await planOf(`published/${name}_${data}.yaml`);
      const expected = "gtav" in all ? all[data] as Constants : all as Constants;
      const found = Object.fromEntries(Object.keys(expected).map((path) => [path, at(resolved, path)]));
      assert.deepEqual(found, { ...expected });
      assert.equal(labelSpace.classes.length, data === "gtav" ? 19 : 16);
    });
  }
}

/** The value at a path of keys, where lists are read by their entries' names; undefined: there is none. */
function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((node, key) => {
    if (Array.isArray(node)) return node.find((one) => one.name === key);
    return (node as Record<string, unknown> | undefined)?.[key];
  }, value);
}

/** Methods by their row; MaxSquare's is of all its parts, and ADVENT's, of an ensemble, is nobody's. */
const ROWS = {
  adaptseg: "AdaptSeg",
  clan: "CLAN",
  crst_mrkld: "CRST",
  dise: "DISE",
  maxsquare_multi: "MaxSquare",
  patchalign: "PatchAlign",
  plca: "PLCA",
  source_only: "Source Only",
  ssfdan: "SSF-DAN",
};

Deno.test("every method that the paper's tables have names its row, and no other does", async () => {
  const found: [string, string][] = [];
  for (
    const file of ownFiles("recipes/methods").filter((file) => /^recipes\/methods\/\w+\.yaml$/.test(file))
  ) {
    const { name, method } = await planOf(basename(file));
    if (method?.paper !== undefined) found.push([name, method.paper]);
  }
  assert.deepEqual(Object.fromEntries(found.sort()), ROWS);
  const tables = PAPER_TABLES.map((table) => Object.values(ROWS).filter((name) => !paperRow(table, name)));
  assert.deepEqual(tables, [[], []]);
});
