/** Recipes on Mix Transformers: every published constant, and what is laid on any data recipe. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { lastPhase, type RunPlan } from "../../core/plan.ts";
import { ownFiles } from "../own_files.ts";

const RECIPES = fileURLToPath(new URL("../../recipes", import.meta.url));
const registry = builtins();

/** @param base what it is laid on, instead of what it extends */
function planOf(file: string, base?: string): Promise<RunPlan> {
  return loadRecipe({ path: join(RECIPES, file) }, {
    registry,
    cwd: RECIPES,
    readText: (path) => Deno.readTextFile(path),
    overrides: ["data.root=/data", "baseline="],
    ...(base === undefined ? {} : { base }),
  });
}

interface Named {
  readonly type: string;
  readonly name?: string;
  readonly weight?: unknown;
  readonly options?: Readonly<Record<string, unknown>>;
}

const resolved = <T>(plan: RunPlan, key: string) => plan.resolved[key] as T;
const termsOf = (plan: RunPlan) =>
  Object.fromEntries(
    resolved<Named[]>(plan, "losses").map(({ type, name = type, weight }) => [name, weight]),
  );
const termOf = (plan: RunPlan, wanted: string) =>
  resolved<Named[]>(plan, "losses").find(({ type, name = type }) => name === wanted)!.options!;
const streamOf = (plan: RunPlan, name: string) =>
  resolved<Record<string, Named>>(plan, "streams")[name]!.options!;
const some = (options: Readonly<Record<string, unknown>>, ...keys: string[]) =>
  keys.map((key) => options[key]);

/** By recipe: terms with their weights, and whether it is DAFormer's training. */
const METHODS = {
  daformer: { "cross-entropy": 1, mixed: 1, "feature-distance": 0.005 },
  mic: { "cross-entropy": 1, mixed: 1, masked: 1, "feature-distance": 0.005 },
  plca_mit: { "cross-entropy": 1, "lovasz-softmax": 0.75, association: 0.1, "label-smoothing": 0.01 },
  plca_mit_dacs: {
    "cross-entropy": 1,
    "lovasz-softmax": 0.75,
    association: 0.1,
    "label-smoothing": 0.01,
    mixed: 1,
    masked: 1,
  },
} as const;

for (const [name, terms] of Object.entries(METHODS)) {
  for (const data of ["gtav", "synthia"] as const) {
    Deno.test(`${name}_${data}: the published settings`, async () => {
      const plan = await planOf(`methods/published/${name}_${data}.yaml`);
      const { training, schedule, networks } = lastPhase(plan);
      assert.deepEqual(termsOf(plan), terms);
      assert.equal(plan.name, `${name}_${data}`);
      assert.equal(plan.labelSpace.classes.length, data === "gtav" ? 19 : 16);
      assert.deepEqual([training.steps, training.batch, training.accumulation], [40_000, 2, 1]);
      // Up to 6e-5 in 1,500 steps from a millionth of it, down to 0 at 40,000.
      for (const step of [0, 1, 750, 1499, 1500, 20_000, 39_999]) {
        const up = step < 1500 ? 1 - (1 - step / 1500) * (1 - 1e-6) : 1;
        const expected = up * (1 - step / 40_000);
        assert.ok(Math.abs(schedule.multiplier(step, 40_000) / expected - 1) < 1e-9, `step ${step}`);
      }
      const { type, options, groups } = resolved<Named & { groups: unknown }>(plan, "optimizer");
      assert.equal(type, "adamw");
      assert.deepEqual(options, { lr: 6e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 });
      assert.deepEqual(groups, {
        head: { rate: 10, decay: 1 },
        "backbone/norm": { rate: 1, decay: 0 },
      });
      const model = resolved<Named>(plan, "model");
      assert.equal(model.type, "mit");
      assert.deepEqual(
        some(model.options!, "size", "head", "head_width", "drop_path", "dropout", "batch_norm"),
        ["b5", "daformer", 256, 0.1, 0.1, "train"],
      );
      const { input, evaluation } = plan;
      assert.deepEqual(
        [input.streams!["source"]!.size, input.streams!["target"]!.size],
        [data === "gtav" ? [720, 1280] : [760, 1280], [512, 1024]],
      );
      for (const stream of ["source", "target"]) {
        assert.deepEqual([input.streams![stream]!.crop, input.streams![stream]!.flip], [[512, 512], true]);
      }
      assert.deepEqual([input.normalization.order, input.normalization.mean], ["rgb", [0.485, 0.456, 0.406]]);
      assert.deepEqual([evaluation.size, evaluation.labelSize, evaluation.flip ?? false], [
        [512, 1024],
        "original",
        false,
      ]);
      assert.equal(evaluation.average, "association" in terms ? undefined : "logits");
      if (name === "plca_mit") return assert.deepEqual(networks, []);
      assert.deepEqual(input.rareClassSampling, {
        temperature: 0.01,
        minPixels: 3000,
        cropPixels: 1500,
        tries: 10,
      });
      assert.deepEqual(input.streams!["source"]!.criteria, {
        tries: 10,
        mostShare: 0.75,
        leastClasses: 0,
        leastShare: 0.02,
      });
      const teacher = resolved<Record<string, Named>>(plan, "networks")["teacher"]!;
      assert.deepEqual(some(teacher.options!, "decay", "when", "buffers", "mode"), [
        0.999,
        "before",
        "own",
        "train",
      ]);
      const margins = ["threshold", "ignore_top", "ignore_bottom"];
      assert.deepEqual(some(streamOf(plan, "mixed"), ...margins, "classes"), [0.968, 15, 120, "batch"]);
      assertColours(streamOf(plan, "mixed"));
      if (name !== "daformer") {
        assert.deepEqual(some(streamOf(plan, "pseudo"), ...margins), [0.968, 15, 120]);
        assert.deepEqual(some(streamOf(plan, "masked"), "stream", "share", "hide", "cell"), [
          "pseudo",
          0.7,
          "cells",
          32,
        ]);
        assertColours(streamOf(plan, "masked"));
        assert.equal(termOf(plan, "masked")["denominator"], "all");
      }
      assert.equal(termOf(plan, "mixed")["denominator"], "all");
      if (!name.startsWith("plca")) {
        assert.equal(termOf(plan, "cross-entropy")["denominator"], "all");
        assert.deepEqual(some(termOf(plan, "feature-distance"), "network", "tap", "min_ratio"), [
          "guide",
          "stage4",
          0.75,
        ]);
      }
    });
  }

  for (const base of ["street", "street_mit", "camvid_day_to_dusk"]) {
    Deno.test(`${name} goes onto ${base} with a small network of its own`, async () => {
      const plan = await planOf(`methods/mit/${name}.yaml`, base);
      assert.deepEqual(termsOf(plan), terms);
      assert.equal(plan.name, name);
      assert.ok(plan.method?.title);
      const model = resolved<Named>(plan, "model");
      assert.deepEqual([model.type, model.options!["size"]], ["mit", "b0"]);
      const data = await planOf(`${base}.yaml`);
      for (const key of ["data", "training"]) assert.deepEqual(plan.resolved[key], data.resolved[key], key);
    });
  }
}

/** 0.2 of each with probability 0.8, a blur with half. */
function assertColours(options: Readonly<Record<string, unknown>>): void {
  const jitter = options["jitter"] as Record<string, unknown>;
  assert.deepEqual(
    some(jitter, "probability", "brightness", "contrast", "saturation", "hue"),
    [0.8, 0.2, 0.2, 0.2, 0.2],
  );
  assert.deepEqual(some(options["blur"] as Record<string, unknown>, "probability", "sigma"), [0.5, [
    0.15,
    1.15,
  ]]);
}

Deno.test("the miniatures differ from their twins on DeepLab-v2 in the network and how it is trained", async () => {
  for (const [own, twin] of [["street_mit", "street"], ["camvid_mit", "camvid_day_to_dusk"]] as const) {
    const [plan, other] = await Promise.all([planOf(`${own}.yaml`), planOf(`${twin}.yaml`)]);
    assert.deepEqual(termsOf(plan), termsOf(other));
    for (const key of ["data", "input", "training"]) {
      assert.deepEqual(plan.resolved[key], other.resolved[key], key);
    }
    for (
      const method of ["source_only", "plca", "dacs", "plca_dacs", "plca_dacs_masks", "daformer_strategy"]
    ) {
      // DAFormer's strategy compares features of a tap that a Mix Transformer calls otherwise.
      if (method === "daformer_strategy") {
        await assert.rejects(
          planOf(`methods/${method}.yaml`, own),
          /the model has no tap "layer4"; expected one of stage1,/,
        );
      } else assert.equal(resolved<Named>(await planOf(`methods/${method}.yaml`, own), "model").type, "mit");
    }
  }
});

Deno.test("the rows of levels try every stage named in them, alone and in pairs, on both networks", async () => {
  const rows = ownFiles("recipes/levels").map((path) => basename(path));
  const tried = await Promise.all(rows.map(async (row) => {
    const plan = await planOf(`levels/${row}`, "street");
    const association = resolved<Named[]>(plan, "losses").find(({ type }) => type === "association");
    const levels = association?.options?.["levels"] as { tap: string; similarity: unknown }[] | undefined;
    const taps = levels?.map(({ tap }) => tap) ?? [];
    const network = resolved<Named>(plan, "model").type;
    const prefix = network === "mit" ? "mit" : "deeplab";
    assert.equal(plan.name, `${prefix}-${taps.length === 0 ? "without" : taps.join("-")}`);
    assert.equal(row.slice(3), `${plan.name.replaceAll("-", "_")}.yaml`);
    return `${network} ${taps.join(" ")}`;
  }));
  assert.equal(new Set(tried).size, rows.length);
  assert.deepEqual(tried, [
    ...["", "layer1", "layer2", "layer3", "layer4", "probabilities"].map((taps) => `deeplab-v2 ${taps}`),
    ...["layer2 layer3", "layer2 layer4", "layer3 layer4"].map((taps) => `deeplab-v2 ${taps}`),
    ...["layer3 probabilities", "layer4 probabilities"].map((taps) => `deeplab-v2 ${taps}`),
    ...["", "stage1", "stage2", "stage3", "stage4", "fused", "probabilities"].map((taps) => `mit ${taps}`),
    ...["stage2 stage3", "stage2 stage4", "stage3 stage4"].map((taps) => `mit ${taps}`),
    ...["stage3 probabilities", "stage4 probabilities"].map((taps) => `mit ${taps}`),
    "mit stage3 stage4 probabilities",
  ]);
});
