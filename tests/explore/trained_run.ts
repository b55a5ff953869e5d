/** A run on a few small scenes with checkpoints, and its explorer. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { builtins } from "../../builtins.ts";
import { selectBackend } from "../../backends/select.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
import { diskFiles } from "../../datasets/files.ts";
import { type Explorer, openExplorer } from "../../explore/explorer.ts";
import { inFolder, plca } from "../cli/fake_host.ts";
import { tinyRecipe } from "../cli/tiny.ts";

/** What a test gets. */
export interface Trained {
  /** The run's. */
  readonly folder: string;
  readonly plan: RunPlan;
  readonly explorer: Explorer;
}

/** Checkpoints after steps 2, 4 and 6, of a baseline as well. */
export const TRAINING = "training: { steps: 6, batch: 2, checkpoint_every: 2, keep_checkpoints: 3 }";

/** Trains a tiny recipe into `folder/run`. @param more lines of the recipe */
export async function trainTiny(folder: string, more = TRAINING): Promise<string> {
  await Deno.writeTextFile(join(folder, "tiny.yaml"), tinyRecipe(more));
  const { code, stderr } = await plca(["train", "tiny.yaml", "--run", "run"], { cwd: folder });
  assert.equal(code, 0, stderr);
  return join(folder, "run");
}

/** The plan of a run's recipe. */
export async function planOfRun(folder: string): Promise<RunPlan> {
  return await loadRecipe({ path: join(folder, "config.yaml") }, {
    registry: builtins(),
    overrides: [],
    readText: (path) => Deno.readTextFile(path),
    importPlugin: () => Promise.reject(new Error("no file is run")),
    cwd: folder,
  });
}

/** A test with a run of its own. */
export function trainedTest(
  name: string,
  body: (trained: Trained, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: (t) =>
      inFolder(async (parent) => {
        const folder = await trainTiny(parent);
        const plan = await planOfRun(folder);
        const explorer = openExplorer(plan, {
          folder,
          files: diskFiles(),
          ready: () => selectBackend("wasm"),
        });
        try {
          await body({ folder, plan, explorer }, t);
        } finally {
          explorer.dispose();
        }
      }),
  });
}
