import assert from "node:assert/strict";
import { LiveRun } from "../../run_folder/follow.ts";
import { linesOf, memoryRun, stepLine } from "./memory_run.ts";

Deno.test("a run that is being deleted stays what it was, until its folder is gone", async () => {
  const contents = new Map<string, string>([
    ["config.yaml", "name: a\n"],
    ["run.json", "{}"],
    ["events.jsonl", linesOf(stepLine(39), stepLine(40))],
  ]);
  const live = new LiveRun(memoryRun(contents, false));
  const steps = async () => (await live.read()).run.phases.at(-1)?.log?.done;
  assert.equal(await steps(), 40);
  // Files of a folder go one after the other.
  contents.delete("events.jsonl");
  assert.equal(await steps(), 40);
  // A log that comes back is read anew.
  contents.set("events.jsonl", linesOf(stepLine(7)));
  assert.equal(await steps(), 7);
});

Deno.test("a run that is deleted while it is read stays what it was", async () => {
  const contents = new Map<string, string>([
    ["config.yaml", "name: a\n"],
    ["run.json", "{}"],
    ["events.jsonl", linesOf(stepLine(40))],
  ]);
  const files = memoryRun(contents, false);
  let deleting = false;
  const live = new LiveRun({
    ...files,
    stat(path) {
      const found = files.stat(path);
      // Between two looks at its files.
      if (deleting && path === "run.json") contents.delete("events.jsonl");
      return found;
    },
  });
  const steps = async () => (await live.read()).run.phases.at(-1)?.log?.done;
  assert.equal(await steps(), 40);
  deleting = true;
  assert.equal(await steps(), 40);
});
