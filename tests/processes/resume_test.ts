/** A run goes on: with another number of processes, after a signal, and by itself. */
import assert from "node:assert/strict";
import { copyFolder, jobOf, weightsOf } from "./bad_loss.ts";
import {
  assertSuccess,
  childrenOf,
  launcher,
  mpiTest,
  ranksOf,
  runJob,
  startJob,
  stepOf,
  until,
} from "./launching.ts";

/** The objective in every step, by the log; of a step that was made twice the later one. */
function totals(run: string): Map<number, number> {
  const lines = Deno.readTextFileSync(`${run}/events.jsonl`).split("\n").filter((line) =>
    line.includes('"step",')
  );
  return new Map(lines.map((line) => JSON.parse(line)).map(({ step, total }) => [step, total]));
}

/** Starts a run of several processes, stops it after some steps and waits for its end. */
async function stopped(folder: string, run: string, processes: number): Promise<void> {
  const job = startJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", run], { processes }));
  await until(() => stepOf(`${folder}/${run}/events.jsonl`) >= 4);
  job.kill("SIGTERM");
  await job.ended;
  const step = stepOf(`${folder}/${run}/events.jsonl`);
  assert.ok(step >= 4 && step < 9, `stopped after step ${step}`);
}

mpiTest(
  "a run goes on with another number of processes, with the losses of the whole one",
  async (folder) => {
    assertSuccess(await runJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "whole"])));
    const whole = totals(`${folder}/whole`);
    assert.equal(whole.size, 9);
    await stopped(folder, "by-1", 1);
    await stopped(folder, "by-2", 2);
    for (const [from, processes] of [[1, 2], [2, 1], [2, 4]] as const) {
      const run = `from-${from}-by-${processes}`;
      await copyFolder(`${folder}/by-${from}`, `${folder}/${run}`);
      assertSuccess(await runJob(jobOf(folder, ["--resume", run, "--quiet"], { processes })));
      const found = totals(`${folder}/${run}`);
      assert.equal(found.size, 9);
      for (const [step, total] of found) {
        const expected = whole.get(step)!;
        assert.ok(
          Math.abs(total - expected) < 1e-5 * Math.abs(expected),
          `${run}, step ${step}: ${total}, ${expected}`,
        );
      }
    }
  },
);

mpiTest("--restarts goes on from the last checkpoint when a process was killed", async (folder) => {
  const words = ["bad.yaml", "--run", "run", "--launch", `${launcher} -n 2`, "--restarts", "2"];
  const job = startJob(jobOf(folder, words, { processes: 1 }));
  await until(() => stepOf(`${folder}/run/events.jsonl`) >= 4);
  const [mpi] = await childrenOf(job.pid);
  Deno.kill((await ranksOf(mpi!))[1]!, "SIGKILL");
  const { code, stderr, stdout } = await job.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /A process died \(status 9\); run goes on from the last checkpoint, 1 restart left\./);
  assert.match(stdout, /bad: goes on after step \d/);
  assert.equal(stepOf(`${folder}/run/events.jsonl`), 9);
});

mpiTest("SIGTERM to one process stops all after the step in work, with a checkpoint", async (folder) => {
  const job = startJob(jobOf(folder, ["bad.yaml", "--run", "run", "--set", "training.steps=5000"]));
  await until(() => stepOf(`${folder}/run/events.jsonl`) >= 2);
  const ranks = await ranksOf(job.pid);
  Deno.kill(ranks.at(-1)!, "SIGTERM");
  const { stdout } = await job.ended;
  assert.match(stdout, /Interrupted in bad after \d+ of 5000 steps\.\nThe weights lie in run\/checkpoints/);
});

mpiTest(
  "SIGINT and SIGTERM to the launcher stop all with a checkpoint, and the run goes on bit for bit",
  async (folder) => {
    assertSuccess(await runJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "whole"])));
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const job = startJob(jobOf(folder, ["bad.yaml", "--run", signal]));
      await until(() => stepOf(`${folder}/${signal}/events.jsonl`) >= 2);
      job.kill(signal);
      const { stdout } = await job.ended;
      const [, step] =
        /Interrupted in bad after (\d) of 9 steps\.\nThe weights lie in \S+\/checkpoints/.exec(stdout) ?? [];
      assert.equal(Number(step), stepOf(`${folder}/${signal}/events.jsonl`), stdout);
      const resumed = await runJob(jobOf(folder, ["--resume", signal]));
      assertSuccess(resumed);
      assert.ok(resumed.stdout.includes(`bad: goes on after step ${step}`), resumed.stdout);
      assert.deepEqual(weightsOf(`${folder}/${signal}`), weightsOf(`${folder}/whole`));
    }
  },
);
