/** What all processes know to be wrong is told once, and a value of one process by its rank. */
import assert from "node:assert/strict";
import { failing, jobOf } from "./bad_loss.ts";
import { assertSuccess, mpiTest, runJob, said } from "./launching.ts";

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
