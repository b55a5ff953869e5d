/** Resuming on the other backends, and with another number of loader workers than before. */
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import type { TrainEvent } from "../../core/events.ts";
import type { RunPlan } from "../../core/plan.ts";
import { diskFiles } from "../../datasets/files.ts";
import { train } from "../../train/mod.ts";
import { planned, STREET } from "../datasets/workers/disk.ts";
import { tensorflowIsInstalled } from "../tensorflow.ts";
import { optimizerPlan, tinyPlan } from "./fakes.ts";

const STEPS = 8;

function planFor(workers: number): RunPlan {
  const [dataset, origin] = planned("street", STREET);
  return tinyPlan({
    optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
    labelSpace: dataset.labelSpace,
    data: {
      root: "",
      source: dataset,
      target: dataset,
      splits: { val: dataset },
      origins: new Map([[dataset, origin]]),
    },
    input: { ...tinyPlan().input, workers },
  }, { steps: STEPS, validateEvery: 3 });
}

/** Trains until `stop` or the end. @returns every loss by its step */
async function losses(runDir: string, workers: number, stop = STEPS): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const control = new AbortController();
  await train(planFor(workers), {
    runDir,
    resume: true,
    signal: control.signal,
    files: diskFiles(),
    onEvent(event: TrainEvent) {
      if (event.type !== "step") return;
      found.set(event.step, event.total);
      if (event.step === stop && stop < STEPS) control.abort();
    },
  });
  return found;
}

for (const backend of ["wasm", "cpu", "tensorflow"] as const) {
  const missing = backend === "tensorflow" && !tensorflowIsInstalled;
  Deno.test({
    name: `${backend}: three processes' worth with 0, 2 and 1 workers are one run${
      missing ? " (not installed: deno task setup:tensorflow)" : ""
    }`,
    ignore: missing,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await selectBackend(backend);
      const folder = await Deno.makeTempDir();
      try {
        const whole = await losses(`${folder}/whole`, 1);
        const parts = [
          ...await losses(`${folder}/parts`, 0, 3),
          ...await losses(`${folder}/parts`, 2, 5),
          ...await losses(`${folder}/parts`, 1),
        ];
        assert.deepEqual(parts, [...whole]);
        const weights = (run: string) => Deno.readFile(`${folder}/${run}/checkpoints/last.safetensors`);
        assert.deepEqual(await weights("parts"), await weights("whole"));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
