/** What happens to files of one process ends the job with one message; the checkpoint is whole and goes on. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { Random } from "../../core/random.ts";
import { weightsOf } from "./bad_loss.ts";
import { assertSuccess, mpiTest, runJob, said, stepOf } from "./launching.ts";
import { recipeText } from "./recipes.ts";

function run(folder: string, words: readonly string[], behind: readonly string[] = []) {
  return runJob({ processes: 2, args: ["cli/main.ts", "train", ...words, "--quiet"], cwd: folder, behind });
}

function command(name: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(name, { args, stderr: "piped" }).outputSync();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

function mount(folder: string, size: string): void {
  command("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
}

/** Why no small file system can be had here; undefined where it can. */
function unmountable(): string | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    mount(folder, "64k");
    command("umount", folder);
    return undefined;
  } catch {
    return "no small file system can be mounted";
  } finally {
    Deno.removeSync(folder);
  }
}

mpiTest(
  "a full disk under the first process ends all with its message, and the run goes on",
  async (folder) => {
    const disk = `${folder}/disk`;
    const training = {
      ...{ steps: 12, batch: 2, validate_every: 0, log_every: 1 },
      ...{ checkpoint_every: 1, keep_checkpoints: 1000 },
    };
    const write = (place: string) =>
      Deno.writeTextFileSync(`${place}/tiny.yaml`, recipeText("plca", { name: "tiny", training }));
    write(folder);
    assertSuccess(await run(folder, ["tiny.yaml", "--run", "whole"]));
    Deno.mkdirSync(disk);
    mount(disk, "3m");
    try {
      write(disk);
      const { code, stderr, seconds } = await run(disk, ["tiny.yaml", "--run", "run"]);
      assert.notEqual(code, 0);
      assert.match(
        said(stderr),
        /^rank 0 of 2: .*\/run\/\S+: cannot be written \(No space left on device.*\)\nthe weights after step \d+ could not be written: .*\nthose after step \d+ lie in .*\/last\.safetensors\nrank 0 of 2 on \S+ ended the job$/,
      );
      assert.ok(seconds < 60, `${seconds} s`);
      const reached = stepOf(`${disk}/run/events.jsonl`);
      assert.ok(reached > 1 && reached < 12, `step ${reached}`);
      command("mount", "-o", "remount,size=64m", disk);
      assertSuccess(await run(disk, ["--resume", "run"]));
      assert.deepEqual(weightsOf(`${disk}/run`), weightsOf(`${folder}/whole`));
    } finally {
      // A process that was ended just now may still have it open.
      command("umount", "-l", disk);
    }
  },
  unmountable(),
);

/** Images of noise with labels in `disk/data`, and beside it a recipe that reads them. */
function drawImages(folder: string): void {
  const random = Random.stream(1, "processes/images"), side = 40;
  const draw = (channels: number, most: number) =>
    encode({
      width: side,
      height: side,
      channels,
      data: Uint8Array.from({ length: side * side * channels }, () => random.integer(0, most)),
    });
  for (const kind of ["images", "labels"]) Deno.mkdirSync(`${folder}/disk/data/${kind}`, { recursive: true });
  for (let k = 0; k < 8; k++) {
    Deno.writeFileSync(`${folder}/disk/data/images/${k}.png`, draw(3, 255));
    Deno.writeFileSync(`${folder}/disk/data/labels/${k}.png`, draw(1, 1));
  }
  const data = { type: "folder", images: "images", labels: "labels", classes: { a: [0], b: [1] } };
  const training = { steps: 8, batch: 2, validate_every: 0, log_every: 1, checkpoint_every: 1 };
  const recipe = {
    name: "images",
    training,
    data: { root: "disk/data", source: data, target: data, val: null, test: null },
  };
  Deno.writeTextFileSync(`${folder}/images.yaml`, recipeText("plca", recipe));
}

mpiTest(
  "an image that one process cannot read ends all, is named with the rank, and the run goes on",
  async (folder) => {
    drawImages(folder);
    assertSuccess(await run(folder, ["images.yaml", "--run", "whole"]));
    // The process 1 is the first to read it, in the second step.
    const broken = `${folder}/disk/data/images/7.png`, bytes = Deno.readFileSync(broken);
    Deno.writeFileSync(broken, bytes.subarray(0, 300));
    const { code, stderr, seconds } = await run(folder, ["images.yaml", "--run", "run"]);
    assert.notEqual(code, 0);
    assert.match(
      said(stderr),
      /^.*\/images\/7\.png: .* \(rank 1 of 2\)\nthe weights after step 1 lie in .*last\.safetensors\n.* data check run\/config\.yaml names every broken file at once\nrank 0 of 2 on \S+ ended the job$/,
    );
    assert.equal(stderr.split("7.png").length, 2);
    assert.ok(seconds < 60, `${seconds} s`);
    Deno.writeFileSync(broken, bytes);
    assertSuccess(await run(folder, ["--resume", "run"]));
    assert.deepEqual(weightsOf(`${folder}/run`), weightsOf(`${folder}/whole`));
  },
);

/** Runs a command so that the process 1 alone finds nothing in a folder, as where it was not mounted. */
const HIDING = `
folder=$1
shift
[ "$PMI_RANK" = 1 ] || exec "$@"
exec unshare --mount sh -c 'mount -t tmpfs tmpfs "$0" && exec "$@"' "$folder" "$@"
`;

mpiTest(
  "a process that cannot see the data ends all before the first step, with its rank",
  async (folder) => {
    drawImages(folder);
    const behind = ["sh", "-c", HIDING, "sh", `${folder}/disk`];
    const { code, stderr, seconds } = await run(folder, ["images.yaml", "--run", "run"], behind);
    assert.notEqual(code, 0);
    assert.match(
      said(stderr),
      /^data\.root .*\/disk\/data: there is no such folder \(rank 1 of 2\)\nrank 0 of 2 on \S+ ended the job$/,
    );
    assert.ok(seconds < 60, `${seconds} s`);
  },
  unmountable(),
);
