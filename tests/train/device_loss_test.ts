/** A GPU that is lost in the middle of a run: the run ends, a whole checkpoint lies there, and it goes on from it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { inspectBackends, selectBackend } from "../../backends/select.ts";
import type { DeviceBackend } from "../../backends/webgpu/device.ts";
import { UserError } from "../../core/errors.ts";
import { readCheckpoint } from "../../train/checkpoint.ts";
import { plainFiles, tinyPlan } from "./fakes.ts";
import { go } from "./runs.ts";

const plan = tinyPlan({}, { steps: 8, checkpointEvery: 2 });

const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
Deno.test({
  name: "a device that is lost ends the run with a whole checkpoint, from which it goes on",
  ignore: !webgpu.available,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await selectBackend("webgpu");
      const lost = go(folder, plan, (event) => {
        if (event.type === "step" && event.step === 5) (tf.backend() as DeviceBackend).device.destroy();
        return false;
      });
      const file = `${folder}/run/checkpoints/last.safetensors`;
      await assert.rejects(lost, (error) => {
        if (!(error instanceof UserError)) throw error;
        // Which of the two comes first is up to the device.
        const gone = "webgpu: the device (was lost(: [^\n]*)?; what it held is gone|" +
          "takes no more work \\([^\n]*\\): it was lost, or its memory is full; lower input.crop or training.batch)";
        assert.match(
          error.message,
          RegExp(
            `^[^\n]*${gone}\nthe weights after step 5 could not be written: ${gone}\nthose after step 4 lie in ${file}$`,
          ),
        );
        return true;
      });
      const { state, tensors } = await readCheckpoint(file, plainFiles);
      assert.equal(state!.step, 4);
      assert.ok([...tensors.values()].some(({ data }) => data.some((value) => value !== 0)));

      // What another process would do: a new device.
      tf.removeBackend("webgpu");
      await selectBackend("webgpu");
      const { events, result } = await go(folder, plan);
      assert.deepEqual(events.find(({ type }) => type === "resume"), {
        type: "resume",
        phase: "tiny",
        step: 4,
      });
      assert.equal(result.interrupted, false);
      assert.equal((await readCheckpoint(file, plainFiles)).state!.step, 8);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
