/** The published experiments: what the recipes hold is what docs/experiments.md says, and Table 1 changes what it names. */
import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import { basename, join } from "node:path";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
import { ownFiles, root } from "../own_files.ts";

const RECIPES = join(root, "recipes");

function planOf(path: string): Promise<RunPlan> {
  return loadRecipe({ path }, {
    registry: builtins(),
    overrides: ["data.root=/data"],
    readText: (path) => Deno.readTextFile(path),
    importPlugin: () => Promise.reject(new Error("not used")),
    cwd: "/",
  });
}

type Options = Record<string, unknown>;

function resolved({ resolved }: RunPlan, key: string): Options {
  return resolved[key] as Options;
}

const CAFFE = {
  order: "bgr",
  scale: 1,
  mean: [104.00698793, 116.66876762, 122.67891434],
  deviation: [1, 1, 1],
};

for (
  const { name, classes, epochs, decay, source, subsets } of [
    {
      name: "gtav_to_cityscapes",
      classes: 19,
      epochs: 28,
      decay: 30,
      source: "gtav",
      subsets: { "mIoU of 16": 16, "mIoU*": 13 },
    },
    {
      name: "synthia_to_cityscapes",
      classes: 16,
      epochs: 8,
      decay: 10,
      source: "synthia",
      subsets: { "mIoU*": 13 },
    },
  ]
) {
  Deno.test(`${name}: every setting of the published run`, async () => {
    const plan = await planOf(name);
    assert.deepEqual(resolved(plan, "model"), {
      type: "deeplab-v2",
      options: {
        layers: "resnet101",
        width: 1,
        first_dilation: "stage",
        stride_in: "conv1",
        classifier_bias: false,
        aspp_rates: [6, 12, 18, 24],
        heads: {},
        batch_norm: "train",
        checkpointing: false,
      },
    });
    assert.deepEqual(resolved(plan, "optimizer"), {
      type: "sgd",
      options: { lr: 2.5e-4, momentum: 0.9, weight_decay: 5e-4 },
    });
    const { steps, batch, accumulation, validateEvery, checkpointEvery } = lastPhase(plan).training;
    // 2975 training images of Cityscapes, eight an update.
    assert.equal(Math.ceil(2975 / (batch * accumulation)), 372);
    assert.deepEqual([steps, batch, accumulation, validateEvery, checkpointEvery], [
      epochs * 372,
      4,
      2,
      372,
      372,
    ]);
    // The rate falls by (1 - step / (decay epochs))^0.9, beyond the end of the run.
    for (const step of [0, 1000, steps - 1]) {
      const expected = (1 - step / (decay * 372)) ** 0.9;
      assert.ok(
        Math.abs(lastPhase(plan).schedule.multiplier(step, steps) - expected) < 1e-12,
        `step ${step}`,
      );
    }
    assert.deepEqual(plan.input.normalization, CAFFE);
    assert.deepEqual(plan.input.training, { shortSide: [760, 988], crop: [730, 730], flip: true });
    // Lovasz-Softmax: 0.75 times two accumulated passes.
    assert.deepEqual(lastPhase(plan).losses.map(({ name, weight }) => [name, weight]), [
      ["cross-entropy", 1],
      ["lovasz-softmax", 1.5],
      ["association", 0.1],
      ["label-smoothing", 0.01],
    ]);
    const [, , association, smoothing] = plan.resolved["losses"] as { options: Options }[];
    assert.equal(smoothing!.options["lambda"], 10);
    assert.deepEqual(levelsOf(association!.options), [["layer4", "cosine"], [
      "probabilities",
      "negative-kl",
    ]]);
    assert.equal(association!.options["objective"], "contrastive");
    assert.equal((association!.options["aggregation"] as Options)["alpha"], 0.5);
    const { size, labelSize, flip, scales, aggregation } = plan.evaluation;
    assert.deepEqual({ size, labelSize, flip, scales }, {
      size: [730, 1460],
      labelSize: "original",
      flip: undefined,
      scales: undefined,
    });
    assert.equal(aggregation!.alpha, 0.5);
    assert.deepEqual(resolved(plan, "evaluation")["aggregation"], {
      alpha: 0.5,
      features: "cosine",
      predictions: "negative-kl",
    });
    assert.equal(plan.labelSpace.classes.length, classes);
    assert.deepEqual(
      Object.fromEntries(plan.labelSpace.subsets!.map(({ name, ids }) => [name, ids.length])),
      subsets,
    );
    const data = plan.resolved["data"] as Record<string, Options>;
    assert.deepEqual(
      ["source", "target", "val"].map((key) => [data[key]!["type"], data[key]!["split"]]),
      [[source, undefined], ["cityscapes", "train"], ["cityscapes", "val"]],
    );
  });
}

function levelsOf({ levels }: Options): unknown[] {
  return (levels as Options[]).map(({ tap, similarity }) => [tap, similarity]);
}

const BOTH = [["layer4", "cosine"], ["probabilities", "negative-kl"]];

/** By file: the terms, the association's levels, objective and aggregation in training, aggregation at inference. */
const ROWS: Readonly<Record<string, readonly unknown[]>> = {
  "1_source_only": [["cross-entropy"], undefined, undefined, undefined, false],
  "2_lovasz": [["cross-entropy", "lovasz-softmax"], undefined, undefined, undefined, false],
  "3_features": [["cross-entropy", "lovasz-softmax", "association"], [BOTH[0]], "contrastive", true, true],
  "4_predictions": [["cross-entropy", "lovasz-softmax", "association"], BOTH, "contrastive", true, true],
  "5_plca": [
    ["cross-entropy", "lovasz-softmax", "association", "label-smoothing"],
    BOTH,
    "contrastive",
    true,
    true,
  ],
  "6_sim_plca": [
    ["cross-entropy", "lovasz-softmax", "association", "label-smoothing"],
    BOTH,
    "direct",
    true,
    true,
  ],
  "7_without_aggregation": [
    ["cross-entropy", "lovasz-softmax", "association", "label-smoothing"],
    BOTH,
    "contrastive",
    false,
    false,
  ],
};

for (const [file, expected] of Object.entries(ROWS)) {
  Deno.test(`Table 1, ${file}: what it changes`, async () => {
    const plan = await planOf(join(RECIPES, "ablation", `${file}.yaml`));
    const losses = plan.resolved["losses"] as { type: string; options: Options }[];
    const association = losses.find(({ type }) => type === "association")?.options;
    assert.deepEqual([
      losses.map(({ type }) => type),
      association && levelsOf(association),
      association?.["objective"],
      association && association["aggregation"] !== false,
      plan.evaluation.aggregation !== undefined,
    ], expected);
    // All else is the extended recipe's.
    const base = await planOf("gtav_to_cityscapes");
    for (const key of ["data", "input", "model", "optimizer", "schedule", "training"]) {
      assert.deepEqual(plan.resolved[key], base.resolved[key], key);
    }
  });
}

Deno.test("every variant of Table 1 is looked at here", () => {
  const files = ownFiles("recipes/ablation").map((path) => basename(path, ".yaml"));
  assert.deepEqual(files, Object.keys(ROWS).toSorted());
});
