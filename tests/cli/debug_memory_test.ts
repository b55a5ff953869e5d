import assert from "node:assert/strict";
import { join } from "node:path";
import { memoryLines, memoryTeller } from "../../cli/debug_memory.ts";
import type { MovedMemory, MovedTensors } from "../../core/memory.ts";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const GB = 2 ** 30;

const tensors = (what: string, times: number): MovedTensors => ({
  what,
  timesOut: times,
  timesBack: times - 1,
  bytes: (2 * times - 1) * GB / 4,
  seconds: times / 8,
});

function moved(times: number, kinds: readonly MovedTensors[]): MovedMemory {
  const [out, back] = [times * GB / 4, (times - 1) * GB / 4];
  const [heap, outside] = [{ heap: GB, heapPeak: 3.5 * GB }, { outside: GB, outsidePeak: 8 * GB }];
  return { ...heap, ...outside, out, back, seconds: times / 8, tensors: kinds };
}

Deno.test("what moved in a step is told with the kinds of tensors that moved most", () => {
  const before = moved(2, [tensors("conv2d [8, 2]", 2), tensors("Add [3]", 1)]);
  const after = moved(6, [tensors("conv2d [8, 2]", 4), tensors("batchNorm [1]", 2), tensors("Add [3]", 1)]);
  assert.deepEqual(memoryLines(7, before, after), [
    "memory, step 7: 1.00 GiB left the heap, 1.00 GiB came back, 0.5 s; tensors took 3.50 GiB of the heap and 8.00 GiB " +
    "outside at most",
    "  conv2d [8, 2]: out 2, back 2, 1.00 GiB, 0.3 s",
    "  batchNorm [1]: out 2, back 1, 0.75 GiB, 0.3 s",
  ]);
  assert.deepEqual(memoryLines(8, after, after), [
    "memory, step 8: nothing was moved; tensors took 3.50 GiB of the heap and 8.00 GiB outside at most",
  ]);
});

Deno.test("more than eight kinds are counted", () => {
  const kinds = Array.from({ length: 11 }, (_, k) => tensors(`Add [${k}]`, 11 - k));
  const lines = memoryLines(1, moved(0, []), moved(1, kinds));
  assert.equal(lines.length, 10);
  assert.equal(lines.at(-1), "  and 3 more kinds");
});

Deno.test("each step is told from the one before", () => {
  const states = [moved(1, []), moved(2, []), moved(2, [])];
  const tell = memoryTeller(() => states.shift()!, "native");
  assert.match(tell(1)[0]!, /^memory, step 1: 0\.25 GiB left the heap, 0\.25 GiB came back, 0\.1 s; /);
  assert.match(tell(2)[0]!, /^memory, step 2: nothing was moved; /);
});

const RECIPE = tinyRecipe(
  "name: tiny\ntraining: { steps: 2, batch: 1, validate_every: 0 }\nbaseline: null\n",
);

folderTest(
  "--debug-memory tells after every step; a run goes on with the limit it was begun with",
  async (folder) => {
    await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE);
  },
  async (folder) => {
    const args = ["train", "tiny.yaml", "--run", "run", "--set", "backend={name: wasm, memory: 1}"];
    const { code, stdout, stderr } = await plca([...args, "--debug-memory"], { cwd: folder });
    assert.deepEqual([code, stderr], [0, ""]);
    const told = stdout.split("\n").filter((line) => line.includes("memory, step"));
    assert.equal(told.length, 2);
    assert.match(
      told[1]!,
      /memory, step 2: nothing was moved; tensors took 0\.\d\d GiB of the heap and 0\.00 GiB outside/,
    );
    const config = await Deno.readTextFile(join(folder, "run/config.yaml"));
    assert.match(config, /backend:\n {2}name: wasm\n {2}memory: 1\n/);
    const resumed = await plca(["train", "--resume", "run"], { cwd: folder });
    assert.deepEqual([resumed.code, resumed.stderr], [0, ""]);
  },
);

folderTest("--debug-memory is refused where the backend keeps its memory itself", async (folder) => {
  await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE);
}, async (folder) => {
  const args = ["train", "tiny.yaml", "--set", "backend=cpu", "--debug-memory"];
  const { code, stderr } = await plca(args, { cwd: folder });
  assert.deepEqual([code, stderr], [2, "--debug-memory: cpu keeps its memory itself; use native or wasm\n"]);
  assert.deepEqual([...Deno.readDirSync(join(folder, "runs"))], [], "no empty run stays");
});
