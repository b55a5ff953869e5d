import assert from "node:assert/strict";
import { diskRun } from "../../run_folder/files.ts";
import { isRunFolder, listCheckpoints, readRun } from "../../run_folder/read.ts";
import { openLineLog } from "../../run_folder/lock.ts";
import { inFolder } from "../cli/fake_host.ts";
import { linesOf, memoryRun, stepLine, validationLine } from "./memory_run.ts";
import { PHASES, THREE_PHASES } from "./three_phases.ts";
import { evaluationOf } from "../report/evaluations.ts";

const START = { type: "start", phase: "a", steps: 40, batch: 2 };
const CONFIG = "name: a\nbaseline: { name: source-only }\n";
const EVALUATION = {
  ...evaluationOf({ classes: ["road", "sky"], confusion: [[1, 0], [0, 0]] }),
  phase: "a",
  step: 40,
};

function stateOf(files: Record<string, unknown>, locked?: boolean) {
  const contents = Object.entries(files).map(([name, value]) =>
    [name, typeof value === "string" ? value : JSON.stringify(value)] as [string, string]
  );
  return readRun(memoryRun(new Map(contents), locked));
}

Deno.test("a run with its baseline, as it lies on the disk", async () => {
  const run = await stateOf({
    "config.yaml": CONFIG,
    "run.json": { recipe: "a", seed: 3 },
    "events.jsonl": linesOf(
      { ...START, phase: "source-only" },
      stepLine(40, { phase: "source-only" }),
      validationLine(40, 0.2, { phase: "source-only" }),
      { type: "end", phase: "source-only", step: 40, interrupted: false },
      START,
      stepLine(40),
      validationLine(40, 0.3),
      { type: "end", phase: "a", step: 40, interrupted: false },
    ),
    "evaluation.json": EVALUATION,
    "baseline/evaluation.json": { ...EVALUATION, phase: "source-only", miou: 0.25 },
  });
  assert.equal(run.state, "finished");
  assert.deepEqual(run.problems, []);
  assert.deepEqual(run.config?.parsed["name"], "a");
  assert.deepEqual(run.record?.["seed"], 3);
  assert.deepEqual(run.phases.map(({ name }) => name), ["source-only", "a"]);
  const [baseline, own] = run.phases;
  assert.equal(baseline!.evaluation?.miou, 0.25);
  assert.equal(baseline!.log?.best?.miou, 0.2);
  assert.equal(run.current, own);
});

Deno.test("the weights of a phase, without what is being written", async () => {
  const contents = ["last.safetensors", "last.1.safetensors", "last.safetensors.part"].map((name) =>
    [`phases/b/checkpoints/${name}`, "x"] as const
  );
  const found = await listCheckpoints(memoryRun(new Map(contents)), "phases/b");
  assert.deepEqual(found.map(({ stem, path }) => [stem, path]), [
    ["last.1", "phases/b/checkpoints/last.1.safetensors"],
    ["last", "phases/b/checkpoints/last.safetensors"],
  ]);
});

Deno.test("a run with three phases: each has its log and evaluation, by name and in order", async () => {
  const told = ({ phases, current, state, problems }: Awaited<ReturnType<typeof stateOf>>) => ({
    state,
    problems,
    current: current.name,
    phases: phases.map(({ name, log, evaluation }) => [name, log?.best?.miou, evaluation?.miou]),
  });
  const phases = [
    ["source-only", 0.2, 0.2],
    ["warm-up", 0.3, 0.3],
    ["adapted", 0.4, 0.5],
  ];
  const whole = { state: "finished", problems: [], current: "adapted", phases };
  assert.deepEqual(told(await stateOf(THREE_PHASES)), whole);
  // The other files tell the same.
  const { "config.yaml": _, ...without } = THREE_PHASES;
  assert.deepEqual(told(await stateOf(without)), whole);
  const { "baseline/evaluation.json": __, "phases/warm-up/evaluation.json": ___, ...less } = without;
  assert.deepEqual((await stateOf(less)).phases.map(({ name }) => name), PHASES);
  const { "events.jsonl": ____, ...silent } = without;
  assert.deepEqual((await stateOf(silent)).phases.map(({ name }) => name), PHASES);
});

Deno.test("a phase between the first and the last is in work: the run stands there", async () => {
  const lines = THREE_PHASES["events.jsonl"]!.split("\n").slice(0, 6).map((line) => `${line}\n`).join("");
  const { "evaluation.json": _, ...begun } = THREE_PHASES;
  for (const files of [begun, { ...begun, "config.yaml": "" }]) {
    const run = await stateOf({ ...files, "events.jsonl": lines }, false);
    assert.deepEqual([run.state, run.current.name, run.phases.length], ["stopped", "warm-up", 3]);
  }
});

Deno.test("a recipe whose phases have names of other folders reads nothing there", async () => {
  const run = await stateOf({
    "config.yaml": "name: a\nphases: [{ name: ../baseline }, { name: b }]\n",
    "baseline/evaluation.json": { ...EVALUATION, phase: "x" },
  });
  assert.deepEqual(run.phases.map(({ name, evaluation }) => [name, evaluation?.miou]), [
    ["../baseline", undefined],
    ["x", 0.5],
    ["b", undefined],
  ]);
});

Deno.test("where a run stands", async () => {
  const begun = { "config.yaml": CONFIG, "events.jsonl": linesOf(START, stepLine(3)) };
  assert.equal((await stateOf(begun, true)).state, "running");
  assert.equal((await stateOf(begun, false)).state, "stopped");
  assert.equal((await stateOf(begun)).state, "unclear");
  assert.equal((await stateOf({ "config.yaml": CONFIG })).state, "empty");
  assert.equal((await stateOf({ "config.yaml": CONFIG, "events.jsonl": "" })).state, "empty");
  const end = (more: object) => ({ ...begun, "events.jsonl": linesOf(START, stepLine(3), more) });
  const interrupted = { type: "end", phase: "a", step: 3, interrupted: true };
  assert.equal((await stateOf(end(interrupted))).state, "interrupted");
  assert.equal((await stateOf(end({ type: "failure", phase: "a", message: "x" }))).state, "failed");
  // Killed between the phases.
  const baselineOver = linesOf({ ...START, phase: "source-only" }, {
    type: "end",
    phase: "source-only",
    step: 40,
    interrupted: false,
  });
  const between = await stateOf({ "config.yaml": CONFIG, "events.jsonl": baselineOver }, false);
  assert.deepEqual([between.state, between.current.name], ["stopped", "source-only"]);
});

Deno.test("without config.yaml the names come from the other files", async () => {
  const events = linesOf(
    { ...START, phase: "first" },
    { type: "end", phase: "first", step: 40, interrupted: false },
    { ...START, phase: "second" },
  );
  const run = await stateOf({ "events.jsonl": events });
  assert.deepEqual(run.phases.map(({ name }) => name), ["first", "second"]);
});

Deno.test("damaged files are named, the others read", async () => {
  const run = await stateOf({
    "config.yaml": "name: [",
    "run.json": "[]",
    "evaluation.json": "{",
    "baseline/evaluation.json": { ...EVALUATION, iou: "high" },
    "events.jsonl": linesOf(START, "broken", stepLine(2)),
  });
  assert.equal(run.problems.length, 5);
  assert.match(run.problems[0]!, /^runs\/a-001\/config\.yaml: /);
  assert.deepEqual(run.problems.slice(1), [
    "runs/a-001/run.json: it is no JSON object",
    "runs/a-001/evaluation.json: it is not JSON",
    "runs/a-001/baseline/evaluation.json: it holds no evaluation",
    "runs/a-001/events.jsonl:2: it is not JSON",
  ]);
  assert.equal(run.current.log?.done, 2);
});

Deno.test("every damaged line and file is counted, though only some are shown", async () => {
  const run = await stateOf({ "run.json": "[]", "events.jsonl": "broken\n".repeat(500) });
  assert.equal(run.damaged, 501);
  assert.equal(run.problems.length, 22);
  assert.equal(run.problems.at(-1), "runs/a-001/events.jsonl: 500 lines were left out");
});

Deno.test("a log is read on from where it was", async () => {
  const contents = new Map([["events.jsonl", linesOf(START, stepLine(1))]]);
  const first = await readRun(memoryRun(contents));
  contents.set("events.jsonl", linesOf(START, stepLine(1), stepLine(2)));
  const second = await readRun(memoryRun(contents), first);
  assert.equal(second.log, first.log);
  assert.deepEqual([...second.current.log!.series.get("total")!.steps], [1, 2]);
  contents.set("events.jsonl", linesOf(START));
  const anew = await readRun(memoryRun(contents), second);
  assert.notEqual(anew.log, first.log);
  assert.equal(anew.current.log!.done, 0);
});

Deno.test("a log in whose place another one came, a longer one too, is read anew", () =>
  inFolder(async (folder) => {
    const files = diskRun(folder, "run"), log = `${folder}/events.jsonl`;
    const other = linesOf({ ...START, phase: "b" }, stepLine(7, { phase: "b" }), stepLine(8, { phase: "b" }));
    await Deno.writeTextFile(log, linesOf(START, stepLine(1)));
    const first = await readRun(files);
    // Written into the same file.
    await Deno.writeTextFile(log, other);
    const second = await readRun(files, first);
    assert.deepEqual(second.log!.phases.map(({ name, done }) => [name, done]), [["b", 8]]);
    // Another file with the same beginning.
    await Deno.writeTextFile(`${folder}/new`, other + linesOf(stepLine(9, { phase: "b" })));
    await Deno.rename(`${folder}/new`, log);
    const third = await readRun(files, second);
    assert.notEqual(third.log, second.log);
    assert.equal(third.current.log!.done, 9);
    await Deno.writeTextFile(log, linesOf(stepLine(10, { phase: "b" })), { append: true });
    assert.equal((await readRun(files, third)).log, third.log);
  }));

Deno.test(
  "pipes in a run folder are not opened",
  { ignore: Deno.build.os === "windows" },
  () =>
    inFolder(async (folder) => {
      for (const name of ["events.jsonl", "config.yaml", "run.json", "evaluation.json"]) {
        const made = await new Deno.Command("mkfifo", { args: [`${folder}/${name}`] }).output();
        assert.ok(made.success);
      }
      const run = await readRun(diskRun(folder, "run"));
      assert.deepEqual([run.state, run.log, run.config], ["empty", undefined, undefined]);
    }),
);

Deno.test(
  "links that lead out of a run are not read, those of checkpoints are",
  { ignore: Deno.build.os === "windows" },
  () =>
    inFolder(async (folder) => {
      const run = `${folder}/run`, elsewhere = `${folder}/elsewhere`;
      await Deno.mkdir(`${run}/checkpoints`, { recursive: true });
      await Deno.mkdir(elsewhere);
      await Deno.writeTextFile(`${elsewhere}/file`, "secret: 1");
      const names = [
        "config.yaml",
        "run.json",
        "events.jsonl",
        "evaluation.json",
        "checkpoints/last.safetensors",
      ];
      for (const name of names) await Deno.symlink(`${elsewhere}/file`, `${run}/${name}`);
      await Deno.symlink(run, `${folder}/link`);
      for (const path of [run, `${folder}/link`]) {
        const read = await readRun(diskRun(path, "run"));
        assert.deepEqual(
          read.problems,
          names.slice(0, 4).map((name) =>
            `run/${name}: it is a link that leads out of the folder of the run`
          ),
        );
        assert.deepEqual([read.config, read.record, read.log], [undefined, undefined, undefined]);
        assert.deepEqual((await listCheckpoints(diskRun(path), "")).map(({ stem }) => stem), ["last"]);
        assert.equal(await isRunFolder(diskRun(path)), true);
      }
      // Within the folder they lead where they like, and so does the folder.
      await Deno.remove(`${run}/config.yaml`);
      await Deno.writeTextFile(`${run}/own.yaml`, CONFIG);
      await Deno.symlink(`${run}/own.yaml`, `${run}/config.yaml`);
      assert.equal((await readRun(diskRun(`${folder}/link`))).config?.parsed["name"], "a");
    }),
);

Deno.test("a recipe that contains itself, or is too deep, is damage", async () => {
  const problems = async (config: string) => (await stateOf({ "config.yaml": config })).problems;
  const damage = (what: string) => [`runs/a-001/config.yaml: ${what}`];
  assert.deepEqual(await problems("a: &x\n  b: *x"), damage("an alias in it contains itself"));
  assert.deepEqual(await problems("a: &x [1, 2]\nb: *x\nc: *x"), []);
  const deep = `a: ${"[".repeat(101)}${"]".repeat(101)}`;
  assert.deepEqual(await problems(deep), damage("its values are nested deeper than 100"));
  // How many values are too many: config_test.ts, where that takes less time.
  assert.deepEqual(await problems("- a"), damage("expected a mapping"));
});

Deno.test("a recipe that did not change is not parsed again", async () => {
  const contents = new Map([["config.yaml", CONFIG]]);
  const first = await readRun(memoryRun(contents));
  const second = await readRun(memoryRun(contents), first);
  assert.equal(second.config!.parsed, first.config!.parsed);
  contents.set("config.yaml", "name: b");
  assert.equal((await readRun(memoryRun(contents), second)).config!.parsed["name"], "b");
});

Deno.test("on the disk: whether a process writes the log is seen without being in its way", () =>
  inFolder(async (folder) => {
    const files = diskRun(folder, "runs/b-001");
    assert.equal(await isRunFolder(files), false);
    assert.equal((await readRun(files)).state, "empty");
    const log = openLineLog(`${folder}/events.jsonl`);
    log.write(START);
    assert.equal((await readRun(files)).state, "running");
    log.write(stepLine(1));
    log.close();
    const run = await readRun(files);
    assert.deepEqual([run.state, run.folder, run.current.log?.done], ["stopped", "runs/b-001", 1]);
    assert.equal(await isRunFolder(files), true);
    openLineLog(`${folder}/events.jsonl`).close();
  }));

Deno.test("who looks at a run for a moment does not keep it from being trained", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/events.jsonl`, "");
    // In another thread, for opening the log waits.
    const looking = new Worker(
      URL.createObjectURL(
        new Blob([`
      const file = Deno.openSync(${JSON.stringify(`${folder}/events.jsonl`)});
      file.tryLockSync(false);
      postMessage("locked");
      setTimeout(() => { file.close(); self.close(); }, 60);`], { type: "text/javascript" }),
      ),
      { type: "module" },
    );
    await new Promise((locked) => looking.onmessage = locked);
    openLineLog(`${folder}/events.jsonl`).close();
    looking.terminate();
  }));
