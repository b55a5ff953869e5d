/**
 * Trains a method's phases for a few steps each on `street`, in a process of its own, and prints what a step
 * takes as JSON:
 *
 *     METHOD STEPS
 *
 * A step's time is that of each phase by its share of the whole method's steps, as `plca compare` counts it.
 * Jobs before a phase are left out, and so are validation and checkpoints, which are not made.
 */
import { resourceUsage } from "node:process";
import { selectBackend } from "../backends/select.ts";
import type { TrainEvent } from "../core/events.ts";
import { diskFiles } from "../datasets/files.ts";
import { train } from "../train/mod.ts";
import { planOn } from "./method_recipes.ts";
import { mean, median } from "./statistics.ts";

/** What a child prints. */
export interface MeasuredSteps {
  /** Of a step: the mean over the phases by their steps. */
  readonly seconds: number;
  /** The most memory that the process held, in bytes. */
  readonly peakBytes: number;
}

/**
 * The first steps of a phase, which are not counted, and those that are counted together, so that what is
 * done every fifth step alone counts as much as it should.
 */
const WARM_UP = 3, TOGETHER = 5;

/** Images of each domain: a job passes over all of them, and no step's time depends on their number. */
const IMAGES = 40;

async function measure(method: string, wanted: number): Promise<MeasuredSteps> {
  const whole = await planOn("street", method);
  const blocks = Math.ceil(wanted / TOGETHER), steps = WARM_UP + TOGETHER * blocks;
  const listed = whole.resolved["phases"] !== undefined;
  const plan = await planOn("street", method, [
    "backend=native",
    "seed=0",
    ...whole.phases.map((_, k) => `${listed ? `phases[${k}].` : ""}training.steps=${steps}`),
    "training.log_every=1",
    "training.validate_every=0",
    "training.checkpoint_every=0",
    `data.source.count=${IMAGES}`,
    `data.target.count=${IMAGES}`,
    "data.val=",
    "data.test=",
  ]);
  const times = new Map<string, number[]>();
  const onEvent = (event: TrainEvent) => {
    if (event.type !== "step") return;
    const list = times.get(event.phase) ?? [];
    times.set(event.phase, [...list, performance.now() / 1000]);
  };
  const runDir = await Deno.makeTempDir();
  const { signal } = new AbortController();
  try {
    await train(plan, { runDir, signal, files: diskFiles(), onEvent });
  } finally {
    await Deno.remove(runDir, { recursive: true });
  }
  const phases = whole.phases.map(({ name, training }) => ({
    steps: training.steps,
    seconds: secondsOf(times.get(name) ?? []),
  }));
  const all = phases.reduce((sum, phase) => sum + phase.steps, 0);
  return {
    seconds: phases.reduce((sum, phase) => sum + phase.steps * phase.seconds, 0) / all,
    peakBytes: 1024 * resourceUsage().maxRSS,
  };
}

/** The median over blocks of steps, of the mean in a block. @param ends when steps ended, in seconds */
function secondsOf(ends: readonly number[]): number {
  const counted = ends.slice(WARM_UP).map((end, k) => end - ends[WARM_UP + k - 1]!);
  const blocks = Array.from(
    { length: Math.floor(counted.length / TOGETHER) },
    (_, k) => counted.slice(TOGETHER * k, TOGETHER * (k + 1)),
  );
  return median(blocks.map(mean));
}

if (import.meta.main) {
  const [method, steps] = Deno.args;
  await selectBackend("native");
  console.log(JSON.stringify(await measure(method!, Number(steps))));
  // The native library's threads would keep the process alive.
  Deno.exit(0);
}
