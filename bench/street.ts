/**
 * The default recipe on several seeds, source-only beside the full objective:
 *
 *     deno task bench street
 */
import { builtins } from "../builtins.ts";
import { selectBackend } from "../backends/select.ts";
import { loadRecipe } from "../config/load.ts";
import { diskFiles } from "../datasets/files.ts";
import { evaluate, train } from "../train/mod.ts";
import { record } from "./record.ts";
import { mean } from "./statistics.ts";

const SEEDS = [0, 1, 2];

/** Trains the recipe once per seed; minutes each. */
export async function street(): Promise<void> {
  await selectBackend("native");
  const runs: Measured[] = [];
  for (const seed of SEEDS) {
    const run = await measure(seed);
    console.log(`seed ${seed}: ${JSON.stringify(run)}`);
    runs.push(run);
  }
  const row = (title: string, of: (run: Measured) => Measured["adapted"]) => [
    title,
    ...runs.map((run) => of(run).map((value) => (100 * value).toFixed(1)).join(" / ")),
    [0, 1, 2].map((k) => (100 * mean(runs.map((run) => of(run)[k]!))).toFixed(1)).join(" / "),
  ];
  await record("street", {
    title: "The default recipe: drawn streets, day to dusk",
    text: [
      "Percent mIoU on the scenes of the `val` split and on those of the `test` split after the last step, both at dusk, and the best validation of the run, one every 50 steps (choosing that one would need labels of the target). " +
      "The look of dusk was chosen with seed 0 and `val` in view, no other seed and no scene of `test`.",
      `A whole run, both objectives and all evaluations, took ${
        Math.round(mean(runs.map(({ seconds }) => seconds)))
      } seconds.`,
    ],
    columns: ["val / test / best", ...SEEDS.map((seed) => `seed ${seed}`), "mean"],
    rows: [
      row("source only", ({ baseline }) => baseline),
      row("full objective", ({ adapted }) => adapted),
    ],
    commands: [
      "deno task bench street",
      "deno task plca train --set seed=0 # one of its columns",
    ],
  });
}

interface Measured {
  readonly seconds: number;
  /** mIoU in 0..1 on `val` and `test`, and the best validation. */
  readonly baseline: readonly [number, number, number];
  readonly adapted: readonly [number, number, number];
}

async function measure(seed: number): Promise<Measured> {
  const folder = await Deno.makeTempDir();
  const plan = await loadRecipe({
    path: "street.yaml",
    text: `extends: street\nbackend: native\nseed: ${seed}\n`,
  }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: Deno.cwd(),
  });
  const { signal } = new AbortController();
  const files = diskFiles();
  const test = async (phase: string) => {
    const checkpoint = `${folder}/${phase}checkpoints/last.safetensors`;
    return (await evaluate(plan, { checkpoint, split: "test", signal, files })).miou!;
  };
  const started = performance.now();
  const { earlier, final, best } = await train(plan, { runDir: folder, signal, files, onEvent: () => {} });
  const seconds = (performance.now() - started) / 1000;
  const [baseline] = earlier;
  const measured: Measured = {
    seconds,
    baseline: [baseline!.final!.miou!, await test("baseline/"), baseline!.best!.miou],
    adapted: [final!.miou!, await test(""), best!.miou],
  };
  await Deno.remove(folder, { recursive: true });
  return measured;
}
