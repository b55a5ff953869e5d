/** Whatever ends one process ends the job, with one message, and what was written is whole. */
import assert from "node:assert/strict";
import { failing, jobOf, weightsOf } from "./bad_loss.ts";
import { assertSuccess, mpiTest, ranksOf, runJob, said, startJob, stepOf, until } from "./launching.ts";

mpiTest("a term that throws in one process ends all, with its rank", async (folder) => {
  const { code, stderr } = await failing(folder, "throw");
  assert.notEqual(code, 0);
  assert.match(said(stderr), /^loss "bad" \(.*\) threw at line \d+: boom\nrank 1 of 2 on \S+ ended the job$/);
});

mpiTest("a process that does not come is named", async (folder) => {
  const { code, stderr } = await failing(folder, "hang", { PLCA_MPI_TIMEOUT: "3" });
  assert.notEqual(code, 0);
  assert.match(
    said(stderr),
    /^exchange \d+ with the other processes was not over after 3 s: rank 1 did not come; PLCA_MPI_TIMEOUT is the limit in seconds\n/,
  );
});

mpiTest("a killed process ends the job; it goes on bit for bit", async (folder) => {
  assertSuccess(await runJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "whole"])));
  const job = startJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "killed"]));
  await until(() => stepOf(`${folder}/killed/events.jsonl`) >= 4);
  const [victim] = await ranksOf(job.pid);
  Deno.kill(victim!, "SIGKILL");
  const began = performance.now();
  assert.notEqual((await job.ended).code, 0);
  assert.ok(performance.now() - began < 5000);
  assertSuccess(await runJob(jobOf(folder, ["--resume", "killed", "--quiet"])));
  assert.deepEqual(weightsOf(`${folder}/killed`), weightsOf(`${folder}/whole`));
});
