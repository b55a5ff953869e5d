/** Whole runs whose images are prepared in workers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { selectBackend } from "../../backends/select.ts";
import { UserError } from "../../core/errors.ts";
import type { RunPlan } from "../../core/plan.ts";
import { diskFiles } from "../../datasets/files.ts";
import { readCheckpoint } from "../../train/checkpoint.ts";
import { train } from "../../train/mod.ts";
import { FOLDER, onDisk, planned } from "../datasets/workers/disk.ts";
import { tinyPlan } from "./fakes.ts";

/** The tiny network on a folder that lies in `root`. */
function folderPlan(root: string, workers: number): RunPlan {
  const [dataset, origin] = planned("folder", FOLDER);
  return tinyPlan({
    data: {
      root,
      source: dataset,
      target: dataset,
      splits: { val: dataset },
      origins: new Map([[dataset, origin]]),
    },
    input: { ...tinyPlan().input, workers },
  }, { steps: 8, validateEvery: 3, accumulation: 2 });
}

async function totals(plan: RunPlan, runDir: string) {
  const events: number[] = [];
  const result = await train(plan, {
    runDir,
    signal: new AbortController().signal,
    files: diskFiles(),
    onEvent: (event) => event.type === "step" && events.push(event.total),
  });
  return { events, result };
}

function test(name: string, body: (root: string) => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    await onDisk(12, body);
  });
}

test("a run with workers is the run without", async (root) => {
  const expected = await totals(folderPlan(root, 0), join(root, "run0"));
  assert.equal(expected.events.length, 8);
  assert.equal(expected.result.final!.images, 12);
  assert.deepEqual(await totals(folderPlan(root, 2), join(root, "run2")), expected);
});

test("an image that a worker cannot read ends the run; the weights of the step before are on disk", async (root) => {
  await Deno.writeTextFile(join(root, "images", "6.png"), "no image");
  const file = join(root, "images", "6.png");
  await assert.rejects(totals(folderPlan(root, 2), join(root, "run")), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(
      error.message.replace(/step \d+/, "step N"),
      `${file}: the image is damaged, cut short or not a JPEG or PNG\n` +
        `the weights after step N lie in ${root}/run/checkpoints/last.safetensors`,
    );
    return true;
  });
  const { state } = await readCheckpoint(join(root, "run/checkpoints/last.safetensors"), diskFiles());
  assert.ok(state!.step > 0);
});

Deno.test("an interrupted run leaves no thread that keeps its process alive", async () => {
  const folder = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      ...["read", "write", "env", "ffi", "sys"].map((name) => `--allow-${name}`),
      fileURLToPath(new URL("interrupted_child.ts", import.meta.url)),
      folder,
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const watchdog = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const { code, stdout } = await child.output();
  clearTimeout(watchdog);
  await Deno.remove(folder, { recursive: true });
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [
    0,
    '{"steps":2,"interrupted":true,"earlier":[]}\n',
  ]);
});
