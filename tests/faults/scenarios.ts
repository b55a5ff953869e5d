/** Faults that are really injected, and what a run makes of them. */
import assert from "node:assert/strict";
import { Random } from "../../core/random.ts";
import { alike, type Ended, inFolder, logged, type Outcome, outcome, plca, RECIPE, start } from "./child.ts";

/** A fault, tried several times. */
export interface Scenario {
  readonly name: string;
  /** How often it is tried unless told otherwise. */
  readonly times: number;
  /** Why it cannot be tried on this machine; undefined where it can. */
  unavailable?(): Promise<string | undefined>;
  /**
   * Throws when the run did not come through. Returns the steps that had to be computed again and, where there is
   * something to tell, a remark.
   */
  run(attempt: number, whole: Outcome): Promise<Result>;
}

/** What an attempt cost. */
export interface Result {
  readonly again: number;
  readonly remark?: string;
}

const TRAIN = ["train", "tiny.yaml", "--run", "run"];
const RESUME = ["train", "--resume", "run"];

/** The run that nothing happens to, with `more` at the recipe's end. */
export function undisturbed(): Promise<Outcome> {
  return inFolder(async (folder) => {
    succeeded(await plca(TRAIN, folder));
    return await outcome(`${folder}/run`);
  });
}

function succeeded({ code, stderr, stdout }: Ended): void {
  assert.equal(code, 0, `status ${code}\n${stderr}${stdout.slice(-500)}`);
}

/** The run goes on and ends like the undisturbed one. @returns the steps computed twice */
async function goesOn(folder: string, whole: Outcome): Promise<number> {
  const finished = await exists(`${folder}/run/evaluation.json`);
  const before = await logged(`${folder}/run`);
  succeeded(await plca(RESUME, folder));
  assert.ok(
    alike(await outcome(`${folder}/run`), whole),
    "the resumed run ended with other weights or numbers",
  );
  const { resumed } = await logged(`${folder}/run`);
  return finished ? 0 : before.last - (resumed.at(-1) ?? 0);
}

/** Ended with status 2 and these words, without a stack. */
function refused({ code, stderr, stdout }: Ended, pattern: RegExp): void {
  assert.equal(code, 2, `status ${code}\n${stderr}${stdout.slice(-500)}`);
  assert.match(stderr, pattern);
  assert.doesNotMatch(stderr, /\n\s+at /);
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const kill: Scenario = {
  name: "SIGKILL at a random moment",
  times: 30,
  run: (attempt, whole) =>
    inFolder(async (folder) => {
      const random = Random.stream(attempt, "faults/kill");
      const child = start(TRAIN, folder);
      await child.line(/^tiny: 24 steps/);
      await sleep(random.uniform(0, 3000));
      child.kill("SIGKILL");
      const { code } = await child.ended;
      const writing = await exists(`${folder}/run/checkpoints/last.safetensors.part`);
      const again = await goesOn(folder, whole);
      return {
        again,
        ...(code === 0 ? { remark: "after its end" } : writing ? { remark: "in a write" } : {}),
      };
    }),
};

const killedTwice: Scenario = {
  name: "SIGKILL of the run and of its resumption",
  times: 5,
  run: (attempt, whole) =>
    inFolder(async (folder) => {
      const random = Random.stream(attempt, "faults/twice");
      const first = start(TRAIN, folder);
      await first.line(/^tiny +\d+\/24 /);
      await sleep(random.uniform(0, 500));
      first.kill("SIGKILL");
      await first.ended;
      const second = start(RESUME, folder);
      await second.line(/^tiny: goes on|^tiny: 24 steps/);
      await sleep(random.uniform(0, 500));
      second.kill("SIGKILL");
      await second.ended;
      return { again: await goesOn(folder, whole) };
    }),
};

function signalled(signal: "SIGINT" | "SIGTERM"): Scenario {
  return {
    name: signal,
    times: 3,
    run: (attempt, whole) =>
      inFolder(async (folder) => {
        const child = start(TRAIN, folder);
        await child.line(/^tiny +\d+\/24 /);
        await sleep(Random.stream(attempt, signal).uniform(0, 400));
        child.kill(signal);
        const { code, stdout } = await child.ended;
        assert.equal(code, 130, stdout);
        assert.match(stdout, /\nInterrupted in tiny after \d+ of 24 steps\.\n/);
        const again = await goesOn(folder, whole);
        assert.equal(again, 0, "an interruption must lose nothing");
        return { again };
      }),
  };
}

/** Calls `body` with a folder of `size` on a file system of its own. */
async function onSmallDisk<T>(size: string, body: (folder: string) => Promise<T>): Promise<T> {
  return await inFolder(async (folder) => {
    const disk = `${folder}/disk`;
    await Deno.mkdir(disk);
    await command("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk);
    try {
      await Deno.writeTextFile(`${disk}/tiny.yaml`, RECIPE);
      return await body(disk);
    } finally {
      await command("umount", disk);
    }
  });
}

async function command(name: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args, stderr: "piped" }).output();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function mountable(): Promise<string | undefined> {
  try {
    await onSmallDisk("64k", () => Promise.resolve());
    return undefined;
  } catch (error) {
    return `a small file system cannot be mounted here (${(error as Error).message.trim().split("\n")[0]})`;
  }
}

const KEEP_ALL = ["--set", "training.keep_checkpoints=1000"];

const diskFull: Scenario = {
  name: "disk full",
  times: 2,
  unavailable: mountable,
  run: (attempt, whole) =>
    onSmallDisk(["3m", "5m"][attempt % 2]!, async (disk) => {
      refused(
        await plca([...TRAIN, ...KEEP_ALL], disk),
        /^\S+\/run\/\S+: cannot be written \(No space left on device.*\)\nthe weights after step \d+ could not be written: /,
      );
      await command("mount", "-o", "remount,size=64m", disk);
      return { again: await goesOn(disk, whole) };
    }),
};

const readOnly: Scenario = {
  name: "run folder becomes read-only",
  times: 2,
  async unavailable() {
    const folder = await Deno.makeTempDir();
    try {
      await immutable(folder, true);
      await immutable(folder, false);
      return undefined;
    } catch (error) {
      return `a folder cannot be made immutable here (${(error as Error).message.trim().split("\n")[0]})`;
    } finally {
      await Deno.remove(folder);
    }
  },
  run: (_, whole) =>
    inFolder(async (folder) => {
      const child = start(TRAIN, folder);
      await child.line(/^tiny +[5-9]\/24 /);
      // Also for a superuser, whom permissions do not stop.
      await immutable(`${folder}/run/checkpoints`, true);
      const told = await child.ended;
      await immutable(`${folder}/run/checkpoints`, false);
      refused(told, /\/run\/checkpoints\/\S+: cannot be written \(Operation not permitted.*\)/);
      return { again: await goesOn(folder, whole) };
    }),
};

const immutable = (folder: string, on: boolean) => command("chattr", on ? "+i" : "-i", folder);

const folderDeleted: Scenario = {
  name: "run folder is deleted",
  times: 2,
  run: () =>
    inFolder(async (folder) => {
      const child = start(TRAIN, folder);
      await child.line(/^tiny +\d+\/24 /);
      await Deno.remove(`${folder}/run`, { recursive: true });
      const told = await child.ended;
      refused(told, /\/run\/checkpoints\/\S+: cannot be written \(No such file or directory.*\)/);
      return { again: 0, remark: "nothing is left to go on with; the message says so" };
    }),
};

const twoProcesses: Scenario = {
  name: "two processes on one run folder",
  times: 2,
  run: (_, whole) =>
    inFolder(async (folder) => {
      const first = start(TRAIN, folder);
      await first.line(/^tiny: 24 steps/);
      refused(
        await plca(RESUME, folder),
        /^\S+\/run: another process trains in this folder; wait for it, or stop it\n$/,
      );
      succeeded(await first.ended);
      assert.ok(alike(await outcome(`${folder}/run`), whole));
      return { again: 0 };
    }),
};

const clockJumps: Scenario = {
  name: "clock that jumps by days",
  times: 2,
  run: (_, whole) =>
    inFolder(async (folder) => {
      succeeded(await plca(TRAIN, folder, new URL("clock_jumps.ts", import.meta.url)));
      assert.ok(alike(await outcome(`${folder}/run`), whole));
      return { again: 0 };
    }),
};

const dyingWorker: Scenario = {
  name: "loader worker that dies",
  times: 2,
  run: (_, whole) =>
    inFolder(async (folder) => {
      const set = ["--set", "training.steps=100000", "--set", "training.validate_every=0"];
      refused(
        await plca(
          [...TRAIN.slice(0, 2), "--run", "long", ...set],
          folder,
          new URL("dying_worker.ts", import.meta.url),
        ),
        /^a worker that prepares images stopped: struck by the test; with `input\.workers: 0` the main thread prepares them\nthe weights after step \d+ lie in \S+\n$/,
      );
      const child = start(TRAIN, folder, new URL("dying_worker.ts", import.meta.url));
      await child.ended;
      return { again: await goesOn(folder, whole) };
    }),
};

const imageDisappears: Scenario = {
  name: "image that disappears",
  times: 2,
  run: () =>
    inFolder(async (folder) => {
      await drawImages(folder, 60);
      const set = ["--set", "input.workers=0"];
      const train = (run: string) => ["train", "images.yaml", "--run", run, ...set];
      succeeded(await plca(train("whole"), folder));
      const child = start(train("run"), folder);
      await child.line(/^images +[2-9]\/24 /);
      const names = [...Deno.readDirSync(`${folder}/images`)].map(({ name }) => name);
      await Deno.rename(`${folder}/images`, `${folder}/away`);
      refused(
        await child.ended,
        /^\S+\/images\/\d+\.png: there is no such file\nthe weights after step \d+ lie in \S+\n.* plca data check run\/config\.yaml names every broken file at once\n$/,
      );
      await Deno.rename(`${folder}/away`, `${folder}/images`);
      assert.equal(names.length, 60);
      return { again: await goesOn(folder, await outcome(`${folder}/whole`)) };
    }),
};

const outOfHeap: Scenario = {
  name: "out of the tensors' memory",
  times: 1,
  run: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/hungry.ts`, HUNGRY);
      await Deno.writeTextFile(`${folder}/hungry.yaml`, HUNGRY_RECIPE);
      const told = await plca(["train", "hungry.yaml", "--run", "run"], folder);
      refused(told, /memory.*\n*.*(training\.batch|input\.crop)/);
      assert.match(told.stderr, /the weights after step 5 lie in \S+\n$/);
      succeeded(await plca(["eval", "--run", "run"], folder));
      return { again: 0, remark: "the checkpoint of the step before is whole" };
    }),
};

/** From the sixth step on it keeps more and more tensors. */
const HUNGRY = `const kept = [];
export default ({ tf, z, definePlugin }) => definePlugin({
  kind: "loss", name: "hungry", summary: "eats memory", options: z.strictObject({}),
  plan: () => ({
    needs: { taps: [], target: false },
    create: () => ({
      compute({ step, source }) {
        while (step >= 5) kept.push(tf.keep(tf.fill([64, 1024, 1024], kept.length)));
        return { loss: tf.mul(0, tf.sum(source.logits)) };
      },
    }),
  }),
});
`;

const HUNGRY_RECIPE = `extends: ./tiny.yaml
name: hungry
losses: { hungry: { use: ./hungry.ts, weight: 0 } }
`;

/** Small noise images with labels, and a recipe that reads them. */
async function drawImages(folder: string, count: number): Promise<void> {
  const { encode } = await import("fast-png");
  const random = Random.stream(1, "faults/images");
  for (const kind of ["images", "labels"]) await Deno.mkdir(`${folder}/${kind}`);
  const side = 32;
  for (let k = 0; k < count; k++) {
    const image = Uint8Array.from({ length: side * side * 3 }, () => random.integer(0, 255));
    const labels = Uint8Array.from({ length: side * side }, () => random.integer(0, 1));
    const name = `${String(k).padStart(3, "0")}.png`;
    await Deno.writeFile(
      `${folder}/images/${name}`,
      encode({ width: side, height: side, channels: 3, data: image }),
    );
    await Deno.writeFile(
      `${folder}/labels/${name}`,
      encode({ width: side, height: side, channels: 1, data: labels }),
    );
  }
  const data = "{ type: folder, images: images, labels: labels, classes: { a: [0], b: [1] } }";
  await Deno.writeTextFile(
    `${folder}/images.yaml`,
    `extends: ./tiny.yaml
name: images
data: { root: ., source: ${data}, target: ${data}, val: ${data} }
`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** All of them, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  kill,
  killedTwice,
  signalled("SIGINT"),
  signalled("SIGTERM"),
  diskFull,
  readOnly,
  folderDeleted,
  imageDisappears,
  dyingWorker,
  outOfHeap,
  twoProcesses,
  clockJumps,
];
