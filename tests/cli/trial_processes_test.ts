/** Trials in processes that are not there: what is started, noted and told. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import type { PlcaStart, StartedPlca } from "../../cli/start_plca.ts";
import type { Trial } from "../../cli/trials.ts";
import { readCost, trainTrials } from "../../cli/trial_processes.ts";
import type { RunPlan } from "../../core/plan.ts";
import { evaluationOf } from "../report/evaluations.ts";
import { Exit, inFolder, withHost } from "./fake_host.ts";

const trialOf = (out: string, variant: string, seed = 0): Trial => ({
  variant,
  seed,
  plan: { name: variant, resolved: { name: variant, seed } } as unknown as RunPlan,
  folder: join(out, `${variant}-${seed}`),
});

/** What a process does; its status is 0 unless it says another. */
type Work = (start: PlcaStart, trial: string) => Promise<{ code?: number; stderr?: string } | void>;

interface Options {
  readonly out: string;
  readonly trials: readonly Trial[];
  readonly jobs?: number;
  readonly quiet?: boolean;
  readonly shares?: readonly (readonly number[])[];
  readonly work?: Work;
  /** Sees a line as it is told. */
  readonly onLine?: (line: string, interrupt: () => void) => void;
}

const finish = async (folder: string, miou = 0.5) => {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "evaluation.json"), JSON.stringify(evaluationOf({ miou })));
};

/** Trains with processes that only write what a training leaves. */
async function train(options: Options) {
  const { out, trials, jobs = 1, quiet = false, shares, onLine } = options;
  const work: Work = options.work ?? (async (_, folder) => void await finish(folder));
  const started: PlcaStart[] = [];
  let interrupted = 0, together = 0, most = 0;
  const start = (wanted: PlcaStart): StartedPlca => {
    started.push(wanted);
    most = Math.max(most, ++together);
    const at = wanted.args.indexOf("--run") + 1 || wanted.args.indexOf("--resume") + 1;
    return {
      ended: (async () => {
        const { code = 0, stderr = "" } = await work(wanted, wanted.args[at]!) ?? {};
        together -= 1;
        return { code, stderr };
      })(),
      peakMemory: () => 1000 * started.length,
      interrupt: () => interrupted += 1,
    };
  };
  const { result, stderr } = await withHost(
    { cwd: out, ...(onLine ? { onWrite: onLine } : {}) },
    (host) =>
      trainTrials({
        ...host,
        processes: {
          start,
          launch: () => Promise.resolve(undefined),
          sharesOfCores: () => Promise.resolve(shares),
        },
      }, { out, jobs, trials, quiet }),
  );
  return { result, stderr, started, interrupted, most };
}

const namesOf = (trials: Iterable<Trial>) => [...trials].map(({ variant, seed }) => `${variant}-${seed}`);

Deno.test("trainTrials: a recipe and a command line for each, one after the other, and what they reached", () =>
  inFolder(async (out) => {
    const trials = [trialOf(out, "a"), trialOf(out, "b", 7)];
    const { result, stderr, started, most } = await train({ out, trials });
    assert.deepEqual(
      started.map(({ args, cwd, cores }) => [args, cwd, cores]),
      trials.map((trial) => [
        ["train", join(out, "recipes", `${basename(trial.folder)}.yaml`), "--run", trial.folder, "--quiet"],
        out,
        undefined,
      ]),
    );
    assert.equal(await Deno.readTextFile(join(out, "recipes/b-7.yaml")), "name: b\nseed: 7\n");
    assert.deepEqual([most, namesOf(result!.done.keys()), result!.failures.size], [1, ["a-0", "b-7"], 0]);
    const reached = "mIoU 50.0 % at label size original 4x2";
    assert.equal(
      stderr,
      `1 of 2: a, seed 0\n  a, seed 0: ${reached}\n2 of 2: b, seed 7\n  b, seed 7: ${reached}\n`,
    );
  }));

Deno.test("trainTrials: what is finished is not trained again, what has a record is resumed", () =>
  inFolder(async (out) => {
    const trials = [trialOf(out, "a"), trialOf(out, "b"), trialOf(out, "c")];
    await finish(trials[0]!.folder, 0.25);
    await Deno.mkdir(trials[1]!.folder);
    await Deno.writeTextFile(join(trials[1]!.folder, "run.json"), "{}");
    // Of one that was stopped while it was recorded.
    await Deno.mkdir(trials[2]!.folder);
    await Deno.writeTextFile(join(trials[2]!.folder, "config.yaml.77.part"), "");
    const { result, stderr, started } = await train({ out, trials });
    assert.deepEqual(started.map(({ args }) => args.slice(0, 2)), [
      ["train", "--resume"],
      ["train", join(out, "recipes/c-0.yaml")],
    ]);
    assert.match(stderr, /^1 of 3 runs are finished already\n2 of 3: b, seed 0\n/);
    assert.deepEqual([...result!.done.values()].map(({ miou }) => miou), [0.25, 0.5, 0.5]);
    assert.deepEqual([...Deno.readDirSync(trials[2]!.folder)].map(({ name }) => name).sort(), [
      "cost.json",
      "evaluation.json",
    ]);
  }));

Deno.test("trainTrials: a trial of another recipe is refused before anything is started", () =>
  inFolder(async (out) => {
    const trials = [trialOf(out, "a"), trialOf(out, "b")];
    await Deno.mkdir(trials[1]!.folder);
    await Deno.writeTextFile(join(trials[1]!.folder, "config.yaml"), "name: b\nseed: 1\n");
    await assert.rejects(train({ out, trials }), {
      name: "UserError",
      message: "b-0 was trained with another recipe or other settings; choose another --out",
    });
    assert.deepEqual([...Deno.readDirSync(out)].map(({ name }) => name), ["b-0"]);
  }));

Deno.test("trainTrials: one that fails is named by its first line, and the others go on", () =>
  inFolder(async (out) => {
    const trials = ["a", "b", "c"].map((name) => trialOf(out, name));
    const { result, stderr } = await train({
      out,
      trials,
      quiet: true,
      work: async (_, folder) => {
        if (folder.endsWith("a-0")) return { code: 2, stderr: "\nno memory\n  at x\n" };
        if (folder.endsWith("b-0")) return { code: 137, stderr: " \n" };
        await finish(folder);
      },
    });
    const silent = "its process ended with status 137 without a word";
    assert.deepEqual([...result!.failures.values()], ["no memory", silent]);
    assert.deepEqual(namesOf(result!.done.keys()), ["c-0"]);
    // Quiet, but for failures.
    assert.equal(stderr, `  a, seed 0 failed: no memory\n  b, seed 0 failed: ${silent}\n`);
  }));

Deno.test("trainTrials: several at a time have a part of the cores each, or all where that cannot be", () =>
  inFolder(async (out) => {
    const trials = ["a", "b", "c"].map((name) => trialOf(out, name));
    /** Work that ends when so many processes were started. */
    const together = (count: number): Work => {
      let started = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      return async (_, folder) => {
        if (++started === count) resolve();
        await promise;
        await finish(folder);
      };
    };
    const shares = [[0, 1], [2]];
    const first = await train({ out, trials, jobs: 2, shares, work: together(2) });
    assert.equal(first.most, 2);
    // Both begin at once, and either may be the first to have its folder.
    const given = first.started.slice(0, 2).map(({ cores }) => cores!);
    assert.deepEqual(given.sort((a, b) => a[0]! - b[0]!), shares);
    assert.ok(!first.stderr.includes("share all cores"));
    for (const { folder } of trials) await Deno.remove(folder, { recursive: true });
    const { stderr, started, most } = await train({ out, trials, jobs: 8, work: together(3) });
    assert.match(stderr, /^3 processes share all cores: they cannot be held to parts of them here\n/);
    assert.deepEqual([most, started.map(({ cores }) => cores)], [3, [undefined, undefined, undefined]]);
  }));

Deno.test("trainTrials: after Ctrl-C nothing more begins, those in work are told, and the rest is said", () =>
  inFolder(async (out) => {
    const trials = ["a", "b", "c"].map((name) => trialOf(out, name));
    const { result, stderr, started, interrupted } = await train({
      out,
      trials,
      onLine: (line, interrupt) => line.startsWith("2 of 3") && interrupt(),
      work: async (_, folder) => folder.endsWith("a-0") ? void await finish(folder) : { code: 130 },
    });
    assert.equal(result, undefined);
    // The line is written before its process is there.
    assert.deepEqual([started.length, interrupted], [2, 0]);
    assert.match(
      stderr,
      /\n2 of 3: b, seed 0\nStopping after the step or image in work\. Ctrl-C again stops at once\.\nInterrupted with 1 of 3 runs finished; the same command goes on\.\n$/,
    );
  }));

Deno.test("trainTrials: the second Ctrl-C ends the process", () =>
  inFolder(async (out) => {
    const onLine = (line: string, interrupt: () => void) => {
      if (line.startsWith("1 of 1")) interrupt(), interrupt();
    };
    await assert.rejects(
      train({ out, trials: [trialOf(out, "a")], onLine }),
      (error) => error instanceof Exit && error.code === 130,
    );
  }));

Deno.test("trainTrials: where no process may be started that is said", () =>
  inFolder(async (out) => {
    const started = withHost({ cwd: out }, ({ processes: _, ...host }) =>
      trainTrials(host, { out, jobs: 1, trials: [], quiet: true }));
    await assert.rejects(started, {
      name: "UserError",
      message: "no other process may be started from here",
    });
  }));

Deno.test("readCost: the most memory over all calls; empty where nothing was noted", () =>
  inFolder(async (out) => {
    const trial = trialOf(out, "a");
    assert.deepEqual(await readCost(trial.folder), {});
    await Deno.mkdir(trial.folder);
    await Deno.writeTextFile(join(trial.folder, "run.json"), "{}");
    await train({ out, trials: [trial], work: () => Promise.resolve({ code: 1 }) });
    assert.deepEqual(await readCost(trial.folder), { peakBytes: 1000 });
    await Deno.writeTextFile(join(trial.folder, "cost.json"), '{"peakBytes": 5000}');
    await train({ out, trials: [trial] });
    assert.deepEqual(await readCost(trial.folder), { peakBytes: 5000 });
    await Deno.writeTextFile(join(trial.folder, "cost.json"), "{");
    assert.deepEqual(await readCost(trial.folder), {});
  }));
