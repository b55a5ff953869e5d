/** `plca view` in a process of its own, with the permissions of the task. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { folderTest } from "../cli/tiny.ts";
import { trainTiny } from "../explore/trained_run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

folderTest(
  "with the task's permissions it shows associations and images, refuses others, and ends with Ctrl-C",
  async (folder) => {
    await trainTiny(folder);
  },
  async (folder) => {
    const task = config.tasks.plca.split(" ").slice(1);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...task.map((word) => word === "cli/main.ts" ? `${root}cli/main.ts` : word), "view", "run"],
      cwd: folder,
      env: { INIT_CWD: folder, NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      const [address] = /http:\S+/.exec((await output.read()).value ?? "") ?? [];
      assert.ok(address, await Promise.race([stderr, "no address"]));
      const answer = async (path: string) => {
        const response = await fetch(address + path);
        return { status: response.status, body: await response.json() };
      };
      const pair =
        "checkpoint=checkpoints%2Flast.safetensors&statistics=running&source=0&targetSet=target&target=0&level=0";
      assert.equal((await answer(`api/level?${pair}`)).body.checkpoint.step, 6);
      assert.equal((await answer("api/pictures")).body.pictures.of, 2);
      assert.equal((await answer("api/run")).body.report.runs[0].state, "finished");
      assert.equal((await answer("../../etc/passwd")).status, 403);
      const page = await (await fetch(address)).text();
      assert.match(page, /^<!doctype html>/);
    } finally {
      child.kill("SIGINT");
    }
    assert.deepEqual([(await child.status).code, await stderr], [0, ""]);
    await output.cancel();
  },
);
