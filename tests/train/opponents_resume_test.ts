/** Methods with opponents and further heads: stopped between two steps, they end with the same bits. */
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import { go, pathTest as test, undisturbed, valuesOfEvents } from "./runs.ts";
import { tinyData, tinyPlan } from "./fakes.ts";

const registry = builtins();

function term(type: string, options: object, weight = 1, name = type): PlannedLoss {
  return { name, weight, plan: registry.plan("loss", { type, options }), at: ["losses"], origin: type };
}

const further = { tap: "auxiliary" };

const METHODS: Readonly<Record<string, readonly PlannedLoss[]>> = {
  AdaptSeg: [
    term("cross-entropy", {}),
    term("cross-entropy", further, 0.1, "further"),
    term("adversarial", { source_label: 0 }, 0.01),
    term("adversarial", { ...further, source_label: 0 }, 0.01, "opponent"),
  ],
  CLAN: [
    term("focal-cross-entropy", {}),
    {
      ...term("local-adversarial", { warmup: 0.4 }),
      weight: { from: 0.01, to: 0, start: 0, steps: 1, shape: "linear", unit: "phase" },
    },
    term("weight-discrepancy", {}, 0.1),
  ],
};

for (const [name, losses] of Object.entries(METHODS)) {
  test(`${name}: the same bits, wherever it was stopped`, async (folder) => {
    const model = registry.plan("model", {
      type: "deeplab-v2",
      options: {
        layers: [1, 1, 1, 1],
        width: 0.0625,
        heads: { auxiliary: "layer4" },
        batch_norm: "affine-frozen",
      },
    });
    const plan = tinyPlan({
      losses,
      model: { type: "deeplab-v2", plan: model },
      input: { ...tinyPlan().input, training: { crop: [33, 33], flip: true }, alignCorners: true },
      data: { source: tinyData(), target: tinyData({ name: "target" }) },
      groups: [{ group: "block", rate: 1, decay: 1, repeats: 3 }],
    }, { steps: 4, batch: 1, checkpointEvery: 1 });
    const whole = await undisturbed(plan);
    const events = [];
    for (const stop of [2, 3, Infinity]) {
      const told = await go(folder, plan, (event) => event.type === "step" && event.step === stop);
      events.push(...told.events);
      assert.equal(told.result.interrupted, stop !== Infinity);
    }
    assert.deepEqual(valuesOfEvents(events), valuesOfEvents(whole.events));
    assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
  });
}
