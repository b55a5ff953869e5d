/** The recipes of pyCDA, DISE, SSF-DAN and PatchAlign: every constant that was published, and what is said to be unofficial. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { lastPhase, type PhasePlan, type RunPlan } from "../../core/plan.ts";

const METHODS = fileURLToPath(new URL("../../recipes/methods", import.meta.url));
const registry = builtins();

function planOf(file: string): Promise<RunPlan> {
  return loadRecipe({ path: join(METHODS, file) }, {
    registry,
    cwd: METHODS,
    readText: (path) => Deno.readTextFile(path),
    overrides: ["data.root=/data", "model.weights=/weights.pth"],
  });
}

const weightsOf = ({ losses }: PhasePlan) =>
  Object.fromEntries(
    losses.map(({ name, weight, update = 1 }) => [name, update === 1 ? weight : [weight, update]]),
  );

/** The resolved options of a phase's terms, by name. */
function optionsOf(
  plan: RunPlan,
  phase?: string,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  type One = { type: string; name?: string; options: Record<string, unknown> };
  const phases = plan.resolved["phases"] as { name: string; losses?: One[] }[] | undefined;
  const losses = phases?.find(({ name }) => name === phase)?.losses ?? plan.resolved["losses"] as One[];
  return Object.fromEntries(losses.map(({ type, name = type, options }) => [name, options]));
}

for (const data of ["gtav", "synthia"] as const) {
  const classes = data === "gtav" ? 19 : 16;
  const published = (name: string) => planOf(`published/${name}_${data}.yaml`);

  Deno.test(`pycda_${data}: the published settings`, async () => {
    const plan = await published("pycda");
    assert.equal(plan.method!.unofficial, false);
    const [adaptation, statistics] = plan.phases as [PhasePlan, PhasePlan];
    assert.deepEqual(plan.phases.map(({ name }) => name), ["adaptation", "statistics"]);
    assert.equal(plan.labelSpace.classes.length, classes);
    assert.deepEqual(weightsOf(adaptation), {
      "cross-entropy": 1,
      "cross-entropy-auxiliary": 0.4,
      pixels: [1, 2],
      squares: [1, 2],
      images: [1, 2],
    });
    assert.deepEqual(weightsOf(statistics), { statistics: 1 });
    const options = optionsOf(plan, "adaptation");
    assert.deepEqual([options["pixels"]!["sizes"], options["squares"]!["sizes"]], [[1], [4, 8]]);
    assert.deepEqual([options["pixels"]!["threshold"], options["images"]!["prior"]], [0.5, "uniform"]);
    const { training, schedule, groups } = adaptation;
    assert.deepEqual([training.steps, training.batch, training.accumulation], [35_000, 8, 1]);
    assert.equal(schedule.multiplier(7000, 35_000), 0.8 ** 0.9);
    assert.deepEqual(groups.map(({ group, rate }) => [group, rate]), [["head", 10]]);
    const [resolved] = plan.resolved["phases"] as { optimizer: { options: object } }[];
    assert.deepEqual(resolved!.optimizer.options, { lr: 1.6e-4, momentum: 0, weight_decay: 0 });
    assert.deepEqual(plan.resolved["model"], {
      type: "pspnet",
      options: {
        layers: "resnet101",
        width: 1,
        pools: [1, 2, 3, 6],
        dropout: 0.1,
        batch_norm: "train",
        checkpointing: false,
      },
      weights: "/weights.pth",
    });
    const { training: target, streams, normalization, alignCorners = false } = plan.input;
    assert.deepEqual([target.size, target.crop, target.flip], [[512, 1024], [480, 560], false]);
    assert.deepEqual([streams?.["source"]?.size, streams?.["source"]?.crop], [[560, 1024], [480, 560]]);
    assert.deepEqual([normalization.order, alignCorners], ["rgb", false]);
  });

  Deno.test(`dise_${data}: the published settings`, async () => {
    const plan = await published("dise");
    const phase = lastPhase(plan), kappa = data === "gtav" ? 1 : 2;
    assert.equal(plan.phases.length, 1);
    assert.equal(plan.labelSpace.classes.length, classes);
    assert.deepEqual(weightsOf(phase), {
      "cross-entropy": 1,
      "cross-entropy-auxiliary": 0.1,
      translated: 1,
      "translated-auxiliary": 0.1,
      domain: 0.001 * kappa,
      "domain-auxiliary": 0.0002 * kappa,
      "source-again": 0.5,
      "target-again": 0.5,
      "look-of-target": 0.05,
      "look-of-source": 0.05,
      "realism-of-target": 0.01,
      "realism-of-source": 0.01,
    });
    const options = optionsOf(plan, "translation");
    for (const name of ["cross-entropy", "cross-entropy-auxiliary", "translated", "translated-auxiliary"]) {
      assert.equal(options[name]!["denominator"], "all", name);
    }
    const taps = [1, 2, 3, 4, 5].map((k) => `relu${k}_1`);
    for (const name of ["source-again", "target-again"]) {
      assert.deepEqual([options[name]!["taps"], options[name]!["weights"]], [taps, [
        1 / 32,
        1 / 16,
        1 / 8,
        1 / 4,
        1,
      ]]);
    }
    for (const name of ["look-of-target", "look-of-source"]) {
      const { taps: seen, weights, texture_layers } = options[name]!;
      assert.deepEqual([seen, weights, texture_layers], [taps, [1, 1, 1, 0.25, 1], 3]);
    }
    const adam = (name: string) =>
      ["width", "lr", "beta1", "beta2", "when", "every", "first"].map((key) => options[name]![key]);
    for (const name of ["domain", "domain-auxiliary"]) {
      assert.deepEqual(adam(name), [64, 1e-4, 0.9, 0.99, "before", 1, 0]);
      assert.equal(options[name]!["source_label"], 1);
    }
    for (const name of ["realism-of-target", "realism-of-source"]) {
      assert.deepEqual(adam(name), [64, 1e-4, 0.5, 0.999, "before", 5, 0]);
    }
    const { training, schedule, groups, streams, networks } = phase;
    assert.deepEqual([training.steps, training.batch, training.accumulation], [250_000, 2, 1]);
    assert.equal(schedule.multiplier(50_000, 250_000), 0.8 ** 0.9);
    assert.deepEqual(
      groups.map(({ group, rate, repeats = 1 }) => [group, rate, repeats]),
      [["head", 10, 1], ["stem", 1, 2], ["block", 1, 3], ["downsample", 1, 4]],
    );
    assert.deepEqual(streams.slice(0, 3).map(({ name }) => name), ["source", "target", "translated"]);
    assert.match(JSON.stringify(networks[0]?.weights), /VGG19\.pth/);
    const { options: model } = plan.resolved["model"] as { options: Record<string, unknown> };
    assert.deepEqual(
      [model["aspp_rates"], model["batch_norm"], model["classifier_bias"], model["heads"]],
      [[6, 12], "affine-frozen", true, { auxiliary: "layer3" }],
    );
    const { order, scale, mean, deviation } = plan.input.normalization;
    assert.deepEqual([order, scale, deviation], ["bgr", 1, [128, 128, 128]]);
    assert.deepEqual(mean, [104.00698793, 116.66876762, 122.67891434]);
    assert.equal(plan.input.alignCorners, true);
    const crop = data === "gtav" ? [256, 512] : [512, 1024];
    const criteria = { tries: 6, mostShare: 1, leastClasses: 3, leastShare: 0.02 };
    const shortSide = data === "gtav" ? [504, 720] : [532, 760];
    assert.deepEqual(plan.input.training, { size: [512, 1024], crop, flip: true, criteria });
    assert.deepEqual(plan.input.streams, { source: { shortSide, crop, flip: true, criteria } });
    assert.equal(plan.evaluation.labelSize, "input");
  });

  for (const name of ["ssfdan", "patchalign"]) {
    Deno.test(`${name}_${data}: unofficial, with the family's sizes and rates`, async () => {
      const plan = await published(name);
      const { training, groups } = lastPhase(plan);
      assert.equal(plan.method!.unofficial, true);
      assert.equal(plan.labelSpace.classes.length, classes);
      assert.deepEqual([training.steps, training.batch], [150_000, 1]);
      assert.equal(groups.find(({ group }) => group === "block")?.repeats, 3);
    });
  }
}

Deno.test("ssfdan: our definition, constant by constant", async () => {
  const plan = await planOf("ssfdan.yaml");
  assert.deepEqual(weightsOf(lastPhase(plan)), {
    "cross-entropy": 1,
    "cross-entropy-auxiliary": 0.1,
    "separable-adversarial": 0.001,
  });
  const { tap, width, from, to, reweight, source_label } = optionsOf(plan)["separable-adversarial"]!;
  assert.deepEqual([tap, width, from, to, reweight, source_label], ["layer4", 64, 0.9, 0.5, true, 0]);
});

Deno.test("patchalign: our definition, constant by constant", async () => {
  const plan = await planOf("patchalign.yaml");
  assert.deepEqual(weightsOf(lastPhase(plan)), {
    "cross-entropy": 1,
    "patch-alignment": 0.01,
    adversarial: 0.0005,
  });
  const { patch, clusters, width, adversarial } = optionsOf(plan)["patch-alignment"]!;
  assert.deepEqual([patch, clusters, width, 0.01 * (adversarial as number)], [[32, 64], 50, 256, 0.0005]);
});

for (
  const [name, unofficial] of [["pycda", true], ["dise", false], ["ssfdan", true], [
    "patchalign",
    true,
  ]] as const
) {
  Deno.test(`${name}: it has a title${unofficial ? " and is said to be unofficial" : ""}, and no aggregation`, async () => {
    const plan = await planOf(`${name}.yaml`);
    assert.ok(plan.method!.title);
    assert.equal(plan.method!.unofficial, unofficial);
    assert.equal(plan.evaluation.aggregation, undefined);
    for (const key of ["data", "input"]) {
      assert.deepEqual(plan.resolved[key], (await planOf("../gtav_to_cityscapes.yaml")).resolved[key], key);
    }
  });
}

Deno.test("plca list says of each unofficial term that it is", () => {
  for (const name of ["separable-adversarial", "patch-alignment"]) {
    const plugin = registry.all("loss").find((one) => one.name === name)!;
    assert.match(plugin.summary, /^unofficial: /);
    assert.match(plugin.source!, /unofficial$/);
  }
});
