/** The recipes of the AdaptSeg family: every constant that was published. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { lastPhase, type RunPlan } from "../../core/plan.ts";
import { ownFiles } from "../own_files.ts";

const METHODS = fileURLToPath(new URL("../../recipes/methods", import.meta.url));
const registry = builtins();

function planOf(file: string, set: readonly string[] = []): Promise<RunPlan> {
  return loadRecipe({ path: join(METHODS, file) }, {
    registry,
    cwd: METHODS,
    readText: (path) => Deno.readTextFile(path),
    overrides: ["data.root=/data", ...set],
  });
}

/** By term: the weight and the options that matter. */
type Terms = Readonly<
  Record<string, readonly [weight: unknown, options?: Readonly<Record<string, unknown>>]>
>;

interface Published {
  readonly terms: Terms;
  readonly heads?: Readonly<Record<string, string>>;
  readonly rates?: readonly number[];
  readonly steps: readonly [gtav: number, synthia: number];
  /** Where the poly curve reaches 0. */
  readonly horizon: readonly [gtav: number, synthia: number];
}

const auxiliary = { tap: "auxiliary" };
const opponent = { source_label: 0, lr: 1e-4, beta1: 0.9, beta2: 0.99, loss: "bce" };
const squares = { resolution: "labels", form: "released" };
const weighted = { ...squares, image_weighted: true, ratio: 0.2 };
const layer3 = { auxiliary: "layer3" };
const half = [6, 12], whole = [6, 12, 18, 24];
const fading = (from: number) => ({ from, to: 0, start: 0, steps: 1, shape: "linear", unit: "phase" });

const adaptseg = { rates: half, steps: [150_000, 150_000], horizon: [250_000, 250_000] } as const;
const advent = { heads: layer3, rates: whole, steps: [120_000, 90_000], horizon: [250_000, 90_000] } as const;
const maxsquare = { rates: half, steps: [29_750, 29_750], horizon: [29_750, 29_750] } as const;

const PUBLISHED: Readonly<Record<string, Published>> = {
  adaptseg: {
    ...adaptseg,
    heads: layer3,
    terms: {
      "cross-entropy": [1],
      "cross-entropy-auxiliary": [0.1, auxiliary],
      adversarial: [0.001, { ...opponent, map: "softmax" }],
      "adversarial-auxiliary": [0.0002, { ...opponent, ...auxiliary, map: "softmax" }],
    },
  },
  adaptseg_single: {
    ...adaptseg,
    terms: { "cross-entropy": [1], adversarial: [0.001, { ...opponent, tap: "logits" }] },
  },
  adaptseg_lsgan: {
    ...adaptseg,
    terms: { "cross-entropy": [1], adversarial: [0.01, { ...opponent, tap: "logits", loss: "ls" }] },
  },
  advent: {
    ...advent,
    terms: {
      "cross-entropy": [1],
      "cross-entropy-auxiliary": [0.1, auxiliary],
      adversarial: [0.001, { ...opponent, map: "self-information" }],
      "adversarial-auxiliary": [0.0002, { ...opponent, ...auxiliary, map: "self-information" }],
    },
  },
  advent_minent: {
    ...advent,
    terms: {
      "cross-entropy": [1],
      "cross-entropy-auxiliary": [0.1, auxiliary],
      entropy: [0.001, { resolution: "labels" }],
      "entropy-auxiliary": [0.0002, { ...auxiliary, resolution: "labels" }],
    },
  },
  maxsquare: { ...maxsquare, terms: { "cross-entropy": [1], "maximum-squares": [0.1, squares] } },
  maxsquare_iw: { ...maxsquare, terms: { "cross-entropy": [1], "maximum-squares": [0.1, weighted] } },
  maxsquare_multi: {
    ...maxsquare,
    heads: layer3,
    terms: {
      "cross-entropy": [1],
      "cross-entropy-auxiliary": [0.1, auxiliary],
      "maximum-squares": [0.09, weighted],
      "self-guidance": [0.009, { ...auxiliary, threshold: 0.95, resolution: "labels" }],
    },
  },
  clan: {
    heads: { auxiliary: "layer4" },
    rates: whole,
    steps: [100_000, 100_000],
    horizon: [100_000, 100_000],
    terms: {
      focal: [1, { gamma: 2 }],
      "focal-auxiliary": [1, { ...auxiliary, gamma: 2 }],
      "local-adversarial": [fading(0.001), { epsilon: 0.4, warmup: 0.05, source_label: 0 }],
      "weight-discrepancy": [fading(0.02), auxiliary],
    },
  },
};

for (const [name, { terms, heads = {}, rates, steps, horizon }] of Object.entries(PUBLISHED)) {
  Deno.test(`${name}: terms and heads are the method's own, all else is the data recipe's`, async () => {
    const plan = await planOf(`${name}.yaml`);
    const base = await planOf("../gtav_to_cityscapes.yaml");
    assert.deepEqual(termsOf(plan, terms), terms);
    assert.equal(plan.name, name);
    assert.ok(plan.method?.title);
    assert.equal(plan.evaluation.aggregation, undefined);
    for (const key of ["data", "input", "optimizer", "schedule", "training"]) {
      assert.deepEqual(plan.resolved[key], base.resolved[key], key);
    }
    const { options } = plan.resolved["model"] as { options: object };
    assert.deepEqual(options, { ...(base.resolved["model"] as { options: object }).options, heads });
  });

  for (const [k, data] of (["gtav", "synthia"] as const).entries()) {
    Deno.test(`${name}_${data}: the published settings`, async () => {
      const plan = await planOf(join("published", `${name}_${data}.yaml`));
      const { training, schedule, groups } = lastPhase(plan);
      assert.deepEqual(termsOf(plan, terms), terms);
      assert.equal(plan.name, `${name}_${data}`);
      assert.equal(plan.labelSpace.classes.length, data === "gtav" ? 19 : 16);
      assert.deepEqual([training.steps, training.batch, training.accumulation], [steps[k], 1, 1]);
      // (1 - i / horizon)^0.9, and CLAN's warm-up of 5,000 steps.
      for (const step of [0, 2500, 6000, 29_000]) {
        const expected = name === "clan" && step < 5000 ? step / 5000 : (1 - step / horizon[k]!) ** 0.9;
        const found = schedule.multiplier(step, training.steps);
        assert.ok(Math.abs(found - expected) < 1e-9, `step ${step}: ${found}`);
      }
      const { options } = plan.resolved["model"] as { options: Record<string, unknown> };
      const norm = name.startsWith("maxsquare") ? "train" : "affine-frozen";
      assert.deepEqual(
        [options["aspp_rates"], options["batch_norm"], options["classifier_bias"], options["stride_in"]],
        [rates, norm, true, "conv1"],
      );
      const of = (group: string) => groups.find((one) => one.group === group);
      assert.deepEqual([of("head")?.rate, of("block")?.repeats, of("downsample")?.repeats], [10, 3, 4]);
      assert.deepEqual(of("stem/norm")?.rate, norm === "train" ? 0 : undefined);
      assert.deepEqual(plan.resolved["optimizer"], {
        ...(plan.resolved["optimizer"] as object),
        type: "sgd",
        options: { lr: 2.5e-4, momentum: 0.9, weight_decay: 5e-4 },
      });
      const blurred = norm === "train" ? ["source-blurred", "target-blurred"] : [];
      assert.deepEqual(lastPhase(plan).streams.map(({ name }) => name), ["source", "target", ...blurred]);
      const size = name === "maxsquare_multi" ? [640, 1280] : [512, 1024];
      const sourceSize = data === "gtav" ? [720, 1280] : [760, 1280];
      const flip = norm === "train" || name === "clan";
      const { input, evaluation } = plan;
      assert.deepEqual(input.training, { size, crop: size, flip });
      assert.deepEqual(input.streams, { source: { size: sourceSize, crop: sourceSize, flip } });
      assert.equal(input.alignCorners, true);
      assert.deepEqual([input.normalization.order, input.normalization.scale], ["bgr", 1]);
      assert.deepEqual(
        [evaluation.size, evaluation.labelSize, evaluation.flip ?? false, evaluation.average],
        [size, norm === "train" ? "input" : "original", norm === "train", "logits"],
      );
      if (name === "clan") {
        assert.equal(optionsOf(plan, "local-adversarial")["lambda"], data === "gtav" ? 40 : 10);
        assert.deepEqual(evaluation.heads, [{ tap: "logits", weight: 1 }, { tap: "auxiliary", weight: 1 }]);
      }
    });
  }
}

Deno.test("every published recipe of the family has its twin, and all of them are looked at here", async () => {
  const names = ownFiles("recipes/methods/published").map((path) => basename(path, ".yaml"));
  const mine = [...Object.keys(PUBLISHED), "family"].flatMap((name) => [`${name}_gtav`, `${name}_synthia`]);
  assert.deepEqual(mine.filter((name) => !names.includes(name)), []);
  for (const data of ["gtav", "synthia"]) {
    const plan = await planOf(join("published", `family_${data}.yaml`));
    assert.deepEqual(lastPhase(plan).losses.map(({ name }) => name), ["cross-entropy"]);
  }
});

const mistakes: readonly (readonly [set: string, message: string])[] = [
  [
    "model.options.heads=",
    'adaptseg.yaml:11:80 losses[1].options.tap: the model has no tap "auxiliary"; expected one of stem, pool, layer1, layer2, ' +
    "layer3, layer4, logits, probabilities; model.options.heads adds more, as in {auxiliary: layer3}",
  ],
  [
    "losses.adversarial.options.tap=layer4",
    "--set losses.adversarial.options.tap: expected a tap with a logit for each of the 19 classes " +
    '(logits, auxiliary): it is "layer4"',
  ],
  [
    "losses.more={type: weight-discrepancy, options: {tap: logits}}",
    "--set losses.more losses[4].options.tap: is the main head; expected a further one, as in auxiliary",
  ],
  [
    "optimizer={type: adam, groups: {block: {repeats: 3}}}",
    "--set optimizer optimizer.groups.block.repeats: expected 1: adam updates a parameter once a step",
  ],
];

for (const [set, message] of mistakes) {
  Deno.test(`adaptseg with --set ${set} is refused in a line`, async () => {
    await assert.rejects(planOf("adaptseg.yaml", [set]), (error: Error) => {
      assert.ok(error.message.split("\n").includes(message), error.message);
      return true;
    });
  });
}

interface Resolved {
  readonly type: string;
  readonly name?: string;
  readonly weight: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

const lossesOf = ({ resolved }: RunPlan) => resolved["losses"] as readonly Resolved[];

const optionsOf = (plan: RunPlan, name: string) =>
  lossesOf(plan).find((one) => (one.name ?? one.type) === name)!.options;

/** The terms of a plan, with those of their options that are expected. */
function termsOf(plan: RunPlan, expected: Terms): Terms {
  return Object.fromEntries(
    lossesOf(plan).map(({ type, name = type, weight, options }) => {
      const keys = Object.keys(expected[name]?.[1] ?? {});
      return [
        name,
        keys.length === 0 ? [weight] : [weight, Object.fromEntries(keys.map((key) => [key, options[key]]))],
      ];
    }),
  );
}
