/** Errors about files and folders that are not there: the key that names them, and what was meant. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { LAUNCHER } from "../../cli/command_line.ts";
import { inFolder, plca } from "./fake_host.ts";
import { tinyRecipe } from "./tiny.ts";

const GONE = "there is no such file or folder";

Deno.test("weights that are not there are named by their key, before anything is made", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "tiny.yaml"), tinyRecipe("training: { steps: 1, batch: 1 }\n"));
    const args = ["tiny.yaml", "--set", "model.weights=weights/r101.pth"];
    const line = `model.weights: weights/r101.pth: ${GONE}`;
    const { code, stdout, stderr } = await plca(["train", ...args], { cwd: folder });
    assert.deepEqual([code, stdout, stderr], [2, "", `${line}\n`]);
    const checked = await plca(["check", ...args], { cwd: folder });
    assert.equal(checked.code, 0);
    assert.ok(checked.stdout.endsWith(`\n  missing    ${line}\n`), checked.stdout);
  }));

Deno.test("check and train name folders that are not there, and what is called nearly the same", () =>
  inFolder(async (folder) => {
    const source = {
      type: "folder",
      images: "my_game/images",
      labels: "my_game/labels",
      classes: { a: [0], b: [1] },
    };
    const set = ["data.root=.", "data.val=", "data.test=", `data.source=${JSON.stringify(source)}`].flatMap((
      each,
    ) => ["--set", each]);
    await Deno.mkdir(join(folder, "my game", "images"), { recursive: true });
    await Deno.mkdir(join(folder, "my game", "labels"));
    const lines = ["images", "labels"].map((name) =>
      `data.source: my_game/${name}: ${GONE}; did you mean "my game/${name}"?`
    );
    const checked = await plca(["check", "street", ...set], {
      cwd: folder,
      env: { [LAUNCHER]: "plca" },
    });
    assert.deepEqual([checked.code, checked.stderr], [0, ""]);
    assert.deepEqual(checked.stdout.split("\n").slice(-4), [
      ...lines.map((line) => `  missing    ${line}`),
      "  not opened images and labels; plca data check street looks at every one",
      "",
    ]);
    const { code, stderr } = await plca(["train", "street", ...set], { cwd: folder });
    assert.deepEqual([code, stderr], [2, `${lines.join("\n")}\n`]);
  }));

Deno.test("a recipe and a run that are not there: what is called nearly the same", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "good.yaml"), "extends: street\n");
    const run = join(folder, "runs", "two-layers-001");
    await Deno.mkdir(run, { recursive: true });
    const refused = async (...args: string[]) => (await plca(args, { cwd: folder })).stderr;
    assert.equal(
      await refused("check", "good.yml"),
      'the recipe good.yml cannot be read: there is no such file; did you mean "good.yaml"?\n',
    );
    const near = '; did you mean "runs/two-layers-001"?\n';
    assert.equal(
      await refused("eval", "--run", "runs/two_layers-001"),
      `--run runs/two_layers-001: there is no such folder${near}`,
    );
    assert.equal(
      await refused("weights", "export", "--run", "runs/two_layers-001", "--out", "a.pth"),
      `--run runs/two_layers-001: there is no such folder${near}`,
    );
    assert.equal(
      await refused("report", "runs/two_layers-001"),
      `runs/two_layers-001: there is no such folder${near}`,
    );
    assert.equal(
      await refused("train", "--resume", "runs/two_layers-001"),
      "--resume runs/two_layers-001: expected a run folder with its config.yaml, as in runs/street-001" +
        near,
    );
    await Deno.writeTextFile(join(run, "config.yaml"), "extends: street\n");
    assert.equal(
      await refused("train", "runs/two-layers-001"),
      "the recipe runs/two-layers-001 cannot be read: it is the folder of a run, expected a file: its recipe is " +
        "config.yaml in it, and train --resume goes on with it\n",
    );
  }));
