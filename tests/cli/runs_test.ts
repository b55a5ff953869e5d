import assert from "node:assert/strict";
import { join } from "node:path";
import { openLineLog } from "../../run_folder/lock.ts";
import { linesOf, stepLine, validationLine } from "../run_folder/memory_run.ts";
import { writeThreePhases } from "../run_folder/three_phases.ts";
import { inFolder, plca } from "./fake_host.ts";

const START = { type: "start", phase: "a", steps: 40, batch: 2 };
const NOW = Date.UTC(2030, 0, 2) / 1000;

interface Made {
  readonly events: string;
  /** Seconds before now. */
  readonly age: number;
  readonly config?: string;
}

async function makeRun(folder: string, { events, age, config = "name: a\n" }: Made): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "config.yaml"), config);
  await Deno.writeTextFile(join(folder, "events.jsonl"), events);
  for (const name of ["config.yaml", "events.jsonl"]) await Deno.utime(join(folder, name), NOW, NOW - age);
}

Deno.test("runs are listed with state, step, mIoU and age, the latest last", () =>
  inFolder(async (folder) => {
    const runs = join(folder, "runs");
    await makeRun(join(runs, "a-001"), {
      events: linesOf(
        START,
        stepLine(20),
        validationLine(20, 0.4),
        stepLine(40),
        validationLine(40, 0.3),
        { type: "end", phase: "a", step: 40, interrupted: false },
      ),
      age: 90_000,
    });
    await makeRun(join(runs, "a-002"), {
      config: "name: a\nbaseline: { name: before }\n",
      events: linesOf({ ...START, phase: "before" }, stepLine(10, { phase: "before" })),
      age: 3700,
    });
    await makeRun(join(runs, "ablation-a", "b-0"), {
      events: linesOf(START, { type: "failure", phase: "a", message: "no space\nleft \x1b[2J" }),
      age: 61,
    });
    await makeRun(join(runs, "a-003"), { events: linesOf(START), age: 5 });
    const final = { split: "val", images: 1, labelSize: "x", classes: ["road"], iou: [0.5], miou: 0.5 };
    await Deno.writeTextFile(join(runs, "a-001", "evaluation.json"), JSON.stringify(final));
    await Deno.utime(join(runs, "a-001", "evaluation.json"), NOW, NOW - 90_000);
    const log = openLineLog(join(runs, "a-003", "events.jsonl"));
    await Deno.mkdir(join(runs, "empty"));
    try {
      assert.deepEqual(await plca(["runs"], { cwd: folder }), {
        code: 0,
        stdout: [
          "run                     state          step  mIoU %  best (step)  earlier phases    age",
          "runs/a-001           finished         40/40    50.0    40.0 (20)               -    1 d",
          "runs/a-002            stopped  before 10/40       -            -        before -    1 h",
          "runs/ablation-a/b-0    failed          0/40       -            -               -  1 min",
          "runs/a-003            running          0/40       -            -               -    5 s",
          "runs/ablation-a/b-0: no space",
          "",
        ].join("\n"),
        stderr: "",
      });
    } finally {
      log.close();
    }
    const { stdout } = await plca(["runs", "runs/a-001", "--json"], { cwd: folder });
    assert.deepEqual(JSON.parse(stdout), [{
      folder: "runs/a-001",
      state: "finished",
      phase: "a",
      step: 40,
      steps: 40,
      phases: [{ name: "a", last: 0.5, best: { step: 20, miou: 0.4 } }],
      modified: "2029-12-31T23:00:00.000Z",
    }]);
  }));

Deno.test("a run with three phases: the last one's scores, and those of each before it by name", () =>
  inFolder(async (folder) => {
    const run = join(folder, "runs", "a-001");
    await writeThreePhases(run);
    const { stdout, stderr } = await plca(["runs"], { cwd: folder });
    assert.equal(stderr, "");
    assert.match(
      stdout,
      /^run +state +step +mIoU % +best \(step\) +earlier phases +age\nruns\/a-001 +finished +40\/40 +50\.0 +40\.0 \(40\) +source-only 20\.0, warm-up 30\.0 +\d+ d\n$/,
    );
    const [told] = JSON.parse((await plca(["runs", "--json"], { cwd: folder })).stdout);
    assert.deepEqual(told.phases.map(({ name, last }: { name: string; last: number }) => [name, last]), [
      ["source-only", 0.2],
      ["warm-up", 0.3],
      ["adapted", 0.5],
    ]);
    const events = join(run, "events.jsonl");
    const lines = (await Deno.readTextFile(events)).split("\n");
    await Deno.writeTextFile(events, `${lines.slice(0, 6).join("\n")}\n`);
    assert.match((await plca(["runs"], { cwd: folder })).stdout, / stopped +warm-up 40\/40 /);
  }));

Deno.test("damaged lines are named on stderr, the first of each run, and the list stands", () =>
  inFolder(async (folder) => {
    await makeRun(join(folder, "a"), { events: `${linesOf(START)}${"x\n".repeat(500)}`, age: 0 });
    const { code, stdout, stderr } = await plca(["runs", "."], { cwd: folder });
    assert.equal(code, 0);
    assert.match(stdout, /^a {4}stopped /m);
    assert.equal(
      stderr,
      "a/events.jsonl:2: it is not JSON\na/events.jsonl:3: it is not JSON\n" +
        "a/events.jsonl:4: it is not JSON\na: 497 more of this kind\n",
    );
  }));

Deno.test("no runs: before the first training that is no mistake, a wrong folder is", () =>
  inFolder(async (folder) => {
    const launch = "npx --yes deno@2.9.6 task plca train";
    assert.deepEqual(await plca(["runs"], { cwd: folder }), {
      code: 0,
      stdout: `there is no run in runs; ${launch} makes one\n`,
      stderr: "",
    });
    assert.equal((await plca(["runs", "--json"], { cwd: folder })).stdout, "[]\n");
    await Deno.writeTextFile(join(folder, "file"), "");
    assert.deepEqual(await plca(["runs", "nowhere"], { cwd: folder }), {
      code: 2,
      stdout: "",
      stderr: "nowhere: there is no such folder\n",
    });
    assert.equal(
      (await plca(["runs", "file"], { cwd: folder })).stderr,
      "file: it is a file, expected a folder\n",
    );
  }));
