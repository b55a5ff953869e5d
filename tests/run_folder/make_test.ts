import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type Beginning,
  clearUnbegun,
  makeRunFolder,
  readRecord,
  recordRun,
  recordTrial,
  removeRun,
} from "../../run_folder/make.ts";
import { inFolder } from "../cli/fake_host.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

const wanted = (cwd: string, more: { run?: string; runs?: string; name?: string } = {}) => ({
  cwd,
  run: undefined,
  runs: "runs",
  name: "street",
  ...more,
});

const RECORD = { backend: "wasm", versions: { plca: "0.1.0" } };

const beginning = (folder: string): Beginning => ({
  folder,
  shown: "R",
  option: "--out",
  resolved: { name: "tiny" },
  record: { ...RECORD, seed: 3 },
});

Deno.test("makeRunFolder: the number after the highest, not the first that is free", () =>
  inFolder(async (folder) => {
    const made = async (name = "street") => (await makeRunFolder(wanted(folder, { name }))).folder;
    assert.equal(await made(), join(folder, "runs/street-001"));
    for (const name of ["street-007", "street-x", "street-08-old", "streets-900", "street"]) {
      await Deno.mkdir(join(folder, "runs", name));
    }
    await Deno.writeTextFile(join(folder, "runs/street-009"), "a file has its name, too");
    assert.equal(await made(), join(folder, "runs/street-010"));
    await Deno.mkdir(join(folder, "runs/street-1234"));
    assert.equal(await made(), join(folder, "runs/street-1235"));
    assert.equal(await made("str"), join(folder, "runs/str-001"));
    // Signs of patterns are signs.
    await Deno.mkdir(join(folder, "runs/s.eet-004"));
    assert.equal(await made("s.eet"), join(folder, "runs/s.eet-005"));
    assert.equal(await made("street"), join(folder, "runs/street-1236"));
  }));

Deno.test("makeRunFolder: several at once get a number each", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "runs"));
    const made = await Promise.all(Array.from({ length: 5 }, () => makeRunFolder(wanted(folder))));
    assert.deepEqual(
      made.map((one) => one.folder).sort(),
      [1, 2, 3, 4, 5].map((number) => join(folder, `runs/street-00${number}`)),
    );
  }));

Deno.test("makeRunFolder: a given folder is that one, made or empty; relative to cwd", () =>
  inFolder(async (folder) => {
    assert.equal((await makeRunFolder(wanted(folder, { run: "a/b c" }))).folder, join(folder, "a/b c"));
    assert.equal((await makeRunFolder(wanted(folder, { run: "a/b c" }))).folder, join(folder, "a/b c"));
    const absolute = join(folder, "elsewhere");
    assert.equal((await makeRunFolder(wanted("/", { run: absolute }))).folder, absolute);
    await Deno.writeTextFile(join(folder, "a/b c/notes.txt"), "");
    await assert.rejects(makeRunFolder(wanted(folder, { run: "a/b c" })), {
      name: "UserError",
      message:
        "a/b c already holds notes.txt; a run never overwrites anything, choose a new folder for --run",
    });
  }));

Deno.test("makeRunFolder: a file in its place, or above it, is said as the person wrote it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "f"), "");
    const file = "it is a file, expected a folder", part = "a part of its path is a file, expected a folder";
    const cases = [
      [{ run: "f" }, `the run folder f cannot be made: ${file}`],
      [{ run: "f/g" }, `the run folder f/g cannot be made: ${part}`],
      [{ runs: "f" }, `the run folder f/street cannot be made: ${file}`],
    ] as const;
    for (const [given, message] of cases) {
      await assert.rejects(makeRunFolder(wanted(folder, given)), { name: "UserError", message });
    }
  }));

Deno.test("MadeFolder.removeEmpty: takes away what was made and is empty, and nothing else", () =>
  inFolder(async (folder) => {
    const numbered = await makeRunFolder(wanted(folder, { runs: "x/runs" }));
    await numbered.removeEmpty();
    assert.deepEqual(names(folder), []);
    await Deno.mkdir(join(folder, "x"));
    const given = await makeRunFolder(wanted(folder, { run: "x/y/z" }));
    await given.removeEmpty();
    assert.deepEqual([names(folder), names(join(folder, "x"))], [["x"], []]);
    // One that was there before stays.
    await Deno.mkdir(join(folder, "x/y"));
    await (await makeRunFolder(wanted(folder, { run: "x/y" }))).removeEmpty();
    assert.deepEqual(names(join(folder, "x")), ["y"]);
    const used = await makeRunFolder(wanted(folder, { run: "p/q" }));
    await Deno.writeTextFile(join(folder, "p/q/config.yaml"), "");
    await used.removeEmpty();
    assert.deepEqual(names(join(folder, "p/q")), ["config.yaml"]);
  }));

Deno.test("recordRun: both files, as they are read again", () =>
  inFolder(async (folder) => {
    await recordRun(beginning(folder));
    assert.deepEqual(names(folder), ["config.yaml", "run.json"]);
    assert.equal(await Deno.readTextFile(join(folder, "config.yaml")), "name: tiny\n");
    assert.equal(
      await Deno.readTextFile(join(folder, "run.json")),
      `${JSON.stringify({ ...RECORD, seed: 3 }, null, 2)}\n`,
    );
    assert.deepEqual(await readRecord(folder, "R"), RECORD);
    await assert.rejects(recordRun(beginning(folder)), {
      message: "R already holds config.yaml; a run never overwrites anything, choose a new folder for --out",
    });
  }));

Deno.test("recordTrial: goes on in a folder where an earlier process was stopped while it recorded", () =>
  inFolder(async (folder) => {
    const trial = join(folder, "sweep/whole-0");
    await recordTrial(beginning(trial));
    assert.deepEqual(names(trial), ["config.yaml", "run.json"]);
    await Deno.remove(join(trial, "run.json"));
    await Deno.writeTextFile(join(trial, "config.yaml"), "name: tiny # mine\n");
    await Deno.writeTextFile(join(trial, "run.json.77.part"), "{");
    await Deno.writeTextFile(join(trial, "config.yaml.78.part"), "na");
    await recordTrial(beginning(trial));
    assert.deepEqual(names(trial), ["config.yaml", "run.json"]);
    // The caller has compared it.
    assert.equal(await Deno.readTextFile(join(trial, "config.yaml")), "name: tiny # mine\n");
  }));

Deno.test("recordTrial: a folder with anything else is refused and left as it is", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "events.jsonl"), "");
    await Deno.writeTextFile(join(folder, "run.json.77.part"), "{");
    await assert.rejects(recordTrial(beginning(folder)), {
      name: "UserError",
      message: "R already holds events.jsonl; a run never overwrites anything, choose a new folder for --out",
    });
    assert.deepEqual(names(folder), ["events.jsonl", "run.json.77.part"]);
    await assert.rejects(recordTrial(beginning(join(folder, "events.jsonl"))), {
      name: "UserError",
      message: "the run folder R cannot be made: it is a file, expected a folder",
    });
  }));

Deno.test("clearUnbegun: removes what recording left, or nothing when there is more", () =>
  inFolder(async (folder) => {
    await clearUnbegun(join(folder, "none"));
    for (const name of ["config.yaml", "config.yaml.1.part", "run.json.2.part"]) {
      await Deno.writeTextFile(join(folder, name), "");
    }
    await Deno.writeTextFile(join(folder, "run.json"), "{}");
    await assert.rejects(clearUnbegun(folder), {
      message:
        `${folder} already holds run.json; a run never overwrites anything, choose a new folder for --out`,
    });
    assert.equal(names(folder).length, 4);
    await Deno.remove(join(folder, "run.json"));
    await clearUnbegun(folder);
    assert.deepEqual(names(folder), []);
  }));

Deno.test("removeRun: all that a run writes before its first step goes, what others put there stays", () =>
  inFolder(async (folder) => {
    const run = join(folder, "R");
    for (const below of ["checkpoints", "baseline/checkpoints", "phases/a", "jobs/labels", "tensorboard"]) {
      await Deno.mkdir(join(run, below), { recursive: true });
    }
    const files = ["config.yaml", "run.json", "inputs.json", "events.jsonl", "class_counts.json", "own.txt"];
    for (const name of files) await Deno.writeTextFile(join(run, name), "");
    await removeRun(run, true);
    assert.deepEqual(names(run), ["own.txt"]);
    await removeRun(join(folder, "none"), true);
  }));

Deno.test("readRecord: says what is wrong with run.json, and whose run it is", () =>
  inFolder(async (folder) => {
    const refused = async (text: string | undefined, message: string) => {
      if (text !== undefined) await Deno.writeTextFile(join(folder, "run.json"), text);
      await assert.rejects(readRecord(folder, "runs/a"), { name: "UserError", message });
    };
    const unread = (why: string) => `runs/a: its run.json cannot be read (${why})`;
    const foreign = "runs/a: its run.json names no backend and versions; plca train wrote another one";
    await refused(undefined, unread("there is no such file"));
    await refused("{", unread("it is not JSON"));
    await refused("[]", unread("it is no JSON object"));
    await refused("{}", foreign);
    await refused('{"backend": "wasm"}', foreign);
    await refused('{"backend": 3, "versions": {}}', foreign);
    await refused('{"backend": "wasm", "versions": "1"}', foreign);
    await refused('{"backend": "wasm", "versions": null}', foreign);
  }));
