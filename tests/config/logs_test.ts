import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import { stringify } from "yaml";
import { load, mistakes } from "./fakes.ts";

Deno.test("logs and diagnostics are off unless the recipe says so", async () => {
  const plan = await load({});
  const { logs, resolved } = plan;
  const { training } = lastPhase(plan);
  assert.equal(logs, undefined);
  assert.equal(training.diagnostics, undefined);
  assert.ok(!("logs" in resolved));
  assert.ok(!("diagnostics" in (resolved["training"] as object)));
  assert.equal(
    lastPhase(await load({ set: ["training.diagnostics=false"] })).training.diagnostics,
    undefined,
  );
});

Deno.test("logs: the name alone, or with what else is written; the resolved recipe plans the same", async () => {
  assert.deepEqual((await load({ set: ["logs=tensorboard"] })).logs, { images: 4, histograms: 0 });
  const { logs, resolved } = await load({ set: ["logs={type: tensorboard, histograms: 50}"] });
  assert.deepEqual(logs, { images: 4, histograms: 50 });
  const files = { "/runs/a/config.yaml": stringify(resolved) };
  assert.deepEqual((await load({ path: "runs/a/config.yaml", files })).logs, logs);
});

Deno.test("the resolved recipe has one form of logs, however they were asked for", async () => {
  const resolvedLogs = async (set: string) => (await load({ set: [set] })).resolved["logs"];
  const whole = { type: "tensorboard", images: 4, histograms: 0 };
  assert.deepEqual(await resolvedLogs("logs=tensorboard"), whole);
  assert.deepEqual(await resolvedLogs("logs={type: tensorboard}"), whole);
});

Deno.test("diagnostics: everything every hundred steps, or what is named", async () => {
  assert.deepEqual(lastPhase(await load({ set: ["training.diagnostics={}"] })).training.diagnostics, {
    every: 100,
    measure: ["terms", "entropy", "gradients", "seconds", "memory"],
    targetLabels: false,
  });
  const { training } = lastPhase(
    await load({ set: ["training.diagnostics={every: 5, measure: [entropy], target_labels: true}"] }),
  );
  assert.deepEqual(training.diagnostics, { every: 5, measure: ["entropy"], targetLabels: true });
  const older = lastPhase(await load({ set: ["training.diagnostics={measure: [associations]}"] })).training;
  assert.deepEqual(older.diagnostics?.measure, ["terms"], "the name that older recipes have");
});

Deno.test("mistakes in logs and diagnostics", async () => {
  assert.equal(
    await mistakes({ set: ["logs=tensorbord"] }),
    '--set logs: expected tensorboard or a mapping: it is "tensorbord"; did you mean "tensorboard"?',
  );
  assert.equal(
    await mistakes({ set: ["training.diagnostics={every: 0, measure: [entropie]}"] }),
    "--set training.diagnostics training.diagnostics.every: must be at least 1: it is 0\n" +
      '--set training.diagnostics training.diagnostics.measure[0]: there is no "entropie" here; did you mean ' +
      '"entropy"?',
  );
  assert.equal(
    await mistakes({
      set: ["training.diagnostics={target_labels: true}", "data.target.classes=[road, tree]"],
    }),
    "--set training.diagnostics training.diagnostics.target_labels: the target's labels cannot be compared: its " +
      "classes differ from the source's: drawn (road, tree; ignore 255), expected drawn (road, car; ignore 255)",
  );
});
