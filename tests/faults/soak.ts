/** A long run: memory and the number of tensors stay what they were after the first steps. */
import * as tf from "@tensorflow/tfjs-core";
import { fileURLToPath } from "node:url";
import { median } from "../../bench/statistics.ts";
import { selectBackend } from "../../backends/select.ts";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { diskFiles } from "../../datasets/files.ts";
import { train } from "../../train/mod.ts";
import { inFolder } from "./child.ts";
import type { Tried } from "./main.ts";

/** Steps after which memory is expected to have settled. */
const SETTLED = 200;

/** Steps whose median is compared: single ones go up and down by several percent with the collector. */
const WINDOW = 100;

/** By how much the resident set may grow from the window after {@linkcode SETTLED} to the last one. */
const ALLOWED = 0.02;

/** The default recipe's network on its data for `steps` steps, in a process of its own. */
export async function soakApart(steps: number): Promise<Tried> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--unstable-webgpu", "--no-prompt"],
      ...["read", "write", "env", "ffi", "sys"].map((name) => `--allow-${name}`),
      fileURLToPath(import.meta.url),
      String(steps),
    ],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) throw new Error(text(stderr));
  return JSON.parse(text(stdout));
}

/** @param steps at least {@linkcode SETTLED} and two windows */
function soak(steps: number): Promise<Tried> {
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
    const resident: { readonly step: number; readonly bytes: number }[] = [];
    await train(plan, {
      runDir: `${folder}/run`,
      signal: new AbortController().signal,
      files: diskFiles(),
      onEvent(event) {
        if (event.type !== "step" || event.step % 5 !== 0) return;
        tensors.add(tf.memory().numTensors);
        resident.push({ step: event.step, bytes: Deno.memoryUsage().rss });
      },
    });
    const within = (from: number) =>
      median(
        resident.filter(({ step }) => step > from && step <= from + WINDOW).map(({ bytes }) => bytes),
      );
    const growth = within(steps - WINDOW) / within(SETTLED) - 1;
    const steady = tensors.size === 1;
    return {
      name: `${steps} steps`,
      tried: 1,
      survived: steady && growth <= ALLOWED ? 1 : 0,
      again: 0,
      remarks: [
        `memory ${growth < 0 ? "" : "+"}${
          (100 * growth).toFixed(1)
        } %, medians of the last ${WINDOW} steps and of those ` +
        `after the first ${SETTLED}`,
        steady
          ? "number of tensors constant"
          : `number of tensors between ${Math.min(...tensors)} and ${Math.max(...tensors)}`,
      ],
    };
  });
}

if (import.meta.main) {
  console.log(JSON.stringify(await soak(Number(Deno.args[0]))));
  Deno.exit(0);
}
