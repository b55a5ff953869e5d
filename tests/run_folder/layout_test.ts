import assert from "node:assert/strict";
import { checkpointStem, IN_CHECKPOINTS, jobFolder, phaseFolders } from "../../run_folder/layout.ts";

Deno.test("the last phase lies in the run's folder, a baseline in its own, others in phases", () => {
  const folders = (recipe: Parameters<typeof phaseFolders>[0]) =>
    phaseFolders(recipe).map(({ name, folder }) => [name, folder]);
  assert.deepEqual(folders({ name: "a" }), [["a", ""]]);
  assert.deepEqual(folders({ name: "a", baseline: null }), [["a", ""]]);
  assert.deepEqual(folders({ name: "a", baseline: { name: "b" } }), [["b", "baseline"], ["a", ""]]);
  assert.deepEqual(folders({ name: "a", phases: [{ name: "baseline" }, { name: "c" }] }), [
    ["baseline", "phases/baseline"],
    ["c", ""],
  ]);
  assert.deepEqual(folders({ name: "a", baseline: { name: "b" }, phases: [{ name: "c" }, { name: "d" }] }), [
    ["b", "baseline"],
    ["c", "phases/c"],
    ["d", ""],
  ]);
  // Of a file that anybody may have written.
  assert.deepEqual(folders({ name: 1, baseline: "b", phases: ["c", null, { name: 2 }] }), [["", ""]]);
});

Deno.test("weights of every phase may be links, and nothing else", () => {
  for (const folder of ["", "baseline/", "phases/warm-up/"]) {
    assert.equal(IN_CHECKPOINTS.test(`${folder}checkpoints/last.safetensors`), true);
    assert.equal(IN_CHECKPOINTS.test(`${folder}evaluation.json`), false);
  }
  assert.equal(IN_CHECKPOINTS.test("phases/a/b/checkpoints/last.safetensors"), false);
  assert.deepEqual([checkpointStem("last.1.safetensors"), checkpointStem("last.safetensors.part")], [
    "last.1",
    undefined,
  ]);
});

Deno.test("a job writes below its phase", () => {
  assert.equal(jobFolder("", "labels"), "jobs/labels");
  assert.equal(jobFolder("runs/a-001/phases/b", "labels"), "runs/a-001/phases/b/jobs/labels");
});
