/** Weights that come apart end the run, by name. */
import assert from "node:assert/strict";
import { mpiTest, runJob, said } from "./launching.ts";
import { recipeText } from "./recipes.ts";

/** A loss that moves one weight of the network, in the process 1, after the step 2. */
const MEDDLING = `
export default ({ tf, z, definePlugin }) =>
  definePlugin({
    kind: "loss",
    name: "meddling",
    summary: "changes a weight in one process",
    options: z.strictObject({ variable: z.int() }),
    plan: ({ variable }) => ({
      needs: { taps: [{ name: "logits" }] },
      create: () => {
        let rank;
        return {
          compute(ctx) {
            rank = ctx.world.rank;
            return { loss: tf.mul(tf.mean(ctx.source.taps.logits), 0) };
          },
          hooks: {
            stepEnd({ step }) {
              if (step !== 1 || rank !== 1) return;
              const weight = Object.values(tf.engine().registeredVariables)[variable];
              weight.assign(tf.tidy(() => tf.add(weight, 1e-6)));
            },
          },
        };
      },
    }),
  });
`;

mpiTest("a weight that differs in one process ends the run, which names it and the rank", async (folder) => {
  Deno.writeTextFileSync(`${folder}/meddling.js`, MEDDLING);
  // Weights are compared after the last step.
  const training = { steps: 4, batch: 2, validate_every: 0, log_every: 1, checkpoint_every: 1 };
  const losses = { meddling: { use: "./meddling.js", options: { variable: 5 } } };
  Deno.writeTextFileSync(`${folder}/apart.yaml`, recipeText("plca", { name: "apart", training, losses }));
  const args = ["cli/main.ts", "train", "apart.yaml", "--quiet", "--run", "run"];
  const { code, stderr } = await runJob({ processes: 2, args, cwd: folder });
  assert.notEqual(code, 0);
  assert.match(
    said(stderr),
    /^after step 4 backbone\.layer1\.0\.conv1\.weight of rank 1 is not that of rank 0: a machine computes other numbers, or a plugin depends on more than its input and the seed; the last checkpoint is older than that\nrank 0 of 2 on \S+ ended the job$/,
  );
});
