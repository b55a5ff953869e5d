import assert from "node:assert/strict";
import { diskRun, ifThere, parseObject, readText } from "../../run_folder/files.ts";
import { inFolder } from "../cli/fake_host.ts";
import { memoryRun } from "./memory_run.ts";

const OUT = { name: "UserError", message: "it is a link that leads out of the folder of the run" };

Deno.test("diskRun: messages call the folder by its path, or as they are told", () => {
  assert.equal(diskRun("runs/a-001").folder, "runs/a-001");
  assert.equal(diskRun("/home/x/runs/a-001", "a-001").folder, "a-001");
});

Deno.test("diskRun.stat: size, age and identity of a file; undefined for what is none", () =>
  inFolder(async (folder) => {
    const run = diskRun(folder);
    await Deno.mkdir(`${folder}/jobs`);
    await Deno.writeTextFile(`${folder}/run.json`, "{}\n");
    await Deno.utime(`${folder}/run.json`, 1000, 1234.5);
    const facts = await run.stat("run.json");
    assert.deepEqual([facts?.size, facts?.modified], [3, 1234500]);
    assert.equal(await run.stat("jobs"), undefined);
    assert.equal(await run.stat("config.yaml"), undefined);
    assert.equal(await diskRun(`${folder}/none`).stat("run.json"), undefined);
    await Deno.writeTextFile(`${folder}/other.json`, "{}\n");
    assert.notEqual((await run.stat("other.json"))?.identity, facts?.identity);
    await Deno.writeTextFile(`${folder}/run.json`, "{ }\n");
    assert.equal((await run.stat("run.json"))?.identity, facts?.identity);
  }));

Deno.test("diskRun.read: the bytes that are asked for, and no more than there are", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/events.jsonl`, "0123456789");
    const read = async (offset: number, length: number) =>
      new TextDecoder().decode(await diskRun(folder).read("events.jsonl", { offset, length }));
    assert.equal(await read(0, 10), "0123456789");
    assert.equal(await read(3, 4), "3456");
    assert.equal(await read(8, 100), "89");
    assert.equal(await read(10, 5), "");
    assert.equal(await read(50, 5), "");
    assert.equal(await read(2, 0), "");
  }));

Deno.test({
  name: "diskRun: a folder whose name another one begins with is another folder",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a-001`);
      await Deno.mkdir(`${folder}/a-001-old`);
      await Deno.writeTextFile(`${folder}/a-001-old/run.json`, "{}");
      await Deno.symlink("../a-001-old/run.json", `${folder}/a-001/run.json`);
      const run = diskRun(`${folder}/a-001`);
      await assert.rejects(run.stat("run.json"), OUT);
      await assert.rejects(run.read("run.json", { offset: 0, length: 2 }), OUT);
    }),
});

Deno.test({
  name: "diskRun: a link that leads to nothing is no file, and no error",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      await Deno.symlink(`${folder}/none`, `${folder}/run.json`);
      const run = diskRun(folder);
      assert.equal(await run.stat("run.json"), undefined);
      assert.equal(await run.isLocked("run.json"), false);
      assert.deepEqual(await run.list(""), ["run.json"]);
    }),
});

Deno.test("diskRun.list and folders: sorted names, files apart from folders", () =>
  inFolder(async (folder) => {
    const run = diskRun(folder);
    for (const name of ["b", "ä", "a"]) await Deno.mkdir(`${folder}/phases/${name}`, { recursive: true });
    for (const name of ["z", "y.safetensors"]) await Deno.writeTextFile(`${folder}/phases/${name}`, "");
    assert.deepEqual(await run.list("phases"), ["y.safetensors", "z"]);
    assert.deepEqual(await run.folders("phases"), ["a", "b", "ä"]);
    assert.deepEqual([await run.list("none"), await run.folders("none")], [[], []]);
    // It is there, but no folder.
    await assert.rejects(run.list("phases/z"), { name: "NotADirectory" });
  }));

Deno.test({
  name: "diskRun.folders: a link to a folder is not one, list names it",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/elsewhere`);
      await Deno.mkdir(`${folder}/phases`);
      await Deno.symlink(`${folder}/elsewhere`, `${folder}/phases/a`);
      const run = diskRun(folder);
      assert.deepEqual([await run.folders("phases"), await run.list("phases")], [[], ["a"]]);
    }),
});

Deno.test("diskRun.isLocked: only while another handle holds the file alone", () =>
  inFolder(async (folder) => {
    const run = diskRun(folder);
    assert.equal(await run.isLocked("events.jsonl"), false);
    await Deno.mkdir(`${folder}/jobs`);
    assert.equal(await run.isLocked("jobs"), false);
    await Deno.writeTextFile(`${folder}/events.jsonl`, "");
    const holder = await Deno.open(`${folder}/events.jsonl`, { read: true, write: true });
    // Who reads holds it with others.
    await holder.lock(false);
    assert.equal(await run.isLocked("events.jsonl"), false);
    await holder.unlock();
    await holder.lock(true);
    assert.equal(await run.isLocked("events.jsonl"), true);
    holder.close();
    assert.equal(await run.isLocked("events.jsonl"), false);
  }));

Deno.test("readText: 16 MB are read, a byte more is refused before it is", async () => {
  const sized = (size: number) => {
    const run = memoryRun(new Map([["config.yaml", "name: a"]]));
    let asked = 0;
    return {
      files: {
        ...run,
        stat: () => Promise.resolve({ size, modified: 0 }),
        read(path: string, range: { offset: number; length: number }) {
          asked += range.length;
          return run.read(path, range);
        },
      },
      asked: () => asked,
    };
  };
  const most = sized(16e6);
  assert.equal(await readText(most.files, "config.yaml"), "name: a");
  assert.equal(most.asked(), 16e6);
  const more = sized(16e6 + 1);
  await assert.rejects(readText(more.files, "config.yaml"), {
    message: "it has 16000001 bytes, too many for such a file",
  });
  assert.equal(more.asked(), 0);
  assert.equal(await readText(memoryRun(new Map()), "config.yaml"), undefined);
});

Deno.test("parseObject: an object, or what it is not", () => {
  assert.deepEqual(parseObject('{"a": [1]}'), { a: [1] });
  for (const text of ["", "{", "undefined", "NaN"]) {
    assert.throws(() => parseObject(text), { message: "it is not JSON" });
  }
  for (const text of ["[]", "null", "3", '"a"', "true"]) {
    assert.throws(() => parseObject(text), { message: "it is no JSON object" });
  }
});

Deno.test("ifThere: only that a file is not there is no error", async () => {
  assert.equal(await ifThere(Promise.resolve(3)), 3);
  assert.equal(await ifThere(Promise.reject(new Deno.errors.NotFound("x"))), undefined);
  await assert.rejects(ifThere(Promise.reject(new Deno.errors.PermissionDenied("x"))), { message: "x" });
});
