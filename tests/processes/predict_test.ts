/** Images that several processes label are those that one labels, and so is what it says of them. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { Random } from "../../core/random.ts";
import {
  assertSuccess,
  type JobOutcome,
  mpiTest,
  ranksOf,
  runJob,
  said,
  startJob,
  until,
} from "./launching.ts";
import { recipeText } from "./recipes.ts";

/** A trained network, and five images of which one cannot be read; neither 2 nor 3 processes have as many each. */
async function prepare(folder: string): Promise<void> {
  const random = Random.stream(0, "processes/predict");
  Deno.mkdirSync(`${folder}/in`);
  for (const [k, name] of ["a", "b", "c", "d", "e"].entries()) {
    const [width, height] = [30 + k, 20];
    const data = Uint8Array.from({ length: width * height * 3 }, () => random.integer(0, 255));
    Deno.writeFileSync(`${folder}/in/${name}.png`, encode({ width, height, channels: 3, data }));
  }
  Deno.writeTextFileSync(`${folder}/in/d.png`, "no image");
  const training = { steps: 2, batch: 2, validate_every: 0 };
  Deno.writeTextFileSync(`${folder}/tiny.yaml`, recipeText("plca", { name: "tiny", training }));
  const args = ["cli/main.ts", "train", "tiny.yaml", "--quiet", "--run", "run"];
  assertSuccess(await runJob({ processes: 1, args, cwd: folder }));
}

function predict(folder: string, processes: number, words: readonly string[]): Promise<JobOutcome> {
  const checkpoint = "run/checkpoints/last.safetensors";
  const args = ["cli/main.ts", "predict", ...words, "--checkpoint", checkpoint];
  return runJob({ processes, args, cwd: folder });
}

/** All files below a folder. */
function filesIn(folder: string): Record<string, Uint8Array> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
      isDirectory
        ? Object.entries(filesIn(`${folder}/${name}`)).map(([path, bytes]) => [`${name}/${path}`, bytes])
        : [[name, Deno.readFileSync(`${folder}/${name}`)]]
    ),
  );
}

mpiTest("2 and 3 processes label images byte for byte as one does, and say the same", async (folder) => {
  await prepare(folder);
  const words = ["in", "--out", "out", "--confidence"];
  const ended = [];
  for (const processes of [1, 2, 3]) {
    const { code, stdout, stderr } = await predict(folder, processes, words);
    ended.push({
      code,
      stdout,
      stderr: stderr.split("\n=====")[0]!.trimEnd(),
      files: filesIn(`${folder}/out`),
    });
    Deno.removeSync(`${folder}/out`, { recursive: true });
  }
  const [one, ...others] = ended;
  assert.deepEqual(Object.keys(one!.files).sort().slice(0, 5), [
    ...["classes.json", "confidence/a.png", "confidence/b.png", "confidence/c.png", "confidence/e.png"],
  ]);
  assert.equal(one!.code, 2);
  assert.match(one!.stdout, /^4 images labelled by run\/checkpoints\/last\.safetensors: /);
  assert.match(one!.stderr, /^1 of 5 images could not be labelled:\n {2}in\/d\.png: /);
  for (const other of others) assert.deepEqual(other, one);

  const lines = async (processes: number) => {
    const { stdout } = await predict(folder, processes, [...words, "--force", "--json"]);
    return stdout;
  };
  assert.equal(await lines(2), await lines(1));

  Deno.removeSync(`${folder}/in/d.png`);
  const { code, stderr } = await predict(folder, 2, words);
  assert.notEqual(code, 0);
  assert.match(
    said(stderr),
    /^out\/labels\/a\.png and 11 more would be overwritten; choose another --out, or allow it with --force\nrank 0 of 2 on \S+ ended the job$/,
  );
});

mpiTest("what the first process does alone may fail without the others", async (folder) => {
  await prepare(folder);
  for (
    const [words, message] of [
      [
        [
          "predict",
          "in/a.png",
          "--checkpoint",
          "run/checkpoints/last.safetensors",
          "--out",
          "out",
          "--watch",
        ],
        "in/a.png: --watch needs folders that are there",
      ],
      [["report", "in/a.png"], undefined],
    ] as const
  ) {
    const { code, stderr, seconds } = await runJob({
      processes: 2,
      args: ["cli/main.ts", ...words],
      cwd: folder,
    });
    assert.notEqual(code, 0);
    assert.ok(seconds < 60, String(seconds));
    if (message !== undefined) assert.equal(stderr.split("\n")[0], message);
    assert.equal(stderr.split("in/a.png").length, 2, stderr);
  }
});

mpiTest("SIGTERM to one process ends the labelling of all after the images in work", async (folder) => {
  await prepare(folder);
  const count = 3000;
  for (let k = 0; k < count; k++) Deno.linkSync(`${folder}/in/a.png`, `${folder}/in/${k}.png`);
  const checkpoint = "run/checkpoints/last.safetensors";
  const args = [
    "cli/main.ts",
    "predict",
    "in",
    "--out",
    "out",
    "--checkpoint",
    checkpoint,
    "--overlays",
    "none",
  ];
  const job = startJob({ processes: 2, args, cwd: folder });
  const labelled = () => {
    try {
      return [...Deno.readDirSync(`${folder}/out/labels`)].length;
    } catch {
      return 0;
    }
  };
  await until(() => labelled() >= 4);
  Deno.kill((await ranksOf(job.pid)).at(-1)!, "SIGTERM");
  const { code, stdout, stderr } = await job.ended;
  assert.equal(code, 130, stderr);
  const [, done] = /^Interrupted after (\d+) of 3005 images\.$/m.exec(stderr)!;
  assert.ok(Number(done) < 3005 && Number(done) % 2 === 0, stderr);
  assert.match(stdout, new RegExp(`^${done} images labelled by run/`));
  assert.equal(labelled(), Number(done));
});
