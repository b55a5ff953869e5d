import assert from "node:assert/strict";
import { isBusy, openLineLog, refuseBusy } from "../../run_folder/lock.ts";
import { inFolder } from "../cli/fake_host.ts";

Deno.test("openLineLog: lines are appended to those that are there, and are there at once", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    const first = openLineLog(path);
    first.write({ a: "ß\n" });
    assert.equal(await Deno.readTextFile(path), '{"a":"ß\\n"}\n');
    first.close();
    const second = openLineLog(path);
    second.write([2]);
    second.close();
    assert.equal(await Deno.readTextFile(path), '{"a":"ß\\n"}\n[2]\n');
  }));

Deno.test("openLineLog: a last line that a crash cut short is taken off, wherever its beginning lies", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    const opened = async (before: string) => {
      await Deno.writeTextFile(path, before);
      const log = openLineLog(path);
      log.write({});
      log.close();
      return await Deno.readTextFile(path);
    };
    assert.equal(await opened(""), "{}\n");
    assert.equal(await opened("half"), "{}\n");
    assert.equal(await opened("whole\n"), "whole\n{}\n");
    assert.equal(await opened("\nhalf"), "\n{}\n");
    // A file is looked through in blocks of 4096 bytes, from its end.
    for (const length of [4094, 4095, 4096, 4097, 8191, 8192, 20000]) {
      const half = "x".repeat(length);
      assert.equal(await opened(half), "{}\n", `${length} bytes, no line end`);
      assert.equal(await opened(`first\nwhole\n${half}`), "first\nwhole\n{}\n", `${length} bytes`);
      assert.equal(await opened(`${half}\n`), `${half}\n{}\n`, `a whole line of ${length} bytes`);
    }
  }));

Deno.test("openLineLog: one process writes, the next is refused until it has closed", () =>
  inFolder(async (folder) => {
    const refused = {
      name: "UserError",
      message: `${folder}: another process trains in this folder; wait for it, or stop it`,
    };
    const log = openLineLog(`${folder}/events.jsonl`);
    log.write({ step: 1 });
    assert.equal(await isBusy(folder), true);
    await assert.rejects(refuseBusy(folder), refused);
    assert.throws(() => openLineLog(`${folder}/events.jsonl`), refused);
    // Who was refused took no line off.
    assert.equal(await Deno.readTextFile(`${folder}/events.jsonl`), '{"step":1}\n');
    log.close();
    assert.equal(await isBusy(folder), false);
    await refuseBusy(folder);
    openLineLog(`${folder}/events.jsonl`).close();
  }));

Deno.test("isBusy: a folder without a log, or none at all, is not busy", () =>
  inFolder(async (folder) => {
    assert.equal(await isBusy(folder), false);
    assert.equal(await isBusy(`${folder}/none`), false);
    await refuseBusy(`${folder}/none`);
  }));

Deno.test("openLineLog: a place that cannot be written is named", () =>
  inFolder(async (folder) => {
    assert.throws(
      () => openLineLog(`${folder}/none/events.jsonl`),
      (error: Error) =>
        error.name === "UserError" &&
        error.message.startsWith(`${folder}/none/events.jsonl: cannot be written (`),
    );
    await Deno.mkdir(`${folder}/events.jsonl`);
    assert.throws(() => openLineLog(`${folder}/events.jsonl`), { name: "UserError" });
  }));
