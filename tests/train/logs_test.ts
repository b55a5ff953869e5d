import assert from "node:assert/strict";
import { train } from "../../train/mod.ts";
import { eventsOf, shownScalars } from "../report/tensorboard/event_files.ts";
import { crossEntropy, lossPlan, plainFiles, planned, tinyPlan } from "./fakes.ts";
import { type Folder, run, test } from "./runs.ts";

const losses = [planned("ce", lossPlan(crossEntropy))];
const PLAN = tinyPlan(
  { logs: { images: 2, histograms: 4 }, baseline: { name: "before", losses } },
  { steps: 8, validateEvery: 4, checkpointEvery: 4, logEvery: 2 },
);

const filesOf = (folder: Folder, phase: string) => eventsOf(`${folder.path}/run/tensorboard/${phase}`);

test("a run writes what TensorBoard shows, its baseline as a run of its own", async (folder) => {
  const { result } = await run(PLAN, folder);
  for (const phase of ["before", "tiny"]) {
    const files = filesOf(folder, phase);
    assert.equal(files.length, 1);
    assert.deepEqual(shownScalars(files, "loss/ce").map(([step]) => step), [2, 4, 6, 8]);
    assert.deepEqual(shownScalars(files, "validation/mIoU").map(([step]) => step), [4, 8]);
    const values = files.flat().flatMap(({ step, values }) => values.map((value) => ({ step, ...value })));
    const pictures = values.filter(({ image }) => image).map(({ step, tag }) => `${step} ${tag}`);
    assert.deepEqual(pictures, [
      "4 validation/image 1",
      "4 validation/image 2",
      "8 validation/image 1",
      "8 validation/image 2",
    ]);
    const weights = values.filter(({ histogram }) => histogram).map(({ step, tag }) => `${step} ${tag}`);
    assert.deepEqual(weights, [
      "4 weights/first.weight",
      "4 weights/second.weight",
      "8 weights/first.weight",
      "8 weights/second.weight",
    ]);
  }
  const [[step, miou] = []] = shownScalars(filesOf(folder, "tiny"), "final/mIoU");
  assert.deepEqual([step, miou], [8, Math.fround(result.final!.miou!)]);
});

test("a run that goes on after a crash shows every step once", async (folder) => {
  const crash = new Error("the machine stopped");
  const runDir = `${folder.path}/run`;
  const common = { runDir, signal: new AbortController().signal, files: plainFiles };
  await assert.rejects(
    train(PLAN, {
      ...common,
      onEvent(event) {
        if (event.phase === "tiny" && event.type === "step" && event.step === 7) throw crash;
      },
    }),
  );
  // As a process leaves it that is killed: the checkpoint of step 7 is not there.
  await Deno.rename(`${runDir}/checkpoints/last.1.safetensors`, `${runDir}/checkpoints/last.safetensors`);
  assert.equal(folder.state("run/checkpoints/last.safetensors").step, 4);
  await train(PLAN, { ...common, resume: true, onEvent: () => {} });
  const files = filesOf(folder, "tiny");
  assert.equal(files.length, 2);
  assert.deepEqual(shownScalars(files, "loss/ce").map(([step]) => step), [2, 4, 6, 8]);
  assert.equal(filesOf(folder, "before").length, 1);
});

test("without logs nothing is written beside events.jsonl", async (folder) => {
  const { logs: _, ...plan } = PLAN;
  await run(plan, folder);
  assert.ok(![...Deno.readDirSync(`${folder.path}/run`)].some(({ name }) => name === "tensorboard"));
});
