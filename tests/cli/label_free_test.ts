/** What a run logs beside its validations without labels of the target. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TrainEvent, ValidationEvent } from "../../core/events.ts";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const BASE = tinyRecipe("name: tiny\nbaseline: null\ntraining: { steps: 2, batch: 1, validate_every: 1 }\n");

async function events(folder: string, run: string, set: readonly string[] = []): Promise<TrainEvent[]> {
  const sets = set.flatMap((one) => ["--set", one]);
  const { code, stderr } = await plca(["train", "base.yaml", "--run", run, "--quiet", ...sets], {
    cwd: folder,
  });
  assert.equal(code, 0, stderr);
  const lines = (await Deno.readTextFile(join(folder, run, "events.jsonl"))).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const measured = (all: readonly TrainEvent[]) =>
  all.filter((event): event is ValidationEvent => event.type === "validation")
    .map(({ labelFree }) => labelFree);

folderTest(
  "each validation has every measure, and training is what it is without them",
  (folder) => Deno.writeTextFile(join(folder, "base.yaml"), BASE),
  async (folder) => {
    const all = await events(folder, "with");
    const taken = measured(all);
    assert.equal(taken.length, 2);
    for (const values of taken) {
      assert.deepEqual(Object.keys(values!), [
        "entropy",
        "mutualInformation",
        "neighbourhoodDensity",
        "consistentCycles",
      ]);
      for (const value of Object.values(values!)) assert.ok(value >= 0 && value <= 1, `${value}`);
    }
    const without = await events(folder, "without", ["evaluation.label_free=false"]);
    assert.deepEqual(measured(without), [undefined, undefined]);
    const steps = (some: readonly TrainEvent[]) =>
      some.flatMap((event) => event.type === "step" ? [event.total] : []);
    assert.deepEqual(steps(without), steps(all));
    // Whole images may not fit where they are predicted in windows.
    const windows = await events(folder, "windows", ["evaluation.window={size: 32, stride: 32}"]);
    assert.deepEqual(Object.keys(measured(windows)[0]!), [
      "entropy",
      "mutualInformation",
      "neighbourhoodDensity",
    ]);
  },
);
