/** What a run recorded of its data, compared when the run goes on. */
import assert from "node:assert/strict";
import type { DatasetPlan, FileReader } from "../../core/plugin.ts";
import type { Input } from "../../datasets/input.ts";
import { InputRecord } from "../../train/inputs.ts";
import { tinyPlan } from "./fakes.ts";

/** An input whose datasets have images, and labels where they are asked for. @param extra a further image */
function inputOf(extra: readonly string[] = []): Input {
  const open: Input["open"] = (_, want = {}) =>
    Promise.resolve({
      length: 1,
      files: ["a.png", ...extra, ...want.labels === false ? [] : ["a_labels.png"]],
      read: () => Promise.reject(new Error("not used")),
    });
  return { open } as Input;
}

const files: FileReader = {
  read: () => Promise.reject(new Error("not used")),
  list: () => Promise.reject(new Error("not used")),
  sizes: (paths) => Promise.resolve(paths.map(() => 5)),
};

Deno.test("InputRecord notes a dataset that has changed, and compares only what was opened alike", async () => {
  const runDir = await Deno.makeTempDir();
  try {
    const plan = tinyPlan();
    const target: DatasetPlan = plan.data.target;
    const notes: string[] = [];
    const place = { runDir, files, note: (message: string) => void notes.push(message) };
    const first = await InputRecord.open(plan, { ...place, resume: false });
    await first.input(inputOf()).open(target, { labels: false });
    for (const labels of [true, false]) {
      const resumed = await InputRecord.open(plan, { ...place, resume: true });
      await resumed.input(inputOf()).open(target, { labels });
    }
    assert.deepEqual(notes, []);
    const changed = await InputRecord.open(plan, { ...place, resume: true });
    await changed.input(inputOf(["b.png"])).open(target, { labels: false });
    assert.deepEqual(notes, [
      "data.target: b.png is there, and was not when the run began; from here on the run differs from one that was not interrupted",
    ]);
  } finally {
    await Deno.remove(runDir, { recursive: true });
  }
});
