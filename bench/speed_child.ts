/**
 * One piece of work in a process of its own; prints seconds and memory as JSON.
 *
 *     association SIDE CHANNELS cosine|negative-kl
 *     step LAYERS WIDTH CROP BATCH STEPS [checkpointing]
 *     evaluation HEIGHT WIDTH
 *     mit-step SIZE CROP BATCH STEPS
 *     mit-inference SIZE HEIGHT WIDTH ROUNDS
 *     share SIDE CHANNELS cosine|negative-kl ROUNDS
 */
import { contrastByDefault } from "../ops/association/level.ts";
import * as tf from "@tensorflow/tfjs-core";
import { resourceUsage } from "node:process";
import { builtins } from "../builtins.ts";
import { aggregate } from "../ops/association/aggregation.ts";
import { associationLoss } from "../ops/association/loss.ts";
import { gradients } from "../ops/gradients.ts";
import { selectBackend } from "../backends/select.ts";
import { emptyTensor, heapView } from "../backends/wasm/heap.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import { Random } from "../core/random.ts";
import { assembleModel } from "../train/assemble.ts";
import { evaluateSegmenter } from "../train/evaluate.ts";
import { trainStep } from "../train/step.ts";
import { watchProducts } from "./own_products.ts";
import { median } from "./statistics.ts";
import {
  CLASSES,
  deeplab,
  type MeasuredModel,
  mixTransformer,
  modelPlan,
  trainingStep,
} from "./training_step.ts";

/** What a child prints. */
export interface Measured {
  readonly seconds: number;
  /** Gigabytes of the highest resident set above that before the work, with everything loaded. */
  readonly extra: number;
  /** Gigabytes of the highest resident set. */
  readonly peak: number;
}

const random = Random.stream(0, "bench");

/**
 * Standard normal values, written where the tensor lies: a copy would leave free memory that the work could
 * use.
 */
function normals(shape: number[], positive: boolean): tf.Tensor {
  const x = emptyTensor(shape);
  const values = heapView(x);
  for (let k = 0; k < values.length; k++) {
    const value = random.normal();
    values[k] = positive ? Math.max(0, value) : value;
  }
  return x;
}

function integers(count: number): Int32Array {
  return Int32Array.from({ length: count }, () => random.integer(0, CLASSES - 1));
}

/** Seconds of `work` and the memory it took; before it, garbage of the preparation is collected. */
async function measured(work: () => unknown | Promise<unknown>): Promise<Measured> {
  (globalThis as { gc?: () => void }).gc?.();
  const base = Deno.memoryUsage().rss;
  const started = performance.now();
  const seconds = await work();
  const peak = 1024 * resourceUsage().maxRSS;
  return {
    seconds: typeof seconds === "number" ? seconds : (performance.now() - started) / 1000,
    extra: (peak - base) / 1e9,
    peak: peak / 1e9,
  };
}

function association(args: readonly string[]): Promise<Measured> {
  const associate = associating(args);
  return measured(() => associate());
}

/** Puts the inputs in place. @returns what associates them, forward and backward */
function associating([side, channels, name]: readonly string[]): () => void {
  const registry = builtins();
  const similarity = registry.plan("similarity", name!);
  const pixels = Number(side) ** 2;
  const features = () => {
    const x = normals([1, pixels, Number(channels)], similarity.accepts === "real") as tf.Tensor3D;
    if (similarity.accepts === "real") return x;
    const p = tf.softmax(x);
    x.dispose();
    return p;
  };
  const source = features(), target = features();
  const labels = tf.tensor2d(integers(pixels), [1, pixels], "int32");
  return () => {
    const { value, grads } = gradients(() => {
      const contrast = contrastByDefault(similarity);
      const mixed = aggregate(target, { similarity, alpha: 0.5, contrast });
      const options = { similarity, contrast: true, objective: "contrastive", ignoreLabel: 255 } as const;
      return associationLoss([source, mixed], labels, options).loss;
    }, [source, target]);
    value.dataSync();
    value.dispose();
    grads.forEach((grad) => grad?.dispose());
  };
}

/** An association in turn with the products that it computes, and with one of 4096 x 4096 x 4096. */
export interface Share {
  /** Products of one association, and the operations in them. */
  readonly products: number;
  readonly operations: number;
  /** Seconds of each round. */
  readonly association: readonly number[];
  readonly alone: readonly number[];
  readonly large: readonly number[];
}

async function share([side, channels, name, rounds]: readonly string[]): Promise<Share> {
  // Before the backend starts, which loads models that the work runs as well.
  const watched = watchProducts();
  await selectBackend("native");
  const associate = associating([side!, channels!, name!]);
  const a = normals([LARGE, LARGE], false) as tf.Tensor2D, b = normals([LARGE, LARGE], false) as tf.Tensor2D;
  const multiply = () => tf.dispose(tf.matMul(a, b));
  // The first of each takes memory from the system and loads models.
  multiply();
  watched().dispose();
  associate();
  const own = watched();
  own.again();
  const found = { association: [] as number[], alone: [] as number[], large: [] as number[] };
  for (let k = 0; k < Number(rounds); k++) {
    found.association.push(secondsOf(associate));
    found.alone.push(own.again());
    found.large.push(secondsOf(multiply));
  }
  return { products: own.count, operations: own.operations, ...found };
}

function secondsOf(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

function step([layers, width, crop, batch, steps, checkpointing]: readonly string[]): Promise<Measured> {
  const options = `{ layers: ${layers}, width: ${width}, checkpointing: ${
    checkpointing === "checkpointing"
  } }`;
  return trainingSteps(deeplab(options), [crop!, batch!, steps!]);
}

function mitStep([size, ...rest]: readonly string[]): Promise<Measured> {
  return trainingSteps(mixTransformer(size!), rest);
}

/** The median over some steps after a first one. @param rest crop, images of each domain, steps */
async function trainingSteps(model: MeasuredModel, rest: readonly string[]): Promise<Measured> {
  const [crop, batch, steps] = rest.map(Number) as [number, number, number];
  const { run, passes } = await trainingStep({ backend: "native", model, crop, batch });
  return measured(() =>
    medianOf(steps, (k) => trainStep(run, { step: k, steps: 100, multiplier: 1, passes }))
  );
}

/** Seconds: the median over `rounds` after a first one. */
async function medianOf(rounds: number, work: (round: number) => Promise<unknown>): Promise<number> {
  const seconds: number[] = [];
  for (let k = 0; k <= rounds; k++) {
    const started = performance.now();
    await work(k);
    seconds.push((performance.now() - started) / 1000);
  }
  return median(seconds.slice(1));
}

/** The published network and the aggregation, on one image. */
async function evaluation([height, width]: readonly string[]): Promise<Measured> {
  const registry = builtins();
  const similarity = (name: string) => registry.plan("similarity", name);
  const evaluate = await evaluating(deeplab("{ layers: resnet101 }"), [height!, width!], {
    labelSize: "original",
    aggregation: { alpha: 0.5, features: similarity("cosine"), predictions: similarity("negative-kl") },
  });
  return measured(() => evaluate().then(() => undefined));
}

/** A Mix Transformer labels one image, again and again. */
async function mitInference([size, height, width, rounds]: readonly string[]): Promise<Measured> {
  const evaluate = await evaluating(mixTransformer(size!), [height!, width!], { labelSize: "original" });
  return measured(() => medianOf(Number(rounds), evaluate));
}

/** What evaluates a network without training on one random image. @param sides in pixels: height, width */
async function evaluating(
  model: MeasuredModel,
  sides: readonly [string, string],
  evaluation: EvaluationPlan,
): Promise<() => Promise<unknown>> {
  const plan = await modelPlan("native", model);
  const { segmenter } = assembleModel(plan);
  const [height, width] = sides.map(Number) as [number, number], pixels = height * width;
  const sample = {
    id: "image",
    height,
    width,
    image: Uint8Array.from({ length: 3 * pixels }, () => random.integer(0, 255)),
    labels: Uint8Array.from(integers(pixels)),
  };
  return () =>
    evaluateSegmenter(plan, {
      ensemble: { networks: [{ segmenter, weight: 1 }], featureTap: plan.model.plan.featureTap },
      dataset: { length: 1, read: () => Promise.resolve(sample) },
      split: "val",
      evaluation,
      signal: new AbortController().signal,
    });
}

/** The side of a large matrix product. */
const LARGE = 4096;

const WORKS: Readonly<Record<string, (args: readonly string[]) => Promise<Measured | Share>>> = {
  association,
  step,
  evaluation,
  "mit-step": mitStep,
  "mit-inference": mitInference,
  share,
};

if (import.meta.main) {
  const [name, ...args] = Deno.args;
  if (name !== "share") await selectBackend("native");
  console.log(JSON.stringify(await WORKS[name!]!(args)));
  Deno.exit(0);
}
