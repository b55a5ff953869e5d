import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openLineLog } from "../../run_folder/lock.ts";
import { type Outcome, plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const RECIPE = tinyRecipe(`name: tiny
training: { steps: 3, batch: 2, validate_every: 2 }
baseline: { losses: [{ type: cross-entropy }] }
`);

function tiny(name: string, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE);
  }, body);
}

const files = (folder: string) => [...Deno.readDirSync(folder)].map((entry) => entry.name).toSorted();

const done = ({ code, stderr }: Outcome) => assert.deepEqual([stderr, code], ["", 0]);

tiny("train, then eval of the latest run: same numbers, everything recorded", async (folder) => {
  const trained = await plca(["train", "tiny.yaml", "--set", "seed=4"], { cwd: folder });
  done(trained);
  assert.match(trained.stdout, /^tiny: seed 4, backend wasm, run runs\/tiny-001\n/);
  assert.match(trained.stdout, /\nIoU % +source-only +tiny +difference\nsky +/);
  assert.match(
    trained.stdout,
    /\nTarget mIoU [\d.]+ % at label size original 40x32; mIoU [+-][\d.]+ points against source-only\.\nBest validation: mIoU [\d.]+ % at label size original 40x32, step 2\.\n/,
  );
  assert.match(
    trained.stdout,
    /\nThe run lies in runs\/tiny-001\. Next:\n {2}npx --yes deno@2\.9\.6 task plca eval --run runs\/tiny-001 --split val\n$/,
  );

  const run = join(folder, "runs", "tiny-001");
  assert.deepEqual(files(run), [
    "baseline",
    "checkpoints",
    "config.yaml",
    "evaluation.json",
    "events.jsonl",
    "run.json",
  ]);
  const record = JSON.parse(await Deno.readTextFile(join(run, "run.json")));
  assert.deepEqual(Object.keys(record), [
    "recipe",
    "seed",
    "backend",
    "command",
    "date",
    "versions",
    "commit",
    "machine",
  ]);
  assert.deepEqual(record.command, ["plca", "train", "tiny.yaml", "--set", "seed=4"]);
  assert.deepEqual([record.seed, record.backend, record.machine.cores], [4, "wasm", 3]);
  assert.equal(record.date, "2030-01-02T00:00:00.000Z");
  assert.ok(record.commit === null || /^[0-9a-f]{40}$/.test(record.commit));

  const json = await plca(["eval", "--json"], { cwd: folder });
  done(json);
  const evaluation = JSON.parse(json.stdout);
  assert.equal(evaluation.checkpoint, join(run, "checkpoints", "last.safetensors"));
  const final = JSON.parse(await Deno.readTextFile(join(run, "evaluation.json")));
  assert.deepEqual([final.phase, final.step, final.seed], ["tiny", 3, 4]);
  assert.deepEqual(final.confusion, evaluation.confusion);
  const miou = /Target mIoU ([\d.]+) %/.exec(trained.stdout)?.[1];
  assert.equal((100 * evaluation.miou).toFixed(1), miou);

  const last = join(run, "checkpoints", "last.safetensors");
  await Deno.copyFile(last, join(run, "checkpoints", "last.1.safetensors"));
  await Deno.truncate(last, 30);
  const former = await plca(["eval", "--json"], { cwd: folder });
  assert.match(
    former.stderr,
    /last\.safetensors: its header claims .*last\.1\.safetensors is used instead\n$/,
  );
  assert.deepEqual({ ...JSON.parse(former.stdout), checkpoint: last }, evaluation);

  const former1 = join(run, "checkpoints", "last.1.safetensors");
  const unsigned = await Deno.readFile(former1);
  unsigned[new TextDecoder("latin1").decode(unsigned).indexOf('"sha256"') + 6] = 0x37;
  await Deno.writeFile(last, unsigned);
  const lost = await plca(["eval", "--json"], { cwd: folder });
  assert.equal(
    lost.stderr,
    `${last}: damaged: it has lost its "sha256"; ${former1} is used instead\n`,
  );
  assert.deepEqual({ ...JSON.parse(lost.stdout), checkpoint: last }, evaluation);
  const named = await plca(["eval", "--checkpoint", "runs/tiny-001/checkpoints/last.safetensors"], {
    cwd: folder,
  });
  assert.deepEqual([named.code, named.stderr], [2, `${last}: damaged: it has lost its "sha256"\n`]);

  const baseline = join("runs", "tiny-001", "baseline", "checkpoints", "last.safetensors");
  const table = await plca(["eval", "--checkpoint", baseline, "--split", "train"], { cwd: folder });
  done(table);
  assert.match(
    table.stdout,
    /^runs\/tiny-001\/baseline\/checkpoints\/last\.safetensors on train\n\nIoU % +source-only\n/,
  );

  const missing = await plca(["eval", "--split", "test"], { cwd: folder });
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /test/);
});

tiny("run folders are numbered and never overwritten", async (folder) => {
  const brief = ["train", "tiny.yaml", "--set", "training.steps=1", "--set", "baseline=null"];
  await Deno.mkdir(join(folder, "runs", "tiny-007"), { recursive: true });
  done(await plca(brief, { cwd: folder }));
  assert.deepEqual(files(join(folder, "runs")), ["tiny-007", "tiny-008"]);
  done(await plca([...brief, "--name", "other", "--runs", "out"], { cwd: folder }));
  assert.deepEqual(files(join(folder, "out")), ["other-001"]);
  done(await plca([...brief, "--run", "here/deep"], { cwd: folder }));
  const again = await plca([...brief, "--run", "here/deep"], { cwd: folder });
  assert.equal(again.code, 2);
  assert.match(
    again.stderr,
    /^here\/deep already holds \S+; a run never overwrites anything, choose a new folder for --run\n$/,
  );
  const onFile = await plca([...brief, "--runs", "tiny.yaml"], { cwd: folder });
  assert.equal(onFile.code, 2);
  assert.match(
    onFile.stderr,
    /^the run folder tiny\.yaml\/tiny cannot be made: it is a file, expected a folder\n$/,
  );
});

tiny("Ctrl-C writes a checkpoint that eval can read; the status is 130", async (folder) => {
  const onWrite = (text: string, interrupt: () => void) => {
    if (/^tiny .*1\/500 /.test(text)) interrupt();
  };
  const args = ["train", "tiny.yaml", "--set", "baseline=null", "--set", "training.steps=500"];
  const stopped = await plca(args, { cwd: folder, onWrite });
  assert.equal(stopped.code, 130);
  assert.match(
    stopped.stdout,
    /\nStopping after the step or image in work, with a checkpoint\. Ctrl-C again stops at once\.\n/,
  );
  assert.match(
    stopped.stdout,
    /\nInterrupted in tiny after \d of 500 steps\.\nThe weights lie in runs\/tiny-001\/checkpoints\/last\.safetensors\. Next:\n {2}npx --yes deno@2\.9\.6 task plca train --resume runs\/tiny-001\n {2}npx --yes deno@2\.9\.6 task plca eval --checkpoint runs\/tiny-001\/checkpoints\/last\.safetensors --split val\n$/,
  );
  done(await plca(["eval"], { cwd: folder }));
});

tiny("Ctrl-C in a later phase names it, and its job", async (folder) => {
  const use = fileURLToPath(new URL("../../docs/extending/pseudo_labels.ts", import.meta.url));
  const phases = `baseline: null
phases:
  - name: a
  - name: b
    before: [{ use: ${use}, name: labels }]
    streams: { pseudo: { job: labels } }
    losses: { pseudo: { type: cross-entropy, options: { stream: pseudo } } }
`;
  await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE.replace(/baseline.*\n/, phases));
  const stopped = async (at: string, resume = false) => {
    const onWrite = (text: string, interrupt: () => void) => text.startsWith(at) && interrupt();
    const args = resume ? ["--resume", "run"] : ["tiny.yaml", "--run", "run"];
    const { code, stdout, stderr } = await plca(["train", ...args], { cwd: folder, onWrite });
    assert.deepEqual([stderr, code], ["", 130]);
    return /^Interrupted .*$/m.exec(stdout)![0];
  };
  assert.equal(await stopped("b: labels: begins"), "Interrupted in b, in its job labels.");
  assert.equal(await stopped("b: 3 steps", true), "Interrupted in b before its first step.");
  assert.equal(await stopped("b 1/3", true), "Interrupted in b after 1 of 3 steps.");
});

tiny("train --resume without a checkpoint says that it begins anew", async (folder) => {
  const args = ["train", "tiny.yaml", "--set", "training.steps=1", "--set", "baseline=null", "--run", "run"];
  done(await plca(args, { cwd: folder }));
  await Deno.remove(join(folder, "run", "checkpoints"), { recursive: true });
  const { stdout } = await plca(["train", "--resume", "run"], { cwd: folder });
  assert.match(stdout, /resumes run\n {2}it has no checkpoint, so it begins anew\ntiny: 1 step, batch 2\n/);
});

tiny("train --resume of a run that goes on is refused and says nothing else", async (folder) => {
  const args = ["train", "tiny.yaml", "--set", "training.steps=1", "--set", "baseline=null", "--run", "run"];
  const env = { PLCA_LAUNCHER: "1" };
  const trained = await plca(args, { cwd: folder, env });
  done(trained);
  assert.match(trained.stdout, /\nThe run lies in run\. Next:\n {2}plca eval --run run --split val\n$/);
  const other = openLineLog(join(folder, "run", "events.jsonl"));
  const refused = await plca(["train", "--resume", "run"], { cwd: folder });
  other.close();
  assert.deepEqual(refused, {
    code: 2,
    stdout: "",
    stderr: `${folder}/run: another process trains in this folder; wait for it, or stop it\n`,
  });
  done(await plca(["train", "--resume", "run"], { cwd: folder }));
});

tiny("train --resume ends with the weights of a run that was never stopped", async (folder) => {
  const args = ["train", "tiny.yaml", "--set", "training.steps=6"];
  done(await plca([...args, "--run", "whole"], { cwd: folder }));
  const onWrite = (text: string, interrupt: () => void) => {
    if (/^tiny .*2\/6 /.test(text)) interrupt();
  };
  assert.equal((await plca([...args, "--run", "parts"], { cwd: folder, onWrite })).code, 130);
  const file = join(folder, "parts", "run.json");
  const record = JSON.parse(await Deno.readTextFile(file));
  record.versions.runtime = "deno 1.0.0";
  await Deno.writeTextFile(file, JSON.stringify(record));
  const resumed = await plca(["train", "--resume", "parts"], { cwd: folder });
  done(resumed);
  assert.match(
    resumed.stdout,
    /^tiny: seed 0, backend wasm, resumes parts\n {2}begun with runtime deno 1\.0\.0, goes on with deno test: numbers may differ from one run\ntiny: 6 steps, batch 2\ntiny: goes on after step 2\n/,
  );
  assert.match(resumed.stdout, /\nTarget mIoU [\d.]+ % at .*[+-][\d.]+ points against source-only\.\n/);
  const weights = (run: string) => Deno.readFile(join(folder, run, "checkpoints", "last.safetensors"));
  assert.deepEqual(await weights("parts"), await weights("whole"));
  const finished = await plca(["train", "--resume", "whole"], { cwd: folder });
  done(finished);
  assert.match(finished.stdout, /\nAll steps of whole were done already; nothing was trained\.\n\nIoU %/);
  assert.ok(!resumed.stdout.includes("nothing was trained"));
});

const NOT_RESUMED: readonly (readonly [args: readonly string[], message: string])[] = [
  [["gone"], "--resume gone: expected a run folder with its config.yaml, as in runs/street-001\n"],
  [
    ["run", "--name", "other"],
    "--resume run: the run goes on as it was begun; it takes no recipe, --name or --run, and --set only for " +
    "where its data and weights lie now, as in --set data.root=FOLDER\n",
  ],
];

for (const [args, message] of NOT_RESUMED) {
  tiny(`train --resume ${args.join(" ")}: exit 2 and one line`, async (folder) => {
    const { code, stderr } = await plca(["train", "--resume", ...args], { cwd: folder });
    assert.deepEqual([code, stderr], [2, message]);
  });
}

tiny("a second Ctrl-C ends the process at once", async (folder) => {
  let sent = 0;
  const onWrite = (text: string, interrupt: () => void) => {
    if (/^tiny .*\/500 /.test(text) && sent++ === 0) interrupt(), interrupt();
  };
  const args = ["train", "tiny.yaml", "--set", "baseline=null", "--set", "training.steps=500"];
  const { code, stderr } = await plca(args, { cwd: folder, onWrite });
  assert.equal(code, 1);
  assert.match(stderr, /exit 130/);
});

tiny("a run that never made a step leaves no folder", async (folder) => {
  const set = ["data.val={type: folder, list: gone.txt}", "data.root=."];
  const { code } = await plca(["train", "tiny.yaml", ...set.flatMap((each) => ["--set", each])], {
    cwd: folder,
  });
  assert.equal(code, 2);
  assert.deepEqual(files(folder), ["tiny.yaml"]);
});

tiny("a loss of one's own that throws is named with its file and place", async (folder) => {
  await plca(["new", "loss", "mine"], { cwd: folder });
  const path = join(folder, "mine.ts");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    text.replace("const surest", 'throw new Error("boom");\n          const surest'),
  );
  const set = ["baseline=null", "losses=[{type: cross-entropy}, {use: ./mine.ts}]"];
  const { code, stderr } = await plca(["train", "tiny.yaml", ...set.flatMap((each) => ["--set", each])], {
    cwd: folder,
  });
  assert.equal(code, 2);
  assert.ok(stderr.includes(`loss "mine" (${path}, --set losses`), stderr);
  assert.ok(stderr.includes("boom"), stderr);
});

tiny("--debug-numerics names the operator that makes a NaN", async (folder) => {
  await plca(["new", "loss", "mine"], { cwd: folder });
  const path = join(folder, "mine.ts");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    text.replace("const surest", "tf.sum(tf.log(tf.fill([5], -2)));\n          const surest"),
  );
  const set = ["baseline=null", "losses=[{type: cross-entropy}, {use: ./mine.ts}]"];
  const args = ["train", "tiny.yaml", ...set.flatMap((each) => ["--set", each])];
  assert.equal((await plca(args, { cwd: folder })).code, 0);
  const { code, stderr } = await plca([...args, "--debug-numerics"], { cwd: folder });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^loss "mine" \(.*\) threw at line \d+: the operator Log made NaN from finite inputs of shape \[5\]; its result has the shape \[5\]\n/,
  );
});

tiny("train --json prints every event as a line of JSON and nothing else", async (folder) => {
  const { code, stdout, stderr } = await plca(["train", "tiny.yaml", "--json"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  const events: { time: string; type: string; phase: string; step?: number }[] = stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  // Every step, while the log has every tenth and the last.
  assert.deepEqual(
    events.filter(({ type }) => type === "step").map(({ phase, step }) => `${phase} ${step}`),
    ["source-only 1", "source-only 2", "source-only 3", "tiny 1", "tiny 2", "tiny 3"],
  );
  assert.deepEqual([events[0]!.type, events.at(-1)!.type], ["start", "end"]);
  assert.equal(events[0]!.time, "2030-01-02T00:00:00.000Z");
});

tiny("train --quiet prints the result alone; a Ctrl-C is answered on standard error", async (folder) => {
  const { code, stdout, stderr } = await plca(["train", "tiny.yaml", "--quiet"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /\nThe run lies in runs\/tiny-001\.\n$/);
  assert.match(stdout, /^IoU % +source-only +tiny +difference\n/);
  assert.doesNotMatch(stdout, /steps\/s|seed/);
  let told = false;
  const stopped = await plca(["train", "tiny.yaml", "--json", "--set", "baseline="], {
    cwd: folder,
    onWrite(text, interrupt) {
      if (told || !text.includes('"step":2')) return;
      told = true;
      interrupt();
    },
  });
  assert.equal(stopped.code, 130);
  assert.equal(
    stopped.stderr,
    "Stopping after the step or image in work, with a checkpoint. Ctrl-C again stops at once.\n",
  );
  for (const line of stopped.stdout.trimEnd().split("\n")) JSON.parse(line);
});
