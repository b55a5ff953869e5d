/** VFM-UDA's recipes: every constant of the released code, and what is refused of a network that cannot hide patches. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { isMade, lastPhase, type RunPlan } from "../../core/plan.ts";

const METHODS = fileURLToPath(new URL("../../recipes/methods", import.meta.url));
const registry = builtins();

/** @param base what it is laid on, instead of what it extends */
function planOf(file: string, set: readonly string[] = [], base?: string): Promise<RunPlan> {
  return loadRecipe({ path: join(METHODS, file) }, {
    registry,
    cwd: METHODS,
    readText: (path) => Deno.readTextFile(path),
    overrides: ["data.root=/data", ...set],
    ...(base === undefined ? {} : { base }),
  });
}

type Resolved = Record<string, { readonly type: string; readonly options: Record<string, unknown> }>;

/** Of torchvision's ColorJitter: 32 / 255 and 18 / 360 of the published code. */
const STRONG = {
  probability: 0.9,
  drawn: "image",
  form: "torchvision",
  brightness: 32 / 255,
  contrast: 0.5,
  saturation: 0.5,
  hue: 18 / 360,
};
const WEAK = { ...STRONG, probability: 0.8, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.2 };
const BLUR = { probability: 0.5, drawn: "image", sigma: [0.15, 1.15] };

for (const [data, classes, source] of [["gtav", 19, [1296, 1584]], ["synthia", 16, [1368, 1672]]] as const) {
  Deno.test(`vfm_uda_${data}: the published settings`, async () => {
    const plan = await planOf(`published/vfm_uda_${data}.yaml`);
    const phase = lastPhase(plan);
    assert.equal(plan.labelSpace.classes.length, classes);
    assert.deepEqual(plan.resolved["model"], {
      type: "dinov2",
      options: {
        size: "b",
        registers: 0,
        patch: 14,
        table: 37,
        image_scale: 1.1,
        head: "light",
        aspp_rates: [1, 2, 3, 4],
        checkpointing: false,
      },
    });
    const streams = plan.resolved["streams"] as Resolved;
    assert.deepEqual(streams["seen"]!.options, { stream: "source", jitter: STRONG, blur: false });
    assert.deepEqual(streams["changed"]!.options, { stream: "pseudo", jitter: STRONG, blur: false });
    assert.deepEqual(streams["pseudo"]!.options, {
      stream: "target",
      teacher: "teacher",
      mirrored: "mirror",
      threshold: 0.968,
      ignore_top: 0,
      ignore_bottom: 0,
    });
    const { jitter, blur, classes: drawn, teacher, target, source: pasted } = streams["mixed"]!.options;
    assert.deepEqual([jitter, blur, drawn, teacher, target, pasted], [
      WEAK,
      BLUR,
      "batch",
      null,
      "changed",
      "source",
    ]);
    assert.deepEqual(streams["masked"]!.options, {
      stream: "pseudo",
      share: 0.7,
      hide: "patches",
      cell: 14,
      jitter: WEAK,
      blur: BLUR,
    });
    const ema = phase.networks[0]!.plan;
    assert.deepEqual(ema.follow!({ step: 0, steps: 9 }), { parameters: 1 / 2, buffers: 1 / 2 });
    assert.deepEqual(ema.follow!({ step: 5000, steps: 9 }), { parameters: 0.999, buffers: 0.999 });
    const losses = plan.resolved["losses"] as {
      name?: string;
      weight: number;
      options: Record<string, unknown>;
    }[];
    assert.deepEqual(
      losses.map(({ weight, options }) => [weight, options["stream"], options["denominator"]]),
      [
        [1, "seen", "valid"],
        [1, "mixed", "all"],
        [1, "masked", "all"],
      ],
    );
    const { training, schedule, groups } = phase;
    assert.deepEqual([training.steps, training.batch, training.accumulation], [40_000, 8, 1]);
    assert.deepEqual((plan.resolved["optimizer"] as Resolved[string]).options, {
      lr: 5e-5 * Math.sqrt(8),
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weight_decay: 0.01,
    });
    assert.deepEqual(groups, [{ group: "backbone", rate: 0.1, decay: 1 }]);
    // linspace(1e-3, 1, 1500), then the part of linspace(1, 0, 40001) from there.
    for (
      const [step, expected] of [
        [0, 1e-3],
        [749, 1e-3 + 0.999 * 749 / 1499],
        [1498, 1e-3 + 0.999 * 1498 / 1499],
        [1500, 1 - 1500 / 40_000],
        [39_999, 1 / 40_000],
      ] as const
    ) {
      assert.ok(Math.abs(schedule.multiplier(step, 40_000) - expected) < 1e-9, `step ${step}`);
    }
    const { streams: sizes, rareClassSampling, normalization } = plan.input;
    const [from, to] = [sizes!["source"]!, sizes!["target"]!];
    assert.deepEqual([from.shortSide, from.crop, from.flip, from.margins], [
      source,
      [1024, 1024],
      true,
      undefined,
    ]);
    assert.deepEqual([to.shortSide, to.crop, to.flip], [[922, 1126], [1024, 1024], true]);
    assert.deepEqual(to.margins, [0.03, 0.03, 0.25, 0.03]);
    assert.deepEqual([from.criteria?.mostShare, from.criteria?.tries], [0.75, 1]);
    assert.deepEqual(rareClassSampling, { temperature: 0.05, minPixels: 3000, cropPixels: 6000, tries: 20 });
    assert.deepEqual(normalization.mean, [0.485, 0.456, 0.406]);
    const { window, aggregation, size, average } = plan.evaluation as unknown as Record<string, unknown>;
    assert.deepEqual(window, { size: [1024, 1024], stride: [512, 512] });
    assert.deepEqual([aggregation, average ?? "probabilities"], [undefined, "probabilities"]);
    assert.deepEqual(size, [1024, 2048]);
  });
}

Deno.test("the method alone goes onto any network: patches where it has them, else cells", async () => {
  for (const set of [[], ["model.type=dinov2", "model.options={size: s}"]]) {
    const plan = await planOf("vfm_uda.yaml", set);
    const masked = lastPhase(plan).streams.filter(isMade).find(({ name }) => name === "masked")!;
    assert.equal(masked.plan.hides, undefined);
  }
});

Deno.test("the miniature has the method's teacher, streams and terms, and hides patches", async () => {
  const small = await planOf("dinov2/vfm_uda_street.yaml"), method = await planOf("vfm_uda.yaml");
  const { masked, ...streams } = small.resolved["streams"] as Resolved;
  const { masked: other, ...others } = method.resolved["streams"] as Resolved;
  assert.deepEqual(streams, others);
  assert.deepEqual(masked!.options, { ...other!.options, hide: "patches", cell: masked!.options["cell"] });
  for (const key of ["losses", "networks"]) assert.deepEqual(small.resolved[key], method.resolved[key], key);
  assert.equal((small.resolved["model"] as Resolved[string]).type, "dinov2");
});

Deno.test("on CamVid the small transformer of the drawn streets has CamVid's data and steps, by each method", async () => {
  const set = ["baseline="];
  const own = await planOf("../camvid_dinov2.yaml", set);
  const [camvid, street] = [
    await planOf("../camvid_day_to_dusk.yaml", set),
    await planOf("../street_dinov2.yaml", set),
  ];
  for (const key of ["data", "input", "training", "evaluation"]) {
    assert.deepEqual(own.resolved[key], camvid.resolved[key], key);
  }
  for (const key of ["losses", "optimizer", "schedule"]) {
    assert.deepEqual(own.resolved[key], street.resolved[key], key);
  }
  const [model, other] = [own, street].map(({ resolved }) => (resolved as Resolved)["model"]!);
  // A crop is 1.1 times as large for the network, in patches of 14.
  const table = Math.floor(own.input.training.crop[0] * 1.1 / 14);
  assert.deepEqual(model, { ...other, options: { ...other!.options, table } });
  const { name, ...whole } = (await planOf("dinov2/vfm_uda_camvid.yaml")).resolved;
  assert.equal(name, "vfm_uda_camvid");
  assert.deepEqual(
    { ...whole, name: "vfm_uda" },
    (await planOf("vfm_uda.yaml", [], "camvid_dinov2")).resolved,
  );
});

Deno.test("patches of a network that needs all of them are refused where the stream says so", async () => {
  await assert.rejects(planOf("vfm_uda.yaml", ["streams.masked.options.hide=patches"]), (error: Error) => {
    assert.match(
      error.message,
      /streams\.masked\.options: hides patches, and the model needs all of them; expected a model with a token for hidden ones, as dinov2, or cells of pixels$/m,
    );
    return true;
  });
});
