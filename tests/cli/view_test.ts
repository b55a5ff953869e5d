import assert from "node:assert/strict";
import { join } from "node:path";
import type { Grant, Handover, Host } from "../../cli/host.ts";
import { viewCommand } from "../../cli/view.ts";
import { TRAINING, trainTiny } from "../explore/trained_run.ts";
import { THREE_PHASES, writeThreePhases } from "../run_folder/three_phases.ts";
import { plca } from "./fake_host.ts";
import { folderTest } from "./tiny.ts";
import { viewing } from "./viewing.ts";

const nothing = () => Promise.resolve();

async function ask(address: string, path: string) {
  const response = await fetch(address + path);
  return { status: response.status, body: await response.json() };
}

folderTest(
  "view serves a run until Ctrl-C, and says how to open it",
  (folder) => trainTiny(folder).then(() => {}),
  async (folder) => {
    let refused = "";
    const { stdout, stderr } = await viewing(["run"], folder, async (address) => {
      const { body } = await ask(address, "api/run");
      assert.equal(body.report.title, "run");
      assert.deepEqual(
        body.report.runs[0].phases.map((
          { name, step, steps }: { name: string; step: number; steps: number },
        ) => [name, step, steps]),
        [["source-only", 6, 6], ["tiny", 6, 6]],
      );
      const { body: explorer } = await ask(address, "api/explorer");
      assert.deepEqual(explorer.levels.map(({ label }: { label: string }) => label), [
        "layer4",
        "probabilities",
      ]);
      const pair =
        "checkpoint=checkpoints%2Flast.safetensors&statistics=running&source=0&targetSet=target&target=0&level=1";
      assert.equal((await ask(address, `api/level?${pair}`)).body.checkpoint.step, 6);
      const image = await fetch(`${address}api/image?set=source&index=0`);
      assert.equal(image.headers.get("content-type"), "image/png");
      assert.deepEqual([...new Uint8Array(await image.arrayBuffer()).subarray(1, 4)], [0x50, 0x4e, 0x47]);
      const { body: pictured } = await ask(address, "api/pictures");
      assert.equal(pictured.pictures.of, 2);
      const port = new URL(address).port;
      const again = await plca(["view", "run", "--port", port], { cwd: folder });
      assert.equal(again.code, 2);
      refused = again.stderr;
      assert.equal(
        refused,
        `--port ${port}: another program listens there; choose another port, or leave --port out\n`,
      );
    });
    assert.match(
      stdout,
      /^run: http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/\n {2}for this machine only, and only with that address; Ctrl-C ends it\n$/,
    );
    assert.equal(stderr, "");
  },
);

folderTest(
  "view chooses the run that was written to last, and names what is no run",
  nothing,
  async (folder) => {
    const says = async (args: readonly string[], stderr: string) =>
      assert.deepEqual(await plca(["view", ...args], { cwd: folder }), { code: 2, stdout: "", stderr });
    await says([], "there is no run in runs; train one first: npx --yes deno@2.9.6 task plca train\n");
    await says(["runs/x"], "runs/x: there is no such folder; expected a run, as in runs/street-001\n");
    await Deno.mkdir(join(folder, "empty"));
    const noRun = "it is no run folder: it has neither events.jsonl nor run.json, which plca train writes";
    await says(["empty"], `empty: ${noRun}\n`);
    await Deno.writeTextFile(join(folder, "file"), "");
    await says(["file"], "file: it is a file; expected a run folder, as in runs/street-001\n");
    for (const [name, time] of [["old", 1000], ["new", 2000]] as const) {
      const path = join(folder, "runs", name, "events.jsonl");
      await Deno.mkdir(join(folder, "runs", name), { recursive: true });
      await Deno.writeTextFile(path, "");
      await Deno.utime(path, time, time);
    }
    await says(["runs"], `runs: ${noRun}; the newest run in it is runs/new\n`);
    const { stdout } = await viewing([], folder, nothing);
    assert.match(stdout, /^runs\/new: http:/);
  },
);

folderTest("a run with three phases is shown with all of them, and followed into each", async (folder) => {
  await writeThreePhases(join(folder, "run"));
}, async (folder) => {
  await viewing(["run"], folder, async (address) => {
    const shown = async () => {
      const { body } = await ask(address, "api/run");
      const phases: { name: string; step: number; evaluation?: { miou: number } }[] =
        body.report.runs[0].phases;
      return phases.map(({ name, step, evaluation }) => [name, step, evaluation?.miou]);
    };
    assert.deepEqual(await shown(), [["source-only", 40, 0.2], ["warm-up", 40, 0.3], ["adapted", 40, 0.5]]);
    const path = "phases/warm-up/evaluation.json";
    const changed = THREE_PHASES[path]!.replace('"miou":0.3', '"miou":0.35');
    await Deno.writeTextFile(join(folder, "run", path), changed);
    assert.deepEqual((await shown())[1], ["warm-up", 40, 0.35]);
  });
});

folderTest("a run without association shows everything else", async (folder) => {
  const losses = "losses: [{ type: cross-entropy }]";
  await trainTiny(folder, `${losses}\nbaseline: null\n${TRAINING}`);
}, async (folder) => {
  await viewing(["run"], folder, async (address) => {
    assert.deepEqual(await ask(address, "api/explorer"), {
      status: 422,
      body: { problem: "no term of this run associates pixels" },
    });
    assert.equal((await ask(address, "api/run")).body.report.runs[0].phases[0].step, 6);
  });
});

folderTest("no file of a loss is run, and what it associates is told as not shown", async (folder) => {
  await Deno.writeTextFile(join(folder, "mine.ts"), "throw new Error('it ran')");
  const recipe = { text: await Deno.readTextFile(join(await trainTiny(folder), "config.yaml")) };
  const own = `  - { use: ${join(folder, "mine.ts")}, name: mine }\n`;
  await Deno.writeTextFile(
    join(folder, "run/config.yaml"),
    recipe.text.replace(/^losses:\n/m, `losses:\n${own}`).replace("similarity: cosine", "similarity: mine"),
  );
}, async (folder) => {
  await viewing(["run"], folder, async (address) => {
    const { body } = await ask(address, "api/explorer");
    assert.equal(body.levels.length, 2);
    assert.equal(
      body.notes.at(-1),
      "Files of losses are not run here, so what they associate is not shown: mine.",
    );
    // Neither is a similarity of such a file; the other level is shown.
    const pair =
      "checkpoint=checkpoints%2Flast.safetensors&statistics=running&source=0&targetSet=target&target=0";
    assert.deepEqual(await ask(address, `api/level?${pair}&level=0`), {
      status: 422,
      body: {
        problem: "the similarity \"mine\" is not one of plca's: train and ablate run a recipe's own files, " +
          "check, eval, predict and export with --import",
      },
    });
    assert.equal((await ask(address, `api/level?${pair}&level=1`)).status, 200);
  });
});

folderTest("a recipe that cannot be planned hides associations only", async (folder) => {
  const run = await trainTiny(folder);
  const path = join(run, "config.yaml");
  await Deno.writeTextFile(
    path,
    (await Deno.readTextFile(path)).replace("similarity: cosine", "similarity: mine"),
  );
}, async (folder) => {
  await viewing(["run"], folder, async (address) => {
    const { status, body } = await ask(address, "api/explorer");
    assert.equal(status, 422);
    assert.match(
      body.problem,
      /^the recipe of this run cannot be planned: run\/config\.yaml:\d+:\d+ losses\[\d\]\.options\.levels\[0\]\.similarity: there is no similarity called "mine"/,
    );
    assert.equal((await ask(address, "api/run")).status, 200);
  });
});

folderTest(
  "where commands can be narrowed, view may read its run and data, and write and start nothing",
  async (folder) => {
    await trainTiny(folder);
  },
  async (folder) => {
    let granted: readonly [Grant, Handover] | undefined;
    const code = await viewCommand(
      {
        cwd: folder,
        narrowed(grant: Grant, handover: Handover) {
          granted = [grant, handover];
          return Promise.resolve(130);
        },
      } as unknown as Host,
      { command: "view", run: "run", port: 0, set: ["data.root=/somewhere"], runs: "runs" },
    );
    assert.equal(code, 130);
    const [grant, handover] = granted!;
    assert.deepEqual(grant.write, []);
    assert.deepEqual(grant.network, ["127.0.0.1"]);
    assert.ok(Array.isArray(grant.libraries), "the recipe's backend is wasm");
    assert.ok(grant.read.includes(join(folder, "run")) && grant.read.includes("/somewhere"));
    assert.ok(!grant.read.includes(folder) && !grant.read.includes("/"));
    assert.deepEqual(handover, { commit: null, folder: join(folder, "run") });
  },
);
