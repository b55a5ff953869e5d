/** Trainings in which one of two processes does something bad, or nothing. */
import { type JobWanted, runJob } from "./launching.ts";
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
          if (here && how === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100000);
          const mean = tf.mean(ctx.source.taps.logits);
          return { loss: here && how === "nan" ? tf.div(mean, 0) : tf.mul(mean, 0) };
        },
      }),
    }),
  });
`;

/** `plca train` with these words, of which `bad.yaml` is a recipe of nine steps in the folder. */
export function jobOf(folder: string, words: readonly string[], more: Partial<JobWanted> = {}): JobWanted {
  Deno.writeTextFileSync(`${folder}/bad.js`, BAD);
  const training = { steps: 9, batch: 4, validate_every: 0, log_every: 1, checkpoint_every: 2 };
  const losses = { bad: { use: "./bad.js" } };
  Deno.writeTextFileSync(`${folder}/bad.yaml`, recipeText("plca", { name: "bad", training, losses }));
  return { processes: 2, args: ["cli/main.ts", "train", ...words], cwd: folder, ...more };
}

/** What becomes of the job when the loss does this. */
export function failing(folder: string, how: "throw" | "nan" | "hang", env = {}) {
  const words = ["bad.yaml", "--quiet", "--run", "run", "--set", `losses.bad.options.how=${how}`];
  return runJob(jobOf(folder, words, { env }));
}

/** The bytes of a run's newest checkpoint. */
export function weightsOf(run: string): Uint8Array {
  return Deno.readFileSync(`${run}/checkpoints/last.safetensors`);
}

/** Copies a folder with all that is in it. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
