import assert from "node:assert/strict";
import { join } from "node:path";
import { newestRun } from "../../run_folder/newest.ts";
import { inFolder } from "../cli/fake_host.ts";

Deno.test("newestRun: the one whose file was written last, whatever its name", () =>
  inFolder(async (folder) => {
    const write = async (run: string, file: string, time: number) => {
      await Deno.mkdir(join(folder, run), { recursive: true });
      await Deno.writeTextFile(join(folder, run, file), "");
      await Deno.utime(join(folder, run, file), time, time);
    };
    const newest = (file = "events.jsonl") => newestRun(folder, "runs", file);
    assert.equal(await newest(), undefined);
    await write("b-001", "events.jsonl", 300);
    await write("a-001", "events.jsonl", 200);
    await write("c-001", "events.jsonl", 100);
    // Other files, and files beside the runs, do not count.
    await write("c-001", "config.yaml", 900);
    await Deno.writeTextFile(join(folder, "events.jsonl"), "");
    assert.equal(await newest(), join(folder, "b-001"));
    assert.equal(await newest("config.yaml"), join(folder, "c-001"));
    assert.equal(await newest("checkpoints/last.safetensors"), undefined);
    await write("a-001", "events.jsonl", 400);
    assert.equal(await newest(), join(folder, "a-001"));
  }));

Deno.test("newestRun: no folder of runs is none, a file in its place an error as the person wrote it", () =>
  inFolder(async (folder) => {
    assert.equal(await newestRun(join(folder, "none"), "none", "events.jsonl"), undefined);
    await Deno.writeTextFile(join(folder, "runs"), "");
    await assert.rejects(newestRun(join(folder, "runs"), "ru\x1b[2Jns", "events.jsonl"), {
      name: "UserError",
      message: "ru?[2Jns: a part of its path is a file, expected a folder",
    });
  }));
