/** `plca table` of folders that hold runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, plca } from "./fake_host.ts";

const final = (miou: number) => ({
  split: "val",
  images: 1,
  labelSize: "input 4x2",
  classes: ["class_0", "class_1"],
  iou: [miou, miou],
  miou,
  pixelAccuracy: 1,
  confusion: [],
});

Deno.test("table finds the runs in a folder, and leaves out what is no run or not finished", () =>
  inFolder(async (folder) => {
    for (const [name, miou] of [["b-0", 0.25], ["a-0", 0.5], ["open-0", undefined]] as const) {
      const run = join(folder, "runs", "comparison", name);
      await Deno.mkdir(run, { recursive: true });
      await Deno.writeTextFile(join(run, "events.jsonl"), "");
      if (miou !== undefined) {
        await Deno.writeTextFile(join(run, "evaluation.json"), JSON.stringify(final(miou)));
      }
    }
    await Deno.mkdir(join(folder, "runs", "comparison", "recipes"));
    const table = (...args: string[]) => plca(["table", ...args, "--format", "csv"], { cwd: folder });
    const whole = await table("runs");
    assert.deepEqual(
      [whole.code, whole.stderr],
      [0, "runs/comparison/open-0: it has no evaluation.json yet; it is left out\n"],
    );
    assert.deepEqual(whole.stdout.trimEnd().split("\n").slice(-3), [
      "IoU %,class_0,class_1,mIoU",
      "comparison/a-0,50.0,50.0,50.0",
      "comparison/b-0,25.0,25.0,25.0",
    ]);
    const named = await table("runs/comparison/a-0", "runs/comparison/recipes");
    assert.deepEqual(
      [named.code, named.stderr],
      [0, "runs/comparison/recipes: there is no run in it; it is left out\n"],
    );
    assert.match(named.stdout, /^a-0,50\.0,50\.0,50\.0$/m);
    const none = await table("runs/comparison/recipes", "runs/comparison/recipes");
    assert.equal(none.code, 2);
    assert.match(none.stderr, /\nruns.*, runs.*: there is no run with an evaluation\.json in it\n$/);
  }));

Deno.test("class names that would be cut to the same letters are whole", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a.json"), JSON.stringify(final(0.5)));
    const { stdout } = await plca(["table", "a.json"], { cwd: folder });
    assert.equal(stdout.split("\n")[0], "IoU %  class_0  class_1  mIoU");
  }));
