import assert from "node:assert/strict";
import { join } from "node:path";
import {
  createWhole,
  formerPath,
  isLeftOf,
  makeFolder,
  replaceKeeping,
  writeWhole,
} from "../../run_folder/write.ts";
import { inFolder } from "../cli/fake_host.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What lies in a folder, by name. */
function contentsOf(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(join(folder, name))]));
}

Deno.test("makeFolder: makes those above, and one that is there is fine", () =>
  inFolder(async (folder) => {
    await makeFolder(`${folder}/a/b/c d`);
    await makeFolder(`${folder}/a/b/c d`);
    assert.ok((await Deno.stat(`${folder}/a/b/c d`)).isDirectory);
  }));

Deno.test("makeFolder: a file in its place, or above it, is named", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/f`, "");
    await assert.rejects(makeFolder(`${folder}/f`), {
      name: "UserError",
      message: `${folder}/f: the folder cannot be created (it is a file, expected a folder)`,
    });
    await assert.rejects(makeFolder(`${folder}/f/g`), {
      name: "UserError",
      message:
        `${folder}/f/g: the folder cannot be created (a part of its path is a file, expected a folder)`,
    });
  }));

Deno.test("writeWhole: replaces a file and leaves nothing beside it", () =>
  inFolder(async (folder) => {
    await writeWhole(`${folder}/a.json`, bytes("one"));
    await writeWhole(`${folder}/a.json`, bytes("2"));
    await writeWhole(`${folder}/empty`, new Uint8Array(0));
    assert.deepEqual(contentsOf(folder), { "a.json": "2", empty: "" });
  }));

Deno.test("writeWhole: what a crash left of an earlier write does not get in", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a.json.part`, "a long half of something");
    await writeWhole(`${folder}/a.json`, bytes("new"));
    assert.deepEqual(contentsOf(folder), { "a.json": "new" });
  }));

Deno.test("writeWhole: a folder that is not there, or lies in the file's place, is an error that names the file", () =>
  inFolder(async (folder) => {
    await assert.rejects(
      writeWhole(`${folder}/none/a`, bytes("x")),
      (error: Error) =>
        error.name === "UserError" && error.message.startsWith(`${folder}/none/a: cannot be written (`),
    );
    await Deno.mkdir(`${folder}/d/e`, { recursive: true });
    await assert.rejects(
      writeWhole(`${folder}/d`, bytes("x")),
      (error: Error) =>
        error.name === "UserError" && error.message.startsWith(`${folder}/d: cannot be written (`),
    );
    // Neither the half file nor anything else is left.
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["d"]);
  }));

Deno.test("createWhole: of several at once one makes the file, the others leave it alone", () =>
  inFolder(async (folder) => {
    const path = `${folder}/config.yaml`;
    const made = await Promise.all(["a", "b", "c", "d"].map((text) => createWhole(path, bytes(text))));
    assert.equal(made.filter((one) => one).length, 1);
    const kept = ["a", "b", "c", "d"][made.indexOf(true)]!;
    assert.deepEqual(contentsOf(folder), { "config.yaml": kept });
    assert.equal(await createWhole(path, bytes("late")), false);
    assert.deepEqual(contentsOf(folder), { "config.yaml": kept });
  }));

Deno.test("createWhole: a folder that is not there is an error that names the file", () =>
  inFolder(async (folder) => {
    await assert.rejects(
      createWhole(`${folder}/none/a`, bytes("x")),
      (error: Error) =>
        error.name === "UserError" && error.message.startsWith(`${folder}/none/a: cannot be written (`),
    );
  }));

Deno.test("isLeftOf: only what a write to that name leaves", () => {
  assert.equal(isLeftOf("run.json", "run.json.0b1c.part"), true);
  assert.equal(isLeftOf("run.json", "run.json.part"), true);
  assert.equal(isLeftOf("run.json", "run.json"), false);
  assert.equal(isLeftOf("run.json", "run.json.bak"), false);
  assert.equal(isLeftOf("run.json", "config.yaml.0b1c.part"), false);
  assert.equal(isLeftOf("run.json", "run.jsonx.part"), false);
});

Deno.test("formerPath: the age comes before the ending, and a dot in a folder is none", () => {
  assert.equal(formerPath("c/last.safetensors", 0), "c/last.safetensors");
  assert.equal(formerPath("c/last.safetensors", 1), "c/last.1.safetensors");
  assert.equal(formerPath("runs/v1.2/last", 3), "runs/v1.2/last.3");
  assert.equal(formerPath("a.tar.gz", 2), "a.tar.2.gz");
});

Deno.test("replaceKeeping: as many predecessors stay as were asked for, the newest first", () =>
  inFolder(async (folder) => {
    const path = `${folder}/last.bin`;
    for (const text of ["1", "2", "3", "4", "5"]) {
      await replaceKeeping({ path, bytes: bytes(text), keep: 3 });
    }
    assert.deepEqual(contentsOf(folder), { "last.1.bin": "4", "last.2.bin": "3", "last.bin": "5" });
  }));

Deno.test("replaceKeeping: what lies there from before a lower number was asked for stays as it is", () =>
  inFolder(async (folder) => {
    const path = `${folder}/last.bin`;
    for (const text of ["1", "2", "3"]) await replaceKeeping({ path, bytes: bytes(text), keep: 3 });
    await replaceKeeping({ path, bytes: bytes("4"), keep: 2 });
    assert.deepEqual(contentsOf(folder), { "last.1.bin": "3", "last.2.bin": "1", "last.bin": "4" });
    await replaceKeeping({ path, bytes: bytes("5"), keep: 1 });
    assert.deepEqual(contentsOf(folder), { "last.1.bin": "3", "last.2.bin": "1", "last.bin": "5" });
  }));

Deno.test("replaceKeeping: a gap among the predecessors is no error, nor is what a crash left of linking", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/last.bin`, "now");
    await Deno.writeTextFile(`${folder}/last.bin.kept`, "half");
    await Deno.writeTextFile(`${folder}/last.2.bin`, "old");
    await replaceKeeping({ path: `${folder}/last.bin`, bytes: bytes("new"), keep: 4 });
    assert.deepEqual(contentsOf(folder), { "last.1.bin": "now", "last.3.bin": "old", "last.bin": "new" });
  }));

Deno.test("replaceKeeping: when the new file cannot be written, those that are there stay", () =>
  inFolder(async (folder) => {
    const path = `${folder}/last.bin`;
    for (const text of ["1", "2"]) await replaceKeeping({ path, bytes: bytes(text), keep: 2 });
    await Deno.mkdir(`${path}.part`);
    await assert.rejects(replaceKeeping({ path, bytes: bytes("3"), keep: 2 }), { name: "UserError" });
    assert.equal(await Deno.readTextFile(path), "2");
    assert.equal(await Deno.readTextFile(`${folder}/last.1.bin`), "1");
  }));
