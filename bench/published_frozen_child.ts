/**
 * One update of the published network with frozen statistics, on random images; prints what it took as JSON and
 * writes the gradients and the updated weights to FILE, as float32, in a fixed order.
 *
 *     CROP IMAGES PASSES FILE [BYTES OF THE HEAP]
 *
 * IMAGES of each domain in each pass: 4 and 1, or 1 and 4, are the same images. With the same statistics for all
 * of them and losses that are means over images, both are the same update, however it is computed.
 */
import { resourceUsage } from "node:process";
import type * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../backends/select.ts";
import { limitsOf } from "../backends/wasm/limits.ts";
import { heapRoom } from "../backends/wasm/room.ts";
import type { MovedMemory } from "../core/memory.ts";
import { lastPhase } from "../core/plan.ts";
import { Random } from "../core/random.ts";
import { assemble, type Run } from "../train/assemble.ts";
import { type StepInput, trainStep } from "../train/step.ts";
import { randomBatches, recipePlan } from "./training_step.ts";

/** What a child prints. */
export interface Frozen {
  readonly seconds: number;
  /** The objective's value. */
  readonly total: number;
  /** Gigabytes of the highest resident set. */
  readonly peak: number;
  readonly moved: MovedMemory;
  /** What FILE holds, in its order: names, and how many numbers each has. */
  readonly gradients: readonly Written[];
  readonly weights: readonly Written[];
}

/** Some numbers in a file. */
export interface Written {
  readonly name: string;
  readonly count: number;
}

type Passes = StepInput["passes"];

/** The network and the terms that are means over images. Without decay the first momentum is the gradient. */
const recipe = (statistics: "frozen" | "train") => `
extends: gtav_to_cityscapes
data: { root: . }
model: { options: { batch_norm: ${statistics}, checkpointing: true } }
losses:
  - type: cross-entropy
  - type: label-smoothing
    weight: 0.01
    options: { lambda: 10 }
optimizer:
  type: sgd
  options: { lr: 0.00025, momentum: 0.9, weight_decay: 0 }
`;

async function runOf(statistics: "frozen" | "train"): Promise<Run> {
  const plan = await recipePlan(recipe(statistics));
  return assemble(plan, lastPhase(plan));
}

/** Steps and the side of the images from which running statistics are taken. */
const SETTLING = { steps: 20, crop: 65 };

/**
 * Gives the network running statistics of random images. With those it begins with, means of 0 and variances of
 * 1, values would double from block to block.
 */
async function settle(run: Run): Promise<void> {
  const other = await runOf("train");
  const passes = [randomBatches(Random.stream(1, "bench"), { crop: SETTLING.crop, batch: 1 })];
  for (let step = 0; step < SETTLING.steps; step++) {
    await trainStep(other, { step, steps: 100, multiplier: 0, passes });
  }
  for (const [name, buffer] of Object.entries(run.segmenter.buffers)) {
    buffer.assign(other.segmenter.buffers[name]!);
  }
  other.dispose();
}

/** Random images in passes of some each: the same ones, however many each pass has. */
function passesOf(crop: number, images: number, passes: number): Passes {
  const random = Random.stream(0, "bench");
  const all = Array.from({ length: images * passes }, () => randomBatches(random, { crop, batch: 1 }));
  return Array.from({ length: passes }, (_, k) => together(all.slice(k * images, (k + 1) * images)));
}

/** One pass over the images of several. */
function together(passes: Passes): Passes[number] {
  const names = Object.keys(passes[0]!);
  return Object.fromEntries(names.map((name) => {
    const batches = passes.map((pass) => pass[name]!);
    const labels = batches.flatMap((batch) => batch.labels ?? []);
    return [name, {
      ids: batches.map((_, k) => `${k}`),
      size: batches[0]!.size,
      images: joined(Float32Array, batches.map((batch) => batch.images as Float32Array)),
      ...labels.length === 0 ? {} : { labels: joined(Uint8Array, labels as Uint8Array[]) },
    }];
  }));
}

function joined<T extends Float32Array | Uint8Array>(
  Kind: new (length: number) => T,
  parts: readonly T[],
): T {
  const all = new Kind(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Appends variables to a file. */
async function written(file: Deno.FsFile, variables: readonly (readonly [string, tf.Variable])[]) {
  const list: Written[] = [];
  const writer = file.writable.getWriter();
  for (const [name, variable] of variables) {
    const values = variable.dataSync() as Float32Array;
    await writer.write(new Uint8Array(values.slice().buffer));
    list.push({ name, count: values.length });
  }
  writer.releaseLock();
  return list;
}

if (import.meta.main) {
  const [crop, images, passes] = Deno.args.map(Number) as [number, number, number];
  const [path, heap] = Deno.args.slice(3);
  await selectBackend("native");
  const run = await runOf("frozen");
  await settle(run);
  const room = heapRoom();
  if (heap !== undefined) room.limit({ ...limitsOf(), heap: Number(heap) });
  const batches = passesOf(crop, images, passes);
  const started = performance.now();
  const { total } = await trainStep(run, { step: 0, steps: 100, multiplier: 1, passes: batches });
  const seconds = (performance.now() - started) / 1000;
  const peak = 1024 * resourceUsage().maxRSS / 1e9, moved = room.moved;
  using file = await Deno.open(path!, { write: true, create: true, truncate: true });
  const found: Frozen = {
    seconds,
    total,
    peak,
    moved,
    gradients: await written(file, Object.entries(run.optimizer.slots)),
    weights: await written(file, run.segmenter.params.map(({ name, value }) => [name, value] as const)),
  };
  console.log(JSON.stringify(found));
  Deno.exit(0);
}
