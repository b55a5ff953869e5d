import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { BackendName } from "../../core/plan.ts";
import type { DiagnosticsEvent, TrainEvent } from "../../core/events.ts";
import type { MovedMemory } from "../../core/memory.ts";
import { diskFiles } from "../../datasets/files.ts";
import { memoryValues, stopwatch } from "../../train/diagnostics.ts";
import { train } from "../../train/mod.ts";
import { tinyRecipe } from "../cli/tiny.ts";
import { crossEntropy, lossPlan, planned, tinyData, tinyPlan } from "./fakes.ts";
import { lines, pathTest, run, test } from "./runs.ts";

const RECIPE = tinyRecipe(`
losses:
  - type: cross-entropy
  - type: lovasz-softmax
    weight: 0.75
  - type: association
    weight: 0.1
    options:
      levels:
        - { tap: layer4, similarity: cosine }
        - { tap: probabilities, similarity: negative-kl }
  - type: adversarial
    weight: 0.01
baseline: { name: before, losses: [{ type: cross-entropy }] }
training: { steps: 3, batch: 2, clip_norm: 0.5, log_every: 1, validate_every: 2 }
`);

interface Trained {
  readonly events: TrainEvent[];
  readonly weights: Uint8Array;
}

async function trained(
  folder: string,
  backend: BackendName,
  diagnostics: string,
  accumulation = 2,
): Promise<Trained> {
  const { moved } = await selectBackend(backend);
  const plan = await loadRecipe({ path: "tiny.yaml" }, {
    registry: builtins(),
    overrides: [`training.diagnostics=${diagnostics}`, `training.accumulation=${accumulation}`],
    cwd: folder,
    readText: (path) =>
      path.endsWith("tiny.yaml")
        ? Promise.resolve(RECIPE)
        : Deno.readTextFile(new URL("../../recipes/street.yaml", import.meta.url)),
    importPlugin: () => Promise.reject(new Error("not used")),
  });
  const events: TrainEvent[] = [];
  await train(plan, {
    runDir: folder,
    signal: new AbortController().signal,
    files: diskFiles(),
    ...(moved ? { moved } : {}),
    onEvent: (event) => events.push(event),
  });
  return { events, weights: await Deno.readFile(`${folder}/checkpoints/last.safetensors`) };
}

/** What depends on the training alone. */
function numbers(events: readonly TrainEvent[]): unknown[] {
  return events.flatMap((event) => {
    if (event.type === "diagnostics" || event.type === "checkpoint") return [];
    return [event.type === "step" ? { ...event, rate: 0 } : event];
  });
}

function diagnosticsOf(events: readonly TrainEvent[], phase: string): DiagnosticsEvent[] {
  return events.filter((event) => event.type === "diagnostics").filter((event) => event.phase === phase);
}

for (const backend of ["native", "wasm"] as const) {
  pathTest(`${backend}: diagnostics of every step change no number and no weight`, async (folder) => {
    const without = await trained(`${folder}/without`, backend, "false");
    const withAll = await trained(`${folder}/with`, backend, "{every: 1, target_labels: true}");
    assert.deepEqual(numbers(withAll.events), numbers(without.events));
    assert.deepEqual(withAll.weights, without.weights);
    assert.deepEqual(diagnosticsOf(without.events, "tiny"), []);
    const found = diagnosticsOf(withAll.events, "tiny");
    assert.deepEqual(found.map(({ step }) => step), [1, 2, 3]);
    assert.deepEqual(Object.keys(found[0]!.values).sort(), [
      "association/layer4 associated",
      "association/layer4 correct",
      "association/layer4 covered",
      "association/probabilities associated",
      "association/probabilities correct",
      "association/probabilities covered",
      "entropy/source",
      "entropy/target",
      "gradient/adversarial",
      "gradient/association",
      "gradient/cross-entropy",
      "gradient/lovasz-softmax",
      "gradient/total",
      "memory/back",
      "memory/heap",
      "memory/out",
      "memory/outside",
      "memory/seconds",
      "seconds/backward",
      "seconds/forward",
      "seconds/input",
      "seconds/read",
      "seconds/step",
      "seconds/update",
    ]);
    for (const [name, value] of Object.entries(found[0]!.values)) {
      if (/^association|^entropy/.test(name)) assert.ok(value >= 0 && value <= 1, `${name} is ${value}`);
      else assert.ok(value >= 0, `${name} is ${value}`);
    }
    const before = diagnosticsOf(withAll.events, "before")[0]!;
    assert.deepEqual(Object.keys(before.values).filter((name) => !/^(?:seconds|memory)\//.test(name)), [
      "entropy/source",
      "gradient/cross-entropy",
      "gradient/total",
    ]);
  });
}

pathTest("the share of associated pixels is the one that the term logs of the same step", async (folder) => {
  const { events } = await trained(folder, "native", "{every: 1, measure: [terms]}", 1);
  assert.deepEqual(diagnosticsOf(events, "before"), []);
  const found = diagnosticsOf(events, "tiny");
  const steps = events.filter((event) => event.type === "step").filter(({ phase }) => phase === "tiny");
  assert.equal(found.length, steps.length);
  for (const [k, { values }] of found.entries()) {
    for (const level of ["layer4", "probabilities"]) {
      const name = `association/${level} associated`;
      assert.equal(values[name]!.toFixed(6), steps[k]!.terms[name]!.toFixed(6));
    }
    // The target's labels were not asked for.
    assert.ok(!Object.keys(values).some((name) => name.endsWith("correct")));
  }
});

test("they are taken at every n-th step, those that the recipe names", async (folder) => {
  await run(
    tinyPlan({}, { steps: 7, diagnostics: { every: 3, measure: ["entropy"], targetLabels: false } }),
    folder,
  );
  const found = lines(folder).filter((event) => event.type === "diagnostics");
  assert.deepEqual(found.map(({ step }) => step), [3, 6]);
  assert.deepEqual(found.map(({ values }) => Object.keys(values)), [["entropy/source"], ["entropy/source"]]);
});

test("the norm of the whole gradient is that of a single term, whatever is clipped", async (folder) => {
  const diagnostics = { every: 1, measure: ["gradients"], targetLabels: false } as const;
  const losses = [planned("ce", lossPlan(crossEntropy), 0.5)];
  const { events } = await run(tinyPlan({ losses }, { steps: 2, clipNorm: 1e-3, diagnostics }), folder);
  for (const { values } of events.filter((event) => event.type === "diagnostics")) {
    assert.ok(values["gradient/ce"]! > 1e-2);
    assert.equal(values["gradient/total"], values["gradient/ce"]);
  }
});

/** A term that measures the share of the target's labels that are bright, where it may see them. */
function comparing() {
  return planned("mine", {
    ...lossPlan(crossEntropy, {
      measure(context): Record<string, tf.Scalar> {
        const labels = context.hiddenLabels("target");
        return labels ? { bright: tf.mean(tf.cast(tf.equal(labels, 1), "float32")) } : {};
      },
    }),
    needs: { taps: [{ name: "features", at: [] }] },
  });
}

test("labels of the target are read only where they are asked for, and only for the steps that are looked at", async (folder) => {
  const reads: boolean[] = [];
  const target = tinyData({ name: "target", onRead: (_, labels) => reads.push(labels) });
  const parts = { losses: [comparing()], data: { target } };
  const diagnostics = { every: 4, measure: ["terms", "entropy"], targetLabels: true } as const;
  const measured = await run(tinyPlan(parts, { diagnostics }), folder);
  // Twelve steps of two images, three of them looked at.
  assert.equal(reads.filter((labels) => labels).length, 6);
  const shares = measured.events.flatMap((event) =>
    event.type === "diagnostics" ? [event.values["mine/bright"]!] : []
  );
  assert.ok(shares.length === 3 && shares.every((share) => share > 0 && share < 1), String(shares));
  reads.length = 0;
  await Deno.remove(folder.path, { recursive: true });
  const without = { ...diagnostics, targetLabels: false };
  const { events } = await run(tinyPlan(parts, { diagnostics: without }), folder);
  assert.ok(!reads.includes(true));
  assert.ok(!events.some((event) => event.type === "diagnostics" && "mine/bright" in event.values));
});

test("the labels are those of the images that the step's first pass sees", async (folder) => {
  const seen: number[] = [], labelled: number[] = [];
  const target = tinyData({
    name: "target",
    count: 40,
    onRead: (index, labels) => (labels ? labelled : seen).push(index),
  });
  const diagnostics = { every: 4, measure: ["terms"], targetLabels: true } as const;
  const parts = { losses: [comparing()], data: { target } };
  await run(tinyPlan(parts, { steps: 4, accumulation: 2, diagnostics }), folder);
  // Six batches of two images lie before that of step 4.
  assert.deepEqual(labelled, seen.slice(12, 14));
});

test("a target without labels is told before anything is trained", async (folder) => {
  const losses = [planned("mine", { ...lossPlan(crossEntropy), needs: { taps: [] } })];
  const target = tinyData();
  const open = async (setup: Parameters<typeof target.open>[0]) => ({
    ...await target.open(setup),
    unlabelled: "there are no label files",
  });
  const diagnostics = { every: 1, measure: ["terms"], targetLabels: true } as const;
  await assert.rejects(
    run(tinyPlan({ losses, data: { target: { ...target, open } } }, { diagnostics }), folder),
    {
      name: "UserError",
      message: "training.diagnostics.target_labels: the target has no labels to compare with: " +
        "there are no label files",
    },
  );
});

test("what cannot be measured is told and ends nothing", async (folder) => {
  let calls = 0;
  const nervous = lossPlan((context) => {
    calls += 1;
    // The second call is that of the measurement of step 2.
    if (calls === 2) throw new TypeError("not now");
    return crossEntropy(context);
  });
  const diagnostics = { every: 2, measure: ["gradients"], targetLabels: false } as const;
  const { events, result } = await run(
    tinyPlan({ losses: [planned("mine", nervous)] }, { steps: 2, diagnostics }),
    folder,
  );
  assert.equal(result.steps, 2);
  assert.deepEqual(events.flatMap((event) => event.type === "note" ? [event.message] : []), [
    'diagnostics of step 2 could not be taken: loss "mine" (./my_loss.ts, at losses[2]) threw: not now',
  ]);
});

test("no tensor is left behind", async (folder) => {
  const counts: number[] = [];
  const diagnostics = {
    every: 1,
    measure: ["entropy", "gradients", "seconds"],
    targetLabels: false,
  } as const;
  await run(tinyPlan({}, { diagnostics }), folder, (event) => {
    if (event.type === "step") counts.push(tf.memory().numTensors);
  });
  assert.equal(new Set(counts).size, 1, String(counts));
});

Deno.test("the time of the stages adds up, what was measured between them left out", () => {
  let now = 0;
  const watch = stopwatch(() => now);
  for (
    const [stage, milliseconds] of [["input", 10], ["measuring", 500], ["forward", 20], [
      "forward",
      20,
    ]] as const
  ) {
    now += milliseconds;
    watch.over(stage);
  }
  assert.deepEqual(watch.values, { "seconds/input": 0.01, "seconds/forward": 0.04, "seconds/step": 0.05 });
  assert.equal(watch.measuring, 500);
});

Deno.test("memory: bytes of the step, and which tensors moved most in it", () => {
  const account = (out: number, kinds: Readonly<Record<string, number>>): MovedMemory => ({
    ...{
      heap: 50,
      heapPeak: 70 + out,
      outside: 5,
      outsidePeak: 9 + out,
      out,
      back: out / 2,
      seconds: out / 4,
    },
    tensors: Object.entries(kinds).map(([what, bytes]) => ({
      ...{ what, bytes, timesOut: 1, timesBack: 1, seconds: 1 },
    })),
  });
  const before = account(8, { "conv2d [2, 3]": 8, "Add [1]": 4 });
  const after = account(20, { "relu [5]": 3, "conv2d [2, 3]": 9, "Add [1]": 4, "max [1]": 7, "norm [2]": 2 });
  assert.deepEqual(memoryValues(before, after), {
    "memory/heap": 90,
    "memory/outside": 29,
    "memory/out": 12,
    "memory/back": 6,
    "memory/seconds": 3,
    "memory/moved max [1]": 7,
    "memory/moved relu [5]": 3,
    "memory/moved norm [2]": 2,
  });
  const still = Object.keys(memoryValues(after, after)).filter((name) => name.startsWith("memory/moved"));
  assert.deepEqual(still, []);
});
