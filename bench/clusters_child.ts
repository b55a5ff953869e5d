/**
 * Training steps of ResNet-101 in one of several processes: `clusters_child.ts CROP BATCH STEPS RESULT`. Every process prints
 * nothing; the first writes what it measured as JSON into RESULT.
 */
import { resourceUsage } from "node:process";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../backends/select.ts";
import { solo } from "../core/world.ts";
import { launchOf, Mpi, openLibrary } from "../processes/mod.ts";
import { MpiWorld } from "../processes/world.ts";
import { trainStep } from "../train/step.ts";
import { median } from "./statistics.ts";
import { deeplab, trainingStep } from "./training_step.ts";

/** What a process measured. */
export interface ClusterMeasured {
  /** The median step, in seconds. */
  readonly seconds: number;
  /** Of the median step: seconds of waiting for gradients at its end, and for everything else. */
  readonly gradients: number;
  readonly others: number;
  /** Seconds that the sum of all gradients takes when nothing is computed meanwhile; 0 alone. */
  readonly reduction: number;
  /** Bytes of all gradients. */
  readonly bytes: number;
  /** Gigabytes of the highest resident set. */
  readonly peak: number;
}

const [crop, batch, steps, result] = Deno.args;
const env = (name: string) => Deno.env.get(name);
const launch = launchOf(env);
const mpi = launch && new Mpi(openLibrary(env("PLCA_MPI")), { launch, timeout: 600 });
const world = mpi ? new MpiWorld(mpi) : solo;
await selectBackend("native", { threads: 1 });
const { run, passes } = await trainingStep({
  backend: "native",
  model: deeplab("{ layers: [3, 4, 23, 3], width: 1 }"),
  crop: Number(crop),
  batch: Number(batch),
});
const seconds: number[] = [], gradients: number[] = [], others: number[] = [];
for (let step = 0; step <= Number(steps); step++) {
  const before = { ...mpi?.waited ?? { gradients: 0, others: 0 } };
  const began = performance.now();
  await trainStep(run, { step, steps: 100, multiplier: 1, passes, world });
  // The first compiles.
  if (step === 0) continue;
  seconds.push((performance.now() - began) / 1000);
  gradients.push((mpi?.waited.gradients ?? 0) - before.gradients);
  others.push((mpi?.waited.others ?? 0) - before.others);
}
const like = run.segmenter.params.map(({ value }) => value);
const measured: ClusterMeasured = {
  seconds: median(seconds),
  gradients: median(gradients),
  others: median(others),
  reduction: mpi ? reductionAlone() : 0,
  bytes: 4 * like.reduce((sum, { size }) => sum + size, 0),
  peak: 1024 * resourceUsage().maxRSS / 1e9,
};
if (world.rank === 0) await Deno.writeTextFile(result!, JSON.stringify(measured));
mpi?.finalize();
// The native library's threads would keep the process alive.
Deno.exit(0);

function reductionAlone(): number {
  world.sums(new Float64Array(1));
  const began = performance.now();
  const mean = world.gradual!(like);
  like.forEach((value, k) => mean.add(k, value));
  tf.dispose(mean.end().filter((one) => one !== null));
  return (performance.now() - began) / 1000;
}
