/** Sizes, memory and turns of the explorer. */
import assert from "node:assert/strict";
import { Cache } from "../../explore/cache.ts";
import { Checkpoints } from "../../explore/checkpoints.ts";
import { exploredSize } from "../../explore/images.ts";
import { Turns } from "../../explore/turns.ts";
import { phaseFolders } from "../../run_folder/layout.ts";
import { inFolder } from "../cli/fake_host.ts";
import { writeThreePhases } from "../run_folder/three_phases.ts";

const training = { crop: [64, 64], flip: true } as const;

Deno.test("images are explored as read, at the middle of training's short sides, or at most at 2^18 pixels", () => {
  assert.deepEqual(exploredSize({ width: 160, height: 96 }, training), { width: 160, height: 96 });
  const sides = { ...training, shortSide: [300, 401] as const };
  assert.deepEqual(exploredSize({ width: 800, height: 400 }, sides), { width: 702, height: 351 });
  assert.deepEqual(exploredSize({ width: 2048, height: 1024 }, training), { width: 724, height: 362 });
  const { width, height } = exploredSize({ width: 1914, height: 1052 }, training);
  assert.ok(width * height <= 2 ** 18 && Math.abs(width / height - 1914 / 1052) < 0.01);
});

Deno.test("a cache forgets what was not asked for the longest, and keeps the last however large", () => {
  const cache = new Cache<string>(10);
  cache.set("a", "A", 4);
  cache.set("b", "B", 4);
  assert.equal(cache.get("a"), "A");
  cache.set("c", "C", 4);
  assert.deepEqual(["a", "b", "c"].map((key) => cache.get(key)), ["A", undefined, "C"]);
  cache.set("a", "A2", 5);
  assert.equal(cache.bytes, 9);
  cache.set("d", "D", 99);
  assert.deepEqual(["a", "c", "d"].map((key) => cache.get(key)), [undefined, undefined, "D"]);
  assert.equal(cache.bytes, 99);
});

Deno.test("jobs take turns; a failed one does not stop those after it, one given up is not begun", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const open = new AbortController(), given = new AbortController();
  const job = (name: string, signal = open.signal) =>
    turns.take(signal, async () => {
      done.push(`${name} begins`);
      await new Promise((next) => setTimeout(next, 5));
      done.push(`${name} ends`);
      return name;
    });
  const first = job("first");
  const failing = turns.take(open.signal, () => Promise.reject(new Error("no")));
  const dropped = job("dropped", given.signal);
  const last = job("last");
  given.abort();
  await assert.rejects(failing, { message: "no" });
  await assert.rejects(dropped, { name: "AbortError" });
  assert.deepEqual([await first, await last], ["first", "last"]);
  assert.deepEqual(done, ["first begins", "first ends", "last begins", "last ends"]);
});

Deno.test("checkpoints of three phases are listed in the order of the phases", () =>
  inFolder(async (folder) => {
    await writeThreePhases(folder);
    const phases = phaseFolders({ baseline: { name: "a" }, phases: [{ name: "warm-up" }, { name: "c" }] });
    const found = await new Checkpoints(folder, phases).list();
    assert.deepEqual(found.map(({ id, name }) => [id, name]), [
      ["baseline/checkpoints/last.safetensors", "baseline last"],
      ["phases/warm-up/checkpoints/last.safetensors", "warm-up last"],
      ["phases/warm-up/checkpoints/best.safetensors", "warm-up best"],
      ["checkpoints/last.safetensors", "last"],
    ]);
  }));
