/** Whatever ends one process ends the job, with one message, and what was written is whole. */
import assert from "node:assert/strict";
import {
  assertSuccess,
  childrenOf,
  type JobWanted,
  launcher,
  mpiTest,
  ranksOf,
  runJob,
  said,
  startJob,
  stepOf,
  until,
} from "./launching.ts";
import { recipeText } from "./recipes.ts";

/** A loss that does something bad in the process 1, in the step 3. */
const BAD = `
export default ({ tf, z, definePlugin }) =>
  definePlugin({
    kind: "loss",
    name: "bad",
    summary: "fails in one process",
    options: z.strictObject({ how: z.enum(["throw", "nan", "hang", "none"]).default("none") }),
    plan: ({ how }) => ({
      needs: { taps: [{ name: "logits" }] },
      create: () => ({
        compute(ctx) {
          const here = ctx.step === 2 && ctx.world.rank === 1;
          if (here && how === "throw") throw new Error("boom");
          if (here && how === "hang") for (const began = performance.now(); performance.now() - began < 30000;);
          const mean = tf.mean(ctx.source.taps.logits);
          return { loss: here && how === "nan" ? tf.div(mean, 0) : tf.mul(mean, 0) };
        },
      }),
    }),
  });
`;

function jobOf(folder: string, words: readonly string[], more: Partial<JobWanted> = {}): JobWanted {
  Deno.writeTextFileSync(`${folder}/bad.js`, BAD);
  const training = { steps: 9, batch: 4, validate_every: 0, log_every: 1, checkpoint_every: 2 };
  const losses = { bad: { use: "./bad.js" } };
  Deno.writeTextFileSync(`${folder}/bad.yaml`, recipeText("plca", { name: "bad", training, losses }));
  return { processes: 2, args: ["cli/main.ts", "train", ...words], cwd: folder, ...more };
}

function failing(folder: string, how: string, env = {}) {
  const words = ["bad.yaml", "--quiet", "--run", "run", "--set", `losses.bad.options.how=${how}`];
  return runJob(jobOf(folder, words, { env }));
}

mpiTest("a term that throws in one process ends all, with its rank", async (folder) => {
  const { code, stderr } = await failing(folder, "throw");
  assert.notEqual(code, 0);
  assert.match(said(stderr), /^loss "bad" \(.*\) threw at line \d+: boom\nrank 1 of 2 on \S+ ended the job$/);
});

mpiTest(
  "a value that is not finite in one process ends all, and the weights before it are kept",
  async (folder) => {
    const { code, stderr } = await failing(folder, "nan");
    assert.notEqual(code, 0);
    assert.match(
      said(stderr),
      /^rank 1 of 2: loss "bad" \(.*\) is (NaN|-?Infinity|infinite) at step 3\nthe weights after step 2 lie in .*last\.safetensors\nrank 0 of 2 on \S+ ended the job$/,
    );
    assert.ok(Deno.statSync(`${folder}/run/checkpoints/last.safetensors`).isFile);
  },
);

mpiTest("a process that does not come is named", async (folder) => {
  const { code, stderr } = await failing(folder, "hang", { PLCA_MPI_TIMEOUT: "2" });
  assert.notEqual(code, 0);
  assert.match(
    said(stderr),
    /^exchange \d+ with the other processes was not over after 2 s: rank 1 did not come; PLCA_MPI_TIMEOUT is the limit in seconds\n/,
  );
});

mpiTest("a mistake in the recipe is told once", async (folder) => {
  const { code, stderr } = await runJob(jobOf(folder, ["nowhere.yaml"]));
  assert.notEqual(code, 0);
  assert.match(
    said(stderr),
    /^the recipe nowhere.yaml cannot be read: there is no such file\nrank 0 of 2 on \S+ ended the job$/,
  );
  assert.equal(stderr.split("nowhere.yaml").length, 2);
});

mpiTest("a batch that cannot be shared is refused", async (folder) => {
  const words = ["bad.yaml", "--quiet", "--run", "run", "--set", "training.batch=3"];
  const { stderr } = await runJob(jobOf(folder, words));
  assert.match(
    said(stderr),
    /^bad: training.batch is 3, which 2 processes cannot share equally; it is the batch of all of them together: make it a multiple of 2, or start fewer processes\n/,
  );
});

mpiTest("a command that starts trainings itself is refused, others run once", async (folder) => {
  for (const command of ["ablate", "compare"]) {
    const refused = await runJob({ processes: 2, args: ["cli/main.ts", command, "street"], cwd: folder });
    assert.match(
      said(refused.stderr),
      new RegExp(`^plca ${command} starts trainings of its own and cannot be started by a launcher`),
    );
  }
  const list = await runJob({ processes: 2, args: ["cli/main.ts", "list", "loss"], cwd: folder });
  assertSuccess(list);
  assert.equal(list.stdout.split("lovasz-softmax").length, 2);
});

mpiTest(
  "a killed process ends the job; it goes on bit for bit, and with another number of processes",
  async (folder) => {
    const run = (name: string) => `${folder}/${name}/checkpoints/last.safetensors`;
    assertSuccess(await runJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "whole"])));
    const job = startJob(jobOf(folder, ["bad.yaml", "--quiet", "--run", "killed"]));
    await until(() => stepOf(`${folder}/killed/events.jsonl`) >= 4);
    const [victim] = await ranksOf(job.pid);
    Deno.kill(victim!, "SIGKILL");
    const began = performance.now();
    assert.notEqual((await job.ended).code, 0);
    assert.ok(performance.now() - began < 5000);
    Deno.mkdirSync(`${folder}/other`);
    await copy(`${folder}/killed`, `${folder}/other`);

    assertSuccess(await runJob(jobOf(folder, ["--resume", "killed", "--quiet"])));
    assert.deepEqual(Deno.readFileSync(run("killed")), Deno.readFileSync(run("whole")));
    const single = jobOf(folder, ["--resume", "other", "--quiet"], { processes: 1 });
    assertSuccess(await runJob(single));
    assert.equal(stepOf(`${folder}/other/events.jsonl`), 9);
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

async function copy(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (!isDirectory) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    else {
      await Deno.mkdir(`${to}/${name}`);
      await copy(`${from}/${name}`, `${to}/${name}`);
    }
  }
}
