/** `plca train --launch` with a launcher that is not there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandOf } from "../../cli/grammar.ts";
import type { Job } from "../../cli/job.ts";
import { launchTraining } from "../../cli/train/launch.ts";
import { inFolder, withHost } from "./fake_host.ts";
import { tinyRecipe } from "./tiny.ts";

const ARGUMENTS = {
  command: "train",
  recipe: "tiny.yaml",
  set: [],
  name: undefined,
  run: undefined,
  resume: undefined,
  restarts: 0,
  quiet: false,
  json: false,
  runs: "runs",
} as unknown as CommandOf<"train">;

interface Options {
  readonly folder: string;
  /** The words that the person typed. */
  readonly words?: readonly string[];
  readonly args?: Partial<CommandOf<"train">>;
  /** The status of each start; undefined: there is no such program. */
  readonly codes: readonly (number | undefined)[];
  /** Before a start ends. */
  readonly during?: (start: number, interrupt: () => void) => Promise<void>;
  readonly launcher?: string;
}

/** Trains, and says what was started. */
async function launch(options: Options) {
  const { folder, words = ["train", "tiny.yaml", "--launch", "mpirun -n 4", "--restarts=2"], codes } =
    options;
  const { args = {}, during, launcher = "mpirun  -n 4 " } = options;
  await Deno.writeTextFile(join(folder, "tiny.yaml"), tinyRecipe("name: tiny\n"));
  const lines: { launcher: readonly string[]; args: readonly string[]; cwd: string }[] = [];
  const { result, stderr } = await withHost({ cwd: folder, args: words }, (host) => {
    let interrupt = () => {};
    const processes = {
      ...host.processes!,
      async launch(launcher: readonly string[], wanted: { args: readonly string[]; cwd: string }) {
        lines.push({ launcher, ...wanted });
        await during?.(lines.length, () => interrupt());
        return codes[lines.length - 1];
      },
    };
    const onInterrupt = (handler: (count: number) => void) => {
      interrupt = () => handler(1);
      return () => {};
    };
    return launchTraining({ ...host, processes, onInterrupt }, { ...ARGUMENTS, ...args }, launcher);
  });
  return { result, stderr, lines };
}

Deno.test("launchTraining: makes the run's folder and starts the same line in it, behind the launcher's words", () =>
  inFolder(async (folder) => {
    const { result, stderr, lines } = await launch({ folder, codes: [0] });
    const run = join(folder, "runs/tiny-001");
    assert.deepEqual([result, stderr], [0, ""]);
    assert.deepEqual(lines, [{
      launcher: ["mpirun", "-n", "4"],
      args: ["train", "tiny.yaml", "--run", run],
      cwd: folder,
    }]);
    assert.ok((await Deno.stat(run)).isDirectory);
  }));

Deno.test("launchTraining: the folder that was asked for, by its name or by --name", () =>
  inFolder(async (folder) => {
    const words = ["train", "tiny.yaml", "--run=mine", "--launch=mpirun", "--set", "seed=3"];
    const mine = await launch({ folder, words, codes: [0], args: { run: "mine", set: ["seed=3"] } });
    assert.deepEqual(mine.lines[0]!.args, [
      "train",
      "tiny.yaml",
      "--set",
      "seed=3",
      "--run",
      join(folder, "mine"),
    ]);
    const named = await launch({ folder, codes: [0], args: { name: "own" } });
    assert.equal(named.lines[0]!.args.at(-1), join(folder, "runs/own-001"));
  }));

Deno.test("launchTraining: a process that died is started again, from the last checkpoint where there is one", () =>
  inFolder(async (folder) => {
    const run = join(folder, "runs/tiny-001");
    const { result, stderr, lines } = await launch({
      folder,
      codes: [137, 1, 0],
      args: { restarts: 3, quiet: true, json: true },
      during: async (start) => {
        if (start !== 2) return;
        await Deno.mkdir(join(run, "baseline/checkpoints"), { recursive: true });
        await Deno.writeTextFile(join(run, "baseline/checkpoints/last.safetensors"), "");
      },
    });
    assert.equal(result, 0);
    const again = ["train", "--resume", run, "--quiet", "--json"];
    assert.deepEqual(lines.slice(1).map(({ args }) => args), [again, again]);
    assert.equal(
      stderr,
      "A process died (status 137); runs/tiny-001 goes on from its start, 2 restarts left.\n" +
        "A process died (status 1); runs/tiny-001 goes on from the last checkpoint, 1 restart left.\n",
    );
  }));

Deno.test("launchTraining: begun often enough, the last status is returned", () =>
  inFolder(async (folder) => {
    const none = await launch({ folder, codes: [1, 0] });
    assert.deepEqual([none.result, none.lines.length], [1, 1]);
    const once = await launch({ folder, codes: [1, 139, 0], args: { restarts: 1 } });
    assert.deepEqual([once.result, once.lines.length], [139, 2]);
  }));

Deno.test("launchTraining: a mistake, Ctrl-C, or a death after Ctrl-C ends it", () =>
  inFolder(async (folder) => {
    for (const code of [2, 130]) {
      const { result, lines } = await launch({ folder, codes: [code, 0], args: { restarts: 5 } });
      assert.deepEqual([result, lines.length], [code, 1]);
    }
    const stopped = await launch({
      folder,
      codes: [1, 0],
      args: { restarts: 5 },
      during: (_, interrupt) => Promise.resolve(interrupt()),
    });
    assert.deepEqual([stopped.result, stopped.lines.length], [1, 1]);
  }));

Deno.test("launchTraining: a run that is resumed has its line as it was typed, without the launcher", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "R"));
    await Deno.writeTextFile(join(folder, "R/config.yaml"), tinyRecipe("name: tiny\n"));
    const words = ["train", "--resume", "R", "--launch", "mpirun -n 2", "--restarts", "3", "--quiet"];
    const { lines } = await launch({
      folder,
      words,
      codes: [1, 0],
      args: { resume: "R", restarts: 3, quiet: true },
    });
    assert.deepEqual(lines.map(({ args }) => args), [
      ["train", "--resume", "R", "--quiet"],
      ["train", "--resume", join(folder, "R"), "--quiet"],
    ]);
  }));

Deno.test("launchTraining: a launcher that is not there is named", () =>
  inFolder(async (folder) => {
    await assert.rejects(launch({ folder, codes: [undefined], launcher: "mpirum -n 4" }), {
      name: "UserError",
      message: '--launch "mpirum -n 4": there is no program mpirum',
    });
  }));

Deno.test("launchTraining: a process that a launcher started, or that may start none, launches nothing", () =>
  inFolder(async (folder) => {
    const message = "--launch: a launcher started this process already";
    await assert.rejects(
      withHost({ cwd: folder }, ({ processes: _, ...host }) => launchTraining(host, ARGUMENTS, "mpirun")),
      { name: "UserError", message },
    );
    await assert.rejects(
      withHost({ cwd: folder }, (host) => launchTraining({ ...host, job: {} as Job }, ARGUMENTS, "mpirun")),
      { name: "UserError", message },
    );
  }));
