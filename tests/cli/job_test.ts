/** What a process of a job does before it looks for the others. */
import assert from "node:assert/strict";
import type { Host } from "../../cli/host.ts";
import { JobProcess } from "../../cli/job.ts";
import { coresIn } from "../../cli/start_plca.ts";
import { withHost } from "./fake_host.ts";

const env = (rank: number, more: Readonly<Record<string, string>> = {}) => ({
  PMI_RANK: String(rank),
  PMI_SIZE: "4",
  ...more,
});

async function inJob<T>(
  variables: Readonly<Record<string, string>>,
  body: (job: JobProcess, host: Host) => T,
  cores: { cores: number; installed?: number } = { cores: 8 },
) {
  return await withHost({ cwd: "/", env: variables }, (host) => {
    const own = { ...host, machine: { ...host.machine, ...cores } };
    return body(JobProcess.of(own)!, own);
  });
}

Deno.test("JobProcess.of: undefined without a launcher, and for one that started a single process", async () => {
  const { result } = await inJob({}, (job) => job);
  assert.equal(result, undefined);
  assert.equal((await inJob(env(0, { PMI_SIZE: "1" }), (job) => job)).result, undefined);
  assert.deepEqual((await inJob(env(3), (job) => job.launch)).result, { rank: 3, size: 4, local: undefined });
});

Deno.test("JobProcess.isIdle: commands that do not share their work are the first process's", async () => {
  const idle = async (rank: number) =>
    (await inJob(
      env(rank),
      (job) =>
        (["train", "eval", "predict", "check", "export", "view"] as const).map((name) => job.isIdle(name)),
    ))
      .result;
  assert.deepEqual(await idle(0), Array(6).fill(false));
  assert.deepEqual(await idle(1), [false, false, false, true, true, true]);
});

Deno.test("JobProcess.isIdle: commands that start trainings of their own are refused in a job", async () => {
  for (const name of ["ablate", "compare"] as const) {
    await assert.rejects(inJob(env(0), (job) => job.isIdle(name)), {
      name: "UserError",
      message: `plca ${name} starts trainings of its own and cannot be started by a launcher of MPI: ` +
        "start it alone, or train each recipe by mpirun",
    });
  }
});

Deno.test("JobProcess.host: only the first process shows anything, and only it may have a terminal", async () => {
  const write = (rank: number) =>
    withHost({ cwd: "/", env: env(rank), tty: true }, (host) => {
      const { host: own } = JobProcess.of(host)!;
      own.stdout.write("out");
      own.stderr.write("err");
      return [own.stdout.tty, own.stderr.tty, own.job !== undefined];
    });
  const first = await write(0);
  assert.deepEqual([first.stdout, first.stderr, first.result], ["out", "err", [true, true, true]]);
  const other = await write(2);
  assert.deepEqual([other.stdout, other.stderr, other.result], ["", "", [false, false, true]]);
});

Deno.test("JobProcess.threads: the cores among the processes of this machine, unless the launcher divided them", async () => {
  const threads = async (local: string | undefined, cores: { cores: number; installed?: number }) =>
    (await inJob(env(0, local === undefined ? {} : { MPI_LOCALNRANKS: local }), (job) => job.threads, cores))
      .result;
  assert.equal(await threads("3", { cores: 8 }), 2);
  assert.equal(await threads("3", { cores: 8, installed: 8 }), 2);
  assert.equal(await threads("16", { cores: 8 }), 1);
  assert.equal(await threads(undefined, { cores: 8 }), 8);
  assert.equal(await threads("4", { cores: 2, installed: 8 }), 2);
});

Deno.test("JobProcess.end: the first process ends with its status, others are content", async () => {
  for (const [rank, code] of [[0, 2], [1, 0]] as const) {
    const { result, stderr } = await inJob(
      env(rank),
      (job, host) => job.end({ code: 2 }, () => host.stderr.write("never")),
    );
    assert.deepEqual([result, stderr], [code, ""]);
  }
});

Deno.test("JobProcess.end: a command that was left to the first process tells its error and ends nothing else", async () => {
  const { result, stderr } = await inJob(env(0), (job) => {
    job.leftToFirst();
    return job.end({ code: 2, error: new Error("x") }, (host) => host.stderr.write("what is wrong\n"));
  });
  assert.deepEqual([result, stderr], [2, "what is wrong\n"]);
});

Deno.test("coresIn: single cores and ranges, in their order", () => {
  assert.deepEqual(coresIn("0-2,5"), [0, 1, 2, 5]);
  assert.deepEqual(coresIn("7"), [7]);
  assert.deepEqual(coresIn("3-3,10-11"), [3, 10, 11]);
});
