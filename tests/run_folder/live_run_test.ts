import assert from "node:assert/strict";
import { checkpointsOf, LiveRun } from "../../run_folder/follow.ts";
import type { RunFiles } from "../../run_folder/files.ts";
import { linesOf, memoryRun, stepLine } from "./memory_run.ts";

const START = { type: "start", phase: "a", steps: 40, batch: 2 };

function contentsOf(more: Readonly<Record<string, string>> = {}): Map<string, string> {
  return new Map(Object.entries({
    "config.yaml": "name: a\n",
    "run.json": "{}",
    "events.jsonl": linesOf(START, stepLine(1)),
    ...more,
  }));
}

Deno.test("LiveRun.read: a revision more for every change of a file, none without", async () => {
  const contents = contentsOf();
  const live = new LiveRun(memoryRun(contents, false));
  const revision = async () => (await live.read()).revision;
  assert.equal(await revision(), 1);
  assert.equal(await revision(), 1);
  const changes: [string, string][] = [
    ["events.jsonl", linesOf(START, stepLine(1), stepLine(2))],
    ["config.yaml", "name: ab\n"],
    ["run.json", '{"seed":3}'],
    ["evaluation.json", "{}"],
    ["baseline/evaluation.json", "{}"],
    ["phases/b/evaluation.json", "{}"],
    ["checkpoints/last.safetensors", "x"],
    ["baseline/checkpoints/last.safetensors", "x"],
    ["phases/b/checkpoints/best.safetensors", "x"],
    ["phases/b/checkpoints/best.safetensors", "xy"],
  ];
  for (const [k, [path, text]] of changes.entries()) {
    contents.set(path, text);
    assert.equal(await revision(), k + 2, path);
    assert.equal(await revision(), k + 2, path);
  }
  // What is being written, and files of others, are no change.
  contents.set("checkpoints/last.safetensors.part", "x");
  contents.set("notes.txt", "x");
  assert.equal(await revision(), changes.length + 1);
});

Deno.test("LiveRun.read: the end of the process is a change", async () => {
  let locked = true;
  const files: RunFiles = { ...memoryRun(contentsOf()), isLocked: () => Promise.resolve(locked) };
  const live = new LiveRun(files);
  assert.equal((await live.read()).run.state, "running");
  locked = false;
  const { run, revision } = await live.read();
  assert.deepEqual([run.state, revision], ["stopped", 2]);
});

Deno.test("LiveRun.read: a folder that is gone shows what was known, and counts once", async () => {
  const contents = contentsOf();
  const live = new LiveRun(memoryRun(contents, false));
  const known = await live.read();
  assert.equal(known.gone, false);
  const before = new Map(contents);
  contents.clear();
  const gone = await live.read();
  assert.deepEqual([gone.gone, gone.revision], [true, 2]);
  assert.equal(gone.run, known.run);
  assert.equal((await live.read()).revision, 2);
  for (const [path, text] of before) contents.set(path, text);
  const back = await live.read();
  assert.deepEqual([back.gone, back.revision], [false, 3]);
});

Deno.test("LiveRun.read: of a run without a log, too, what was known stays when it is gone", async () => {
  const contents = new Map([["config.yaml", "name: a\n"], ["run.json", "{}"]]);
  const live = new LiveRun(memoryRun(contents, false));
  const known = await live.read();
  contents.clear();
  assert.equal((await live.read()).run, known.run);
});

Deno.test("LiveRun.read: a folder that holds no run yet is read all the same", async () => {
  const { run, gone } = await new LiveRun(memoryRun(new Map(), false)).read();
  assert.deepEqual([run.state, gone], ["empty", true]);
});

Deno.test("LiveRun.read: looks follow one another, so that no line is read twice", async () => {
  const contents = contentsOf();
  const live = new LiveRun(memoryRun(contents, false));
  await live.read();
  contents.set("events.jsonl", linesOf(START, stepLine(1), stepLine(2), stepLine(3)));
  const all = await Promise.all([live.read(), live.read(), live.read()]);
  for (const { run, revision } of all) {
    assert.equal(revision, 2);
    assert.deepEqual([...run.phases[0]!.log!.series.get("total")!.steps], [1, 2, 3]);
  }
});

Deno.test("LiveRun.read: a file that cannot be looked at is a problem of the run and no throw", async () => {
  const files = memoryRun(contentsOf(), false);
  const live = new LiveRun({
    ...files,
    stat: (path) =>
      path === "config.yaml" ? Promise.reject(new Error("input/output error")) : files.stat(path),
  });
  assert.deepEqual((await live.read()).run.problems, ["runs/a-001/config.yaml: input/output error"]);
});

/** A listener, what it heard, and a way to wait for a revision. */
function ear() {
  const heard: number[] = [];
  const waiting = new Map<number, () => void>();
  return {
    heard,
    listener(revision: number) {
      heard.push(revision);
      waiting.get(revision)?.();
    },
    hears: (revision: number) => new Promise<void>((done) => waiting.set(revision, done)),
  };
}

Deno.test("LiveRun.listen: who listens is told what is known at once, then every change once, until it stops", async () => {
  const contents = contentsOf();
  const live = new LiveRun(memoryRun(contents, false), 3);
  await live.read();
  const [first, other] = [ear(), ear()];
  const stop = live.listen(first.listener), stopOther = live.listen(other.listener);
  assert.deepEqual([first.heard, other.heard], [[1], [1]]);
  const told = first.hears(2);
  contents.set("run.json", '{"seed":3}');
  await told;
  // With one gone the other is still told, and nobody is told again of what did not change.
  stopOther();
  const toldAgain = first.hears(3);
  await new Promise((later) => setTimeout(later, 15));
  contents.set("run.json", '{"seed":33}');
  await toldAgain;
  stop();
  assert.deepEqual([first.heard.filter((one) => one > 1), other.heard.at(-1)], [[2, 3], 2]);
  // Nothing runs on: the test's timers are looked at when it ends.
  contents.set("run.json", '{"seed":333}');
  await new Promise((later) => setTimeout(later, 15));
  assert.equal(first.heard.at(-1), 3);
});

Deno.test("LiveRun.listen: before anything is known nobody is told anything", () => {
  const heard: number[] = [];
  new LiveRun(memoryRun(contentsOf(), false)).listen((revision) => heard.push(revision))();
  assert.deepEqual(heard, []);
});

Deno.test("checkpointsOf: changes with any phase's weights, not with what is no weights", async () => {
  const contents = contentsOf();
  const files = memoryRun(contents);
  const before = await checkpointsOf(files);
  contents.set("checkpoints/notes.txt", "x");
  assert.equal(await checkpointsOf(files), before);
  contents.set("phases/b/checkpoints/last.safetensors", "x");
  assert.notEqual(await checkpointsOf(files), before);
});
