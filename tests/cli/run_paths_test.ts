/** What commands say of files and folders that they are given. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseWeights } from "../../cli/choose_weights.ts";
import { requireWritable } from "../../cli/output_file.ts";
import { readText } from "../../cli/recipes.ts";
import { requireRun } from "../../cli/require_run.ts";
import { readResult, requirePaper } from "../../cli/results.ts";
import { noFile, shown } from "../../cli/run_folder.ts";
import { recipeFiles } from "../../cli/trials.ts";
import { PAPER_TABLES } from "../../report/paper.ts";
import { evaluationOf } from "../report/evaluations.ts";
import { inFolder, withHost } from "./fake_host.ts";

const EXAMPLE = "runs/a/report.html";

Deno.test("requireWritable: a new file in a folder that is there", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "d"));
    await Deno.writeTextFile(join(folder, "f"), "");
    const check = async (name: string, force = false) => {
      await withHost(
        { cwd: folder },
        (host) => requireWritable(host, { out: join(folder, name), force, example: EXAMPLE }),
      );
    };
    const refused = (name: string, message: string, force = false) =>
      assert.rejects(check(name, force), { name: "UserError", message });
    await check("new.html");
    await check("d/new.html");
    await check("f", true);
    await refused("f", "f would be overwritten; choose another file with --out, or allow it with --force");
    const isFolder = "--out d: it is a folder; expected a file, as in runs/a/report.html";
    await refused("d", isFolder);
    await refused("d", isFolder, true);
    await refused("gone/new.html", "--out gone/new.html: there is no folder gone");
    await refused("f/new.html", "--out f/new.html: there is no folder f", true);
    await refused("go\x07ne/new.html", "--out go?ne/new.html: there is no folder go?ne");
  }));

Deno.test("requireRun: a folder that holds none names the newest run inside of it", () =>
  inFolder(async (folder) => {
    const check = async (name: string) => {
      await withHost({ cwd: folder }, (host) => requireRun(host, join(folder, name)));
    };
    const refused = (name: string, message: string) =>
      assert.rejects(check(name), { name: "UserError", message: `${name}: ${message}` });
    await Deno.writeTextFile(join(folder, "f"), "");
    await Deno.mkdir(join(folder, "runs/a-001"), { recursive: true });
    const none = "it is no run folder: it has neither events.jsonl nor run.json, which plca train writes";
    await refused("gone", "there is no such folder; expected a run, as in runs/street-001");
    await refused("f", "it is a file; expected a run folder, as in runs/street-001");
    await refused("runs", none);
    await Deno.writeTextFile(join(folder, "runs/a-001/events.jsonl"), "");
    await refused("runs", `${none}; the newest run in it is runs/a-001`);
    await check("runs/a-001");
    await Deno.mkdir(join(folder, "b"));
    await Deno.writeTextFile(join(folder, "b/run.json"), "{}");
    await check("b");
  }));

Deno.test("readResult: of a run or a file of an evaluation; what is wrong is said with what was expected", () =>
  inFolder(async (folder) => {
    const evaluation = evaluationOf();
    await Deno.mkdir(join(folder, "a"));
    const refused = (name: string, message: string) =>
      assert.rejects(readResult(join(folder, name), name), {
        name: "UserError",
        message: `${name}: ${message}`,
      });
    const expected = "; expected a run folder or what plca eval --json prints";
    await refused("gone", "there is no such run folder or file");
    await refused(
      "a",
      "it has no evaluation.json: its training did not come to its end, or had no val split",
    );
    await Deno.writeTextFile(join(folder, "a/evaluation.json"), JSON.stringify(evaluation));
    await Deno.writeTextFile(join(folder, "b.json"), JSON.stringify(evaluation));
    assert.deepEqual(await readResult(join(folder, "a"), "a"), evaluation);
    assert.deepEqual(await readResult(join(folder, "b.json"), "b.json"), evaluation);
    await Deno.writeTextFile(join(folder, "c.json"), "{}");
    await refused("c.json", `it holds no evaluation${expected}`);
    await Deno.writeTextFile(join(folder, "c.json"), "no");
    await refused("c.json", `it is not JSON${expected}`);
    await Deno.writeTextFile(join(folder, "c.json"), "[]");
    await refused("c.json", `it is no JSON object${expected}`);
  }));

Deno.test("requirePaper: the paper's classes in its order, and no others", () => {
  for (const { classes } of PAPER_TABLES) requirePaper(classes);
  assert.throws(() => requirePaper(["road", "sky"]), {
    name: "UserError",
    message:
      "--paper: the paper reports on Cityscapes' 19 and SYNTHIA's 16 classes, these are others: road, sky",
  });
  assert.throws(() => requirePaper(PAPER_TABLES[0]!.classes.toReversed()), { name: "UserError" });
});

Deno.test("readText: a text of at most 16 MB, or why not, without its path", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.yaml");
    const refused = (message: string, from = path) =>
      assert.rejects(readText(from), { name: "UserError", message });
    await refused("there is no such file");
    await refused("it is a folder, expected a file", folder);
    await Deno.writeTextFile(path, "größe: 1\n");
    assert.equal(await readText(path), "größe: 1\n");
    await refused("a part of its path is a file, expected a folder", join(path, "b"));
    await Deno.truncate(path, 16e6);
    assert.equal((await readText(path)).length, 16e6 - 2);
    await Deno.truncate(path, 16_100_000);
    await refused("it has 16.1 MB, expected at most 16 MB");
  }));

Deno.test("shown: relative to the working folder below it, else as it is", async () => {
  await withHost({ cwd: "/home/x" }, (host) => {
    assert.deepEqual(
      ["/home/x/runs/a", "/home/x", "/home/y", "/home/xy", "/"].map((path) => shown(host, path)),
      ["runs/a", "/home/x", "/home/y", "/home/xy", "/"],
    );
  });
});

Deno.test("noFile: why a file cannot be used", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "f"), "");
    assert.equal(noFile(await Deno.stat(join(folder, "f"))), undefined);
    assert.equal(noFile(await Deno.stat(folder)), "there is no such file");
    assert.equal(noFile(undefined), "there is no such file");
    if (Deno.build.os !== "windows") {
      assert.equal(noFile(await Deno.stat("/dev/null")), "it is a device, expected a file");
    }
  }));

Deno.test("recipeFiles: the YAML files of a folder by name; a folder without one is refused", () =>
  inFolder(async (folder) => {
    const refused = (message: string) =>
      assert.rejects(recipeFiles(join(folder, "rows"), "rows"), { message });
    await refused("rows: there is no such folder");
    await Deno.mkdir(join(folder, "rows"));
    await Deno.writeTextFile(join(folder, "rows/notes.txt"), "");
    await refused("rows: the folder holds no .yaml file");
    for (const name of ["b.yaml", "a.yml", "c.yaml.bak"]) {
      await Deno.writeTextFile(join(folder, "rows", name), "");
    }
    assert.deepEqual(
      await recipeFiles(join(folder, "rows"), "rows"),
      ["a.yml", "b.yaml"].map((name) => join(folder, "rows", name)),
    );
  }));

Deno.test("chooseWeights: weights in a run have its recipe, those beside a recipe that one", () =>
  inFolder(async (folder) => {
    const run = join(folder, "runs/a-001");
    await Deno.mkdir(join(run, "checkpoints"), { recursive: true });
    const inside = join(run, "checkpoints/best.safetensors"), outside = join(folder, "own.pth");
    await Deno.writeTextFile(join(run, "config.yaml"), "name: a\n");
    for (const path of [inside, outside]) await Deno.writeTextFile(path, "");
    const chosen = async (more: { run?: string; recipe?: string; checkpoint?: string }) =>
      (await withHost(
        { cwd: folder },
        (host) =>
          chooseWeights(host, {
            run: undefined,
            recipe: undefined,
            checkpoint: undefined,
            runs: "runs",
            ...more,
          }),
      )).result;
    const config = join(run, "config.yaml");
    assert.deepEqual(await chosen({ checkpoint: "runs/a-001/checkpoints/best.safetensors" }), {
      recipe: config,
      checkpoint: inside,
    });
    assert.deepEqual(await chosen({ checkpoint: "own.pth", recipe: "street" }), {
      recipe: "street",
      checkpoint: outside,
    });
    assert.deepEqual(await chosen({ checkpoint: "own.pth", run: "runs/a-001" }), {
      recipe: config,
      checkpoint: outside,
    });
    await assert.rejects(chosen({ run: "runs/a-001" }), {
      name: "UserError",
      message: "runs/a-001 has no checkpoints/last.safetensors; its training wrote no weights yet",
    });
    // As a run that was interrupted in its first phase leaves it.
    await Deno.writeTextFile(
      config,
      "name: a\nphases: [{ name: association }, { name: again }, { name: end }]\n",
    );
    const earlier = join(run, "phases/association/checkpoints");
    await Deno.mkdir(earlier, { recursive: true });
    await Deno.writeTextFile(join(earlier, "last.safetensors"), "");
    const inPhase = "runs/a-001/phases/association/checkpoints/last.safetensors";
    await assert.rejects(chosen({ run: "runs/a-001" }), {
      name: "UserError",
      message:
        "runs/a-001 has no checkpoints/last.safetensors: it did not come to its last phase; the weights of " +
        `its phase association are used with --checkpoint ${inPhase}`,
    });
    assert.deepEqual(await chosen({ checkpoint: inPhase }), {
      recipe: config,
      checkpoint: join(earlier, "last.safetensors"),
    });
    await assert.rejects(chosen({ checkpoint: "runs" }), {
      name: "UserError",
      message: "--checkpoint runs: there is no such file",
    });
  }));
