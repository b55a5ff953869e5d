/**
 * Whether a step waits for its images at the paper's sizes, with 0, 1 and 2 workers:
 *
 *     deno task bench input
 *
 * Street scenes are drawn in the sizes of GTAV and Cityscapes and written as PNGs into a temporary folder. A
 * step is a fixed number of matrix products on the native backend, which hold the main thread as a real step
 * does.
 */
import * as tf from "@tensorflow/tfjs-core";
import { encode } from "fast-png";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import { selectBackend } from "../backends/select.ts";
import { builtins } from "../builtins.ts";
import { loadRecipe } from "../config/load.ts";
import type { RunPlan } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { openInput } from "../datasets/input.ts";
import { type TrainLoader, trainLoader } from "../datasets/loader.ts";
import { record } from "./record.ts";
import { mean, median } from "./statistics.ts";

const IMAGES = 8, BATCH = 4, ROUNDS = 3, STEPS = 5, STEP_SECONDS = 2;
const SHORT_SIDE = [760, 988], CROP = 730;
const SOURCE = { folder: "gtav", domain: "day", width: 1914, height: 1052 };
const TARGET = { folder: "cityscapes", domain: "fog", width: 2048, height: 1024 };
const WORKERS = [0, 1, 2];
const SIDE = 1024;

/** Draws the images, measures every number of workers on them, and removes them. */
export async function input(): Promise<void> {
  await selectBackend("native");
  const root = await Deno.makeTempDir();
  try {
    const sizes = [await draw(root, SOURCE), await draw(root, TARGET)];
    const matrix = tf.randomUniform([SIDE, SIDE]) as tf.Tensor2D;
    const products = calibrated(matrix);
    const step = () => compute(matrix, products);
    const undisturbed: number[] = [];
    const measured = new Map<number, Measured>(
      WORKERS.map((workers) => [workers, { alone: [], waits: [], steps: [], first: [] }]),
    );
    // In turn, because others may use the machine too.
    for (let round = 0; round < ROUNDS; round++) {
      undisturbed.push(timed(step));
      for (const [workers, into] of measured) {
        const plan = await recipe(root, workers);
        await unhindered(plan, into);
        await stepping(plan, step, into);
      }
    }
    const rows = [...measured].map(([workers, { alone, waits, steps, first }]) => {
      const seconds = (value: number) => value.toFixed(3);
      return [
        workers === 0 ? "0: main thread" : `${workers}`,
        seconds(median(alone)),
        (2 * BATCH / median(alone)).toFixed(1),
        seconds(median(waits)),
        seconds(Math.max(...waits)),
        seconds(median(steps)),
        (2 * BATCH / (median(waits) + median(steps))).toFixed(2),
        seconds(median(first)),
      ];
    });
    const without = median(undisturbed).toFixed(2);
    await record("input", {
      title: "Input at the paper's sizes",
      text: [
        `Source PNGs of ${SOURCE.width}x${SOURCE.height} with label PNGs (${sizes[0]}), target PNGs of ` +
        `${TARGET.width}x${TARGET.height} (${sizes[1]}), drawn, with sensor noise; short side random in ` +
        `[${
          SHORT_SIDE.join(", ")
        }], flip, crop ${CROP}, ${BATCH} + ${BATCH} images a batch, no image kept, two ` +
        "batches ahead. Seconds; medians unless said otherwise.",
        "Batch alone: from one batch to the next while the main thread does nothing else. Wait: what a step waits for " +
        `its images, over ${ROUNDS} rounds of ${STEPS} steps after a first one; a step is ${products} matrix products ` +
        `of ${SIDE}x${SIDE} on the native backend, ${without} s without any input; step: the same with it. First: ` +
        "from opening the input to the first batch, start of the workers included.",
      ],
      columns: [
        "`input.workers`",
        "batch alone",
        "images/s alone",
        "wait",
        "longest wait",
        "step",
        "images/s in steps",
        "first",
      ],
      rows,
      commands: ["deno task bench input"],
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Writes images and labels of a domain. @returns the mean sizes of the files, in words */
async function draw(root: string, { folder, domain, width, height }: typeof SOURCE): Promise<string> {
  const registry = builtins();
  const plan = registry.plan("dataset", {
    type: "street",
    options: { domain, width, height, count: IMAGES },
  });
  const dataset = await plan.open({ root: "", seed: 0, files: diskFiles() });
  const bytes: Record<string, number[]> = { images: [], labels: [] };
  for (const kind of Object.keys(bytes)) await Deno.mkdir(join(root, folder, kind), { recursive: true });
  for (let index = 0; index < IMAGES; index++) {
    const { image, labels } = await dataset.read(index, { labels: true });
    const files = {
      images: await sharp(image, { raw: { width, height, channels: 3 } }).png().toBuffer(),
      labels: encode({ width, height, channels: 1, data: labels! }),
    };
    for (const [kind, file] of Object.entries(files)) {
      bytes[kind]!.push(file.length);
      await Deno.writeFile(join(root, folder, kind, `${index}.png`), file);
    }
  }
  const megabytes = (kind: string) => `${(mean(bytes[kind]!) / 1e6).toFixed(2)} MB`;
  return `${megabytes("images")} an image, ${megabytes("labels")} its labels`;
}

function recipe(root: string, workers: number): Promise<RunPlan> {
  const classes = "{ a: [0], b: [1], c: [2], d: [3], e: [4], f: [5], g: [6], h: [7] }";
  const text = `
extends: street
baseline: null
data:
  root: ${JSON.stringify(root)}
  source: { type: folder, images: gtav/images, labels: gtav/labels, classes: ${classes} }
  target: { type: folder, images: cityscapes/images, classes: ${classes} }
  val: null
  test: null
input: { short_side: [${SHORT_SIDE.join(", ")}], crop: ${CROP}, normalization: caffe, workers: ${workers} }
`;
  return loadRecipe({ path: "bench.yaml", text }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: Deno.cwd(),
  });
}

/** Seconds measured with a number of workers. */
interface Measured {
  /** From one batch to the next while nothing is computed. */
  readonly alone: number[];
  /** That steps waited, and that they computed. */
  readonly waits: number[];
  readonly steps: number[];
  /** Until the first batch. */
  readonly first: number[];
}

/** Hands `body` the loaders of a run and the seconds until the first batch of each had come. */
async function withLoaders(
  plan: RunPlan,
  body: (next: () => Promise<unknown>, first: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const opened = openInput(plan, diskFiles());
  try {
    const common = {
      transforms: plan.input.training,
      normalization: plan.input.normalization,
      batch: BATCH,
      seed: plan.seed,
      ignoreLabel: plan.labelSpace.ignore,
      cacheBytes: 0,
    };
    const loaders: TrainLoader[] = [
      trainLoader(await opened.open(plan.data.source), { ...common, stream: "source", labels: true }),
      trainLoader(await opened.open(plan.data.target), { ...common, stream: "target", labels: false }),
    ];
    const next = () => Promise.all(loaders.map((loader) => loader.next()));
    await next();
    const first = (performance.now() - started) / 1000;
    await body(next, first);
    for (const loader of loaders) loader.close();
  } finally {
    await opened.close();
  }
}

/** Seconds from one batch to the next. */
function unhindered(plan: RunPlan, { alone }: Measured): Promise<void> {
  return withLoaders(plan, async (next) => {
    // The batches that were ahead say nothing about the pace.
    for (let k = 0; k < 2; k++) await next();
    for (let k = 0; k < STEPS; k++) alone.push(await waited(next));
  });
}

/** Seconds that steps wait and that they compute. */
function stepping(plan: RunPlan, step: () => void, { first, waits, steps }: Measured): Promise<void> {
  return withLoaders(plan, async (next, started) => {
    first.push(started);
    step();
    await setImmediate();
    for (let k = 0; k < STEPS; k++) {
      waits.push(await waited(next));
      steps.push(timed(step));
      // As the training loop does.
      await setImmediate();
    }
  });
}

async function waited(next: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await next();
  return (performance.now() - started) / 1000;
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

function compute(matrix: tf.Tensor2D, products: number): void {
  for (let k = 0; k < products; k++) tf.dispose(tf.matMul(matrix, matrix));
}

/** So many products as take about {@linkcode STEP_SECONDS}. */
function calibrated(matrix: tf.Tensor2D): number {
  compute(matrix, 10);
  const trial = 30;
  return Math.max(1, Math.round(STEP_SECONDS * trial / timed(() => compute(matrix, trial))));
}
