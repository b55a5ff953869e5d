/** A long run: memory and the number of tensors stay what they were after the first steps. */
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { diskFiles } from "../../datasets/files.ts";
import { train } from "../../train/mod.ts";
import { inFolder } from "./child.ts";
import type { Tried } from "./main.ts";

/** Steps after which memory is expected to have settled. */
const SETTLED = 200;

/** By how much the resident set may grow afterwards. */
const ALLOWED = 0.02;

/** The default recipe's network on its data for `steps` steps. In this process: it wants it for itself. */
export function soak(steps: number): Promise<Tried> {
  return inFolder(async (folder) => {
    const plan = await loadRecipe({ path: "street" }, {
      registry: builtins(),
      overrides: [
        "baseline=null",
        `training.steps=${steps}`,
        "training.validate_every=100",
        "training.checkpoint_every=50",
      ],
      readText: (path) => Deno.readTextFile(path),
      importPlugin: () => Promise.reject(new Error("not used")),
      cwd: folder,
    });
    await selectBackend("native");
    const tensors = new Set<number>();
    let before = 0, highest = 0;
    await train(plan, {
      runDir: `${folder}/run`,
      signal: new AbortController().signal,
      files: diskFiles(),
      onEvent(event) {
        if (event.type !== "step" || event.step % 10 !== 0) return;
        tensors.add(tf.memory().numTensors);
        const { rss } = Deno.memoryUsage();
        if (event.step <= SETTLED) before = Math.max(before, rss);
        else highest = Math.max(highest, rss);
      },
    });
    const growth = highest / before - 1;
    const steady = tensors.size === 1;
    return {
      name: `${steps} steps`,
      tried: 1,
      survived: steady && growth <= ALLOWED ? 1 : 0,
      again: 0,
      remarks: [
        `memory ${(100 * growth).toFixed(1)} % against the first ${SETTLED} steps`,
        steady
          ? "number of tensors constant"
          : `number of tensors between ${Math.min(...tensors)} and ${Math.max(...tensors)}`,
      ],
    };
  });
}
