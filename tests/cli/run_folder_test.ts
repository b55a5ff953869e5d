import assert from "node:assert/strict";
import { join } from "node:path";
import type { Host } from "../../cli/host.ts";
import { beginningOf, runAround } from "../../cli/run_folder.ts";
import type { RunPlan } from "../../core/plan.ts";
import { recordRun, removeRun } from "../../run_folder/make.ts";
import { denoArguments, start } from "../faults/child.ts";
import { inFolder, plca } from "./fake_host.ts";
import { tinyRecipe } from "./tiny.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

/** Records a run in `folder` as `plca` in `cwd` would. */
async function record(cwd: string, folder: string): Promise<void> {
  const plan = { name: "tiny", seed: 0, resolved: { name: "tiny" } } as unknown as RunPlan;
  await plca([], {
    cwd,
    async program(host: Host) {
      await recordRun(await beginningOf(host, { folder, plan, backend: "wasm", option: "--run" }));
      return 0;
    },
  });
}

/** A loss that, before the run's folder is written to, says so and waits for a file beside it. */
const WAITING = `console.log("waiting");
while (!await Deno.stat(new URL("go", import.meta.url)).catch(() => undefined)) await new Promise((resolve) => setTimeout(resolve, 20));
export default ({ tf, z, definePlugin }) => definePlugin({
  kind: "loss", name: "late", summary: "late", options: z.strictObject({}),
  plan: () => ({ needs: { taps: [] }, create: () => ({ compute: () => ({ loss: tf.scalar(0) }) }) }),
});
`;

Deno.test("of two processes that found one folder empty the later is refused and the other's run unharmed", async () => {
  await inFolder(async (folder) => {
    const recipe = (name: string, more: string) =>
      tinyRecipe(`name: ${name}\ntraining: { steps: 2, batch: 1 }\nbaseline: null\n${more}`);
    await Deno.mkdir(join(folder, "losses"));
    await Deno.writeTextFile(join(folder, "losses/late.ts"), WAITING);
    await Deno.writeTextFile(
      join(folder, "late.yaml"),
      recipe("late", "losses: [{ use: ./losses/late.ts }]\n"),
    );
    await Deno.writeTextFile(join(folder, "early.yaml"), recipe("early", ""));
    const late = start(["train", "late.yaml", "--run", "R"], folder);
    await late.line(/^waiting$/);
    const early = start(["train", "early.yaml", "--run", "R"], folder);
    await early.line(/^early: seed 0, backend wasm, run R$/);
    await Deno.writeTextFile(join(folder, "losses/go"), "");
    const refused = await late.ended;
    assert.deepEqual([refused.code, refused.stderr], [
      2,
      "R already holds config.yaml; a run never overwrites anything, choose a new folder for --run\n",
    ]);
    const { code, stderr } = await early.ended;
    assert.deepEqual([stderr, code], ["", 0]);
    const run = join(folder, "R");
    assert.deepEqual(names(run), [
      "checkpoints",
      "config.yaml",
      "evaluation.json",
      "events.jsonl",
      "run.json",
    ]);
    assert.match(await Deno.readTextFile(join(run, "config.yaml")), /^name: early$/m);
    assert.equal(JSON.parse(await Deno.readTextFile(join(run, "run.json"))).recipe, "early");
  });
});

Deno.test("a run that came to nothing is removed, but not what others put beside it or have taken up", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "R");
    await Deno.mkdir(join(run, "checkpoints"), { recursive: true });
    await Deno.mkdir(join(run, "phases", "warm-up", "checkpoints"), { recursive: true });
    for (const name of ["config.yaml", "run.json", "events.jsonl", "notes.txt"]) {
      await Deno.writeTextFile(join(run, name), "");
    }
    const before = names(run);
    {
      using log = await Deno.open(join(run, "events.jsonl"), { append: true });
      await log.lock(true);
      await removeRun(run, true);
      assert.deepEqual(names(run), before);
    }
    await removeRun(run, true);
    assert.deepEqual(names(run), ["notes.txt"]);
    await Deno.remove(join(run, "notes.txt"));
    await removeRun(run, false);
    assert.deepEqual(names(folder), ["R"]);
    await removeRun(run, true);
    assert.deepEqual(names(folder), []);
  });
});

Deno.test("a run is recorded whole or not at all", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "R");
    const config = join(run, "config.yaml");
    await assert.rejects(record(folder, run), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.ok(
        error.message.startsWith(`${config}: cannot be written (`),
        error.message,
      );
      return true;
    });
    await Deno.mkdir(run);
    await Deno.writeTextFile(join(run, "run.json"), "theirs");
    await assert.rejects(record(folder, run), {
      name: "UserError",
      message: "R already holds run.json; a run never overwrites anything, choose a new folder for --run",
    });
    assert.deepEqual(names(run), ["run.json"]);
    assert.equal(await Deno.readTextFile(join(run, "run.json")), "theirs");
    await Deno.remove(join(run, "run.json"));
    await record(folder, run);
    assert.deepEqual(names(run), ["config.yaml", "run.json"]);
    assert.equal(await Deno.readTextFile(config), "name: tiny\n");
  });
});

Deno.test({
  name: "a file that the system refuses to let grow is one line; nothing of the run is left",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "tiny.yaml"), tinyRecipe("training: { steps: 1, batch: 1 }\n"));
      // Whoever ignores the signal gets an error, as from a disk that is full.
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          "-c",
          `trap "" XFSZ; ulimit -f 0; exec "$0" "$@"`,
          Deno.execPath(),
          ...denoArguments(["train", "tiny.yaml", "--run", "R"]),
        ],
        cwd: folder,
        env: { INIT_CWD: folder, NO_COLOR: "1" },
      }).output();
      const config = join(folder, "R/config.yaml");
      assert.deepEqual([code, new TextDecoder().decode(stderr)], [
        2,
        `${config}: cannot be written (File too large (os error 27))\n`,
      ]);
      assert.deepEqual(names(folder), ["tiny.yaml"]);
    });
  },
});

Deno.test("weights of every phase belong to the run around them, others to none", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "R"));
    await Deno.writeTextFile(join(folder, "R", "config.yaml"), "");
    for (const below of ["checkpoints", "baseline/checkpoints", "phases/warm-up/checkpoints"]) {
      assert.equal(await runAround(join(folder, "R", below, "last.safetensors")), join(folder, "R"));
    }
    assert.equal(await runAround(join(folder, "other", "checkpoints", "last.safetensors")), undefined);
  }));
