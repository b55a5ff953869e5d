/** `plca report` on runs of a small network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Evaluation } from "../../core/events.ts";
import type { ReportData } from "../../report/report_data.ts";
import { pageTest } from "../browser.ts";
import { writeThreePhases } from "../run_folder/three_phases.ts";
import { inFolder, plca } from "./fake_host.ts";
import { folderTest, tinyRecipe, trainedOnce } from "./tiny.ts";

const RECIPE = tinyRecipe("name: tiny\ntraining: { steps: 2, batch: 2, validate_every: 1, log_every: 1 }");

/** A run with its baseline, made once. */
const trained = trainedOnce(RECIPE);

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Runs `body` in a folder with the runs `a` and `b`, which are the same. */
function reporting(name: string, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    for (const run of ["a", "b"]) await copy(await trained(), join(folder, run));
  }, body);
}

/** A val split of street's classes in a folder that is not there. */
const GONE = "  val: { type: folder, images: images, labels: labels, classes: " +
  "{ sky: [0], building: [1], road: [2], sidewalk: [3], vegetation: [4], car: [5], person: [6], pole: [7] } }\n";

async function dataOf(path: string): Promise<ReportData> {
  const html = await Deno.readTextFile(path);
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/.exec(html)![1]!);
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}

/** Asserts the one line of success, whose size is the file's. */
async function assertSaid(
  stdout: string,
  { file, path, holds }: { file: string; path: string; holds: string },
) {
  const { size } = await Deno.stat(path);
  assert.equal(stdout, `${file}: ${holds}, ${Math.ceil(size / 1000)} kB\n`);
}

reporting("report writes into the run's folder what its files say", async (folder) => {
  const { code, stdout, stderr } = await plca(["report", "a", "--images", "1"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  const path = join(folder, "a", "report.html");
  await assertSaid(stdout, { file: "a/report.html", path, holds: "1 run, 2 images" });
  const data = await dataOf(path);
  const [run] = data.runs;
  assert.deepEqual([data.title, run!.state, data.differences], ["a", "finished", []]);
  assert.equal(run!.config, await Deno.readTextFile(join(folder, "a", "config.yaml")));
  assert.deepEqual(run!.phases.map(({ name, step, steps }) => ({ name, step, steps })), [
    { name: "source-only", step: 2, steps: 2 },
    { name: "tiny", step: 2, steps: 2 },
  ]);
  for (const [k, name] of ["a/baseline", "a"].entries()) {
    const stored: Evaluation = JSON.parse(await Deno.readTextFile(join(folder, name, "evaluation.json")));
    const { miou, iou, confusion } = run!.phases[k]!.evaluation!;
    assert.deepEqual({ miou, iou, confusion }, {
      miou: stored.miou,
      iou: stored.iou,
      confusion: stored.confusion,
    });
  }
  const events = (await Deno.readTextFile(join(folder, "a", "events.jsonl"))).trim().split("\n")
    .map((line) => JSON.parse(line)).filter(({ type, phase }) => type === "step" && phase === "tiny");
  const { x, y } = run!.phases[1]!.curves["total"]!;
  assert.deepEqual(x, [1, 2]);
  assert.deepEqual(y, events.map(({ total }) => Number(total.toPrecision(6))));
  assert.deepEqual(data.groups[0]!.classes, run!.phases[1]!.evaluation!.classes);
});

reporting(
  "the images are those of the val split, by the run's own weights, with the baseline's beside",
  async (folder) => {
    await plca(["report", "a"], { cwd: folder });
    const { pictures } = (await dataOf(join(folder, "a", "report.html"))).runs[0]!;
    assert.deepEqual(pictures!.networks, ["source-only", "tiny"]);
    assert.equal(pictures!.of, 2);
    const all = [...pictures!.best, ...pictures!.worst];
    assert.deepEqual(all.map(({ width, height }) => [width, height]), [[40, 32], [40, 32]]);
    assert.deepEqual(all.map(({ id }) => id).sort(), ["dusk_val_00000", "dusk_val_00001"]);
    assert.ok(pictures!.best[0]!.miou[1]! >= pictures!.worst[0]!.miou[1]!);
    const [truth, ours] = [all[0]!.truth, all[0]!.predictions[1]!];
    const inflated = async (text: string) => {
      const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      return new Uint8Array(await new Response(stream).arrayBuffer());
    };
    const [labels, predicted] = [await inflated(truth), await inflated(ours)];
    assert.deepEqual([labels.length, predicted.length], [40 * 32, 40 * 32]);
    // The mean over the classes there are, counted here once more.
    const shares = Array.from({ length: 8 }, (_, id) => {
      let both = 0, either = 0;
      labels.forEach((label, k) => {
        if (label === 255) return;
        if (label === id && predicted[k] === id) both++;
        if (label === id || predicted[k] === id) either++;
      });
      return either === 0 ? [] : [both / either];
    }).flat();
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    assert.ok(Math.abs(mean - all[0]!.miou[1]!) < 1e-9);
    assert.match(all[0]!.original, /^data:image\/webp;base64,/);
  },
);

folderTest("a run whose baseline has no evaluation.network has the images of both", async (folder) => {
  const teacher = "\nnetworks: { teacher: { type: ema } }\nevaluation: { network: teacher }\n";
  await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE + teacher);
  const { code, stderr } = await plca(["train", "tiny.yaml", "--run", "run"], { cwd: folder });
  assert.deepEqual([stderr, code], ["", 0]);
}, async (folder) => {
  const { code, stderr } = await plca(["report", "run"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  const { phases, pictures } = (await dataOf(join(folder, "run", "report.html"))).runs[0]!;
  assert.deepEqual(pictures!.networks, ["source-only", "tiny"]);
  assert.deepEqual(phases.map(({ evaluation }) => evaluation!.inference), [undefined, "network teacher"]);
  const baseline = "run/baseline/checkpoints/last.safetensors";
  const { stdout } = await plca(["eval", "--checkpoint", baseline, "--json"], { cwd: folder });
  assert.deepEqual(JSON.parse(stdout).confusion, phases[0]!.evaluation!.confusion);
});

reporting("images are ranked by the run's own network, not by the baseline's", async (folder) => {
  await edit(
    join(folder, "a", "config.yaml"),
    (text) => text.replace(/(?<=^ {2}val:\n(?: {4}.*\n)*? {4}count: )2$/m, "12"),
  );
  await plca(["report", "a", "--images", "6"], { cwd: folder });
  const { best, worst } = (await dataOf(join(folder, "a", "report.html"))).runs[0]!.pictures!;
  const ranked = [...best, ...worst.toReversed()].map(({ miou }) => miou);
  const descending = (network: number) => ranked.map((miou) => miou[network]!).toSorted((a, b) => b - a);
  assert.equal(ranked.length, 12);
  assert.deepEqual(ranked.map((miou) => miou[1]), descending(1));
  assert.notDeepEqual(ranked.map((miou) => miou[0]), descending(0));
});

reporting("--images 0 labels nothing, --limit looks at some", async (folder) => {
  const none = await plca(["report", "a", "--images", "0", "--out", "none.html"], { cwd: folder });
  assert.deepEqual([none.code, none.stderr], [0, ""]);
  assert.equal(
    (await dataOf(join(folder, "none.html"))).runs[0]!.withoutPictures,
    "none were asked for (--images 0)",
  );
  await plca(["report", "a", "--limit", "1"], { cwd: folder });
  const { pictures } = (await dataOf(join(folder, "a", "report.html"))).runs[0]!;
  assert.deepEqual([pictures!.of, pictures!.best.length, pictures!.worst.length], [1, 1, 0]);
});

reporting("runs are compared: what differs, and titles that differ", async (folder) => {
  await edit(join(folder, "b", "config.yaml"), (text) => text.replace("seed: 0", "seed: 5"));
  await Deno.mkdir(join(folder, "old"));
  await Deno.rename(join(folder, "b"), join(folder, "old", "a"));
  const { code, stdout } = await plca(["report", "a", "old/a", "a", "--images", "0"], { cwd: folder });
  assert.equal(code, 0);
  const path = join(folder, "a", "report.html");
  await assertSaid(stdout, { file: "a/report.html", path, holds: "2 runs, 0 images" });
  const data = await dataOf(path);
  assert.deepEqual(data.runs.map(({ title }) => title), ["a", "old/a"]);
  assert.deepEqual(data.differences, [{ path: "seed", values: ["0", "5"] }]);
  assert.deepEqual(data.groups.map(({ runs }) => runs), [[0, 1]]);
});

reporting("runs on one val split are shown side by side, on several not", async (folder) => {
  const report = async () => {
    const { code } = await plca(["report", "a", "b", "--images", "1", "--force"], { cwd: folder });
    assert.equal(code, 0);
    return await dataOf(join(folder, "a", "report.html"));
  };
  const { groups: [group], runs: [, b] } = await report();
  const { networks, best, worst } = group!.sideBySide!;
  assert.deepEqual(networks, ["a", "b"]);
  // The last run chooses, so the images are those of its own section, where its last phase says the same of them.
  const own = b!.pictures!;
  assert.deepEqual([...best, ...worst].map(({ id }) => id), [...own.best, ...own.worst].map(({ id }) => id));
  assert.deepEqual(
    [...best, ...worst].map(({ predictions }) => predictions[1]),
    [...own.best, ...own.worst].map(({ predictions }) => predictions.at(-1)),
  );
  await edit(join(folder, "b", "config.yaml"), (text) => text.replace("count: 2", "count: 1"));
  assert.equal((await report()).groups[0]!.sideBySide, undefined);
});

reporting(
  "a report is never overwritten without --force, and wrong folders are told before anything is done",
  async (folder) => {
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await plca(["report", ...args], { cwd: folder });
      assert.deepEqual([code, stdout], [2, ""]);
      return stderr;
    };
    await Deno.writeTextFile(join(folder, "mine.html"), "mine");
    assert.equal(
      await refused("a", "--out", "mine.html"),
      "mine.html would be overwritten; choose another file with --out, or allow it with --force\n",
    );
    assert.equal(await Deno.readTextFile(join(folder, "mine.html")), "mine");
    assert.equal(
      (await plca(["report", "a", "--images", "0", "--out", "mine.html", "--force"], { cwd: folder })).code,
      0,
    );
    assert.match(await Deno.readTextFile(join(folder, "mine.html")), /^<!doctype html>/);
    assert.equal(
      await refused("a", "--out", "b"),
      "--out b: it is a folder; expected a file, as in report.html\n",
    );
    assert.equal(await refused("a", "--out", "no/r.html"), "--out no/r.html: there is no folder no\n");
    assert.equal(await refused("c"), "c: there is no such folder; expected a run, as in runs/street-001\n");
    assert.equal(
      await refused("mine.html"),
      "mine.html: it is a file; expected a run folder, as in runs/street-001\n",
    );
    assert.equal(
      await refused("a/checkpoints"),
      "a/checkpoints: it is no run folder: it has neither events.jsonl nor run.json, which plca train writes\n",
    );
  },
);

reporting(
  "a run without weights, val split, data or recipe is reported, and a line says why it has no images",
  async (folder) => {
    const said = async () => {
      const { code, stderr } = await plca(["report", "a", "--force"], { cwd: folder });
      assert.equal(code, 0);
      const { withoutPictures } = (await dataOf(join(folder, "a", "report.html"))).runs[0]!;
      assert.equal(stderr, `a: no images: ${withoutPictures}\n`);
      return withoutPictures;
    };
    const config = join(folder, "a", "config.yaml");
    await edit(config, (text) => text.replace(/^ {2}val:\n(?: {4}.*\n)+/m, ""));
    assert.equal(await said(), "the recipe has no val split; it has train (the labelled source)");
    await copy(join(folder, "b"), join(folder, "a"));
    await edit(
      config,
      (text) =>
        text.replace(/^ {2}val:\n(?: {4}.*\n)+/m, GONE).replace(
          /^data:$/m,
          `data:\n  root: ${folder}/gone`,
        ),
    );
    assert.equal(await said(), `data.root ${folder}/gone: there is no such folder`);
    await copy(join(folder, "b"), join(folder, "a"));
    await Deno.remove(join(folder, "a", "checkpoints"), { recursive: true });
    await Deno.remove(join(folder, "a", "baseline"), { recursive: true });
    assert.equal(await said(), "its training wrote no weights yet");
    await Deno.remove(config);
    assert.equal(await said(), "the recipe a/config.yaml cannot be read: there is no such file");
  },
);

reporting("a file of a loss is not run", async (folder) => {
  await Deno.writeTextFile(
    join(folder, "mine.ts"),
    `Deno.writeTextFileSync(${JSON.stringify(join(folder, "ran"))}, "");`,
  );
  await edit(
    join(folder, "a", "config.yaml"),
    (text) => text.replace(/^losses:\n/m, "losses:\n  - use: ../mine.ts\n"),
  );
  const { code, stderr } = await plca(["report", "a"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  await assert.rejects(Deno.stat(join(folder, "ran")), Deno.errors.NotFound);
  assert.equal((await dataOf(join(folder, "a", "report.html"))).runs[0]!.pictures!.of, 2);
});

reporting(
  "runs of other classes are apart, and a run that was cut short is told as it stands",
  async (folder) => {
    for (const file of ["b/evaluation.json", "b/baseline/evaluation.json"]) {
      await edit(join(folder, file), (text) => {
        const stored = JSON.parse(text);
        return JSON.stringify({
          ...stored,
          classes: ["x", "y"],
          iou: [0.5, 0.5],
          confusion: [[1, 1], [1, 1]],
        });
      });
    }
    await Deno.remove(join(folder, "b", "config.yaml"));
    await edit(join(folder, "b", "events.jsonl"), (text) => text.slice(0, text.indexOf('"type":"end"') - 20));
    await plca(["report", "a", "b", "--images", "0"], { cwd: folder });
    const data = await dataOf(join(folder, "a", "report.html"));
    assert.deepEqual(data.groups.map(({ classes, runs }) => [classes.length, runs]), [[8, [0]], [2, [1]]]);
    assert.deepEqual(data.runs.map(({ state }) => state), ["finished", "stopped"]);
    assert.equal(data.runs[1]!.config, undefined);
  },
);

reporting("a Ctrl-C leaves no file", async (folder) => {
  let written = 0;
  const outcome = await plca(["report", "a"], {
    cwd: folder,
    tty: true,
    onWrite(text, interrupt) {
      if (/val image 1\/2/.test(text)) written++, interrupt();
    },
  });
  assert.equal(written, 1);
  assert.equal(outcome.code, 130);
  assert.match(outcome.stderr, /Interrupted; no report was written\.\n$/);
  assert.deepEqual(
    [...Deno.readDirSync(join(folder, "a"))].map(({ name }) => name).filter((name) => /report/.test(name)),
    [],
  );
});

pageTest(
  "the report of a trained run shows the numbers of its files",
  {},
  async ({ page, complaints, requests }) => {
    await inFolder(async (folder) => {
      await copy(await trained(), join(folder, "<img src=x onerror=alert(1)>"));
      const run = join(folder, "<img src=x onerror=alert(1)>");
      await plca(["report", run, "--out", "r.html"], { cwd: folder });
      await page.goto(pathToFileURL(`${folder}/r.html`).href);
      await page.waitForSelector(".pictures canvas >> nth=5");
      const percents = (evaluation: Evaluation) =>
        [...evaluation.iou, evaluation.miou, evaluation.pixelAccuracy].map((share) =>
          share === null ? "–" : (100 * share).toFixed(1)
        );
      const stored = async (path: string) =>
        JSON.parse(await Deno.readTextFile(join(run, path))) as Evaluation;
      const shown = (column: number) =>
        page.locator(`table.deltas tbody td:nth-child(${column})`).allInnerTexts();
      assert.deepEqual(await shown(2), percents(await stored("baseline/evaluation.json")));
      assert.deepEqual(await shown(3), percents(await stored("evaluation.json")));
      assert.equal(await page.locator("h1").innerText(), "<img src=x onerror=alert(1)>");
      assert.deepEqual([...complaints], []);
      assert.deepEqual([...requests], [pathToFileURL(`${folder}/r.html`).href]);
    });
  },
);

folderTest("a run with three phases has curves and results of each, by name", async (folder) => {
  await writeThreePhases(join(folder, "run"));
}, async (folder) => {
  const { code } = await plca(["report", "run"], { cwd: folder });
  assert.equal(code, 0);
  const { phases } = (await dataOf(join(folder, "run", "report.html"))).runs[0]!;
  assert.deepEqual(
    phases.map(({ name, curves, evaluation, best }) => [
      name,
      Object.keys(curves).filter((curve) => curve.startsWith("terms/")),
      evaluation!.miou,
      best!.miou,
    ]),
    [
      ["source-only", ["terms/loss-0"], 0.2, 0.2],
      ["warm-up", ["terms/loss-1"], 0.3, 0.3],
      ["adapted", ["terms/loss-2"], 0.5, 0.4],
    ],
  );
});

folderTest("a strange recipe of a run is named as its damage, and the report is made", async (folder) => {
  const run = join(folder, "a\u202eb");
  await Deno.mkdir(run);
  await Deno.writeTextFile(join(run, "run.json"), "{}");
}, async (folder) => {
  const run = join(folder, "a\u202eb"), config = join(run, "config.yaml");
  const reported = async () => {
    const { code, stdout, stderr } = await plca(["report", "a\u202eb", "--out", "r.html", "--force"], {
      cwd: folder,
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^r\.html: 1 run, 0 images, /);
    return { stderr, notes: (await dataOf(join(folder, "r.html"))).runs[0]!.notes };
  };
  await Deno.writeTextFile(config, "a: &x\n  b: *x");
  const cyclic = await reported();
  assert.deepEqual(cyclic.notes, ["a[U+202E]b/config.yaml: an alias in it contains itself"]);
  assert.equal(
    cyclic.stderr,
    "a[U+202E]b: no images: a[U+202E]b/config.yaml:2:3: the alias *x contains itself\n",
  );

  await Deno.writeTextFile(config, Array.from({ length: 20_000 }, (_, k) => `key${k}: 1\n`).join(""));
  const { stderr } = await reported();
  assert.ok(stderr.length < 2500, String(stderr.length));
  assert.match(stderr, /config\.yaml:1:1 key0: unknown key; .*\.\.\. \([\d,]+ characters\)\n$/);

  if (Deno.build.os === "windows") return;
  await Deno.writeTextFile(join(folder, "secret.yaml"), "secret: 5");
  await Deno.remove(config);
  await Deno.symlink(join(folder, "secret.yaml"), config);
  const linked = await reported();
  const why = "a[U+202E]b/config.yaml: it is a link that leads out of the folder of the run";
  assert.deepEqual(linked.notes, [why]);
  assert.equal(linked.stderr, `a[U+202E]b: no images: ${why}\n`);
  assert.doesNotMatch(await Deno.readTextFile(join(folder, "r.html")), /secret/);

  await Deno.remove(run, { recursive: true });
  const gone = await plca(["report", "a\u202eb"], { cwd: folder });
  assert.equal(gone.code, 2);
  assert.match(gone.stderr, /a\[U\+202E\]b: there is no such folder/);
});
