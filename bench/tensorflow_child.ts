/**
 * One piece of work on a backend, in a process of its own; prints seconds as JSON.
 *
 *     BACKEND product SIDE
 *     BACKEND convolution IMAGES SIDE INPUT OUTPUT DILATION
 *     BACKEND association SIDE CHANNELS cosine|negative-kl
 *     BACKEND step LAYERS WIDTH CROP BATCH STEPS
 *     tensorflow operators ROUNDS
 *     tensorflow version
 */
import { contrastByDefault } from "../ops/association/level.ts";
import * as tf from "@tensorflow/tfjs-core";
import { resourceUsage } from "node:process";
import { aggregate } from "../ops/association/aggregation.ts";
import { associationLoss } from "../ops/association/loss.ts";
import { conv2d } from "../ops/conv2d.ts";
import { gradients } from "../ops/gradients.ts";
import { selectBackend } from "../backends/select.ts";
import { findTensorflow } from "../backends/tensorflow/start.ts";
import type { BackendName } from "../core/plan.ts";
import { builtins } from "../builtins.ts";
import { trainStep } from "../train/step.ts";
import type { Measured } from "./speed_child.ts";
import { median } from "./statistics.ts";
import { compareOperators } from "./tensorflow_operators.ts";
import { CLASSES, deeplab, trainingStep } from "./training_step.ts";

/** Of some repetitions after a first one. */
const REPETITIONS = 5;

function medianSeconds(work: () => void): number {
  const seconds: number[] = [];
  for (let k = 0; k <= REPETITIONS; k++) {
    const started = performance.now();
    tf.tidy(work);
    seconds.push((performance.now() - started) / 1000);
  }
  return median(seconds.slice(1));
}

function measured(seconds: number): Measured {
  return { seconds, extra: NaN, peak: 1024 * resourceUsage().maxRSS / 1e9 };
}

function product([side]: readonly string[]): Measured {
  const shape: [number, number] = [Number(side), Number(side)];
  const a = tf.randomNormal(shape, 0, 1, "float32", 1), b = tf.randomNormal(shape, 0, 1, "float32", 2);
  return measured(medianSeconds(() => void tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D)));
}

/** 3x3, forward and both gradients. */
function convolution(args: readonly string[]): Measured {
  const [images, side, input, output, dilation] = args.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const x = tf.randomNormal([images, side, side, input], 0, 1, "float32", 1) as tf.Tensor4D;
  const filter = tf.randomNormal([3, 3, input, output], 0, 1, "float32", 2) as tf.Tensor4D;
  const dy = tf.randomNormal([images, side, side, output], 0, 1, "float32", 3);
  const window = { padding: dilation, dilation };
  return measured(medianSeconds(() => void gradients(() => conv2d(x, filter, window), [x, filter], dy)));
}

/** With aggregation of the target, forward and both gradients. */
function association([side, channels, name]: readonly string[]): Measured {
  const registry = builtins(), pixels = Number(side) ** 2;
  const similarity = registry.plan("similarity", name!);
  const contrast = contrastByDefault(similarity);
  const features = (seed: number) =>
    tf.tidy(() => {
      const x = tf.randomNormal([1, pixels, Number(channels)], 0, 1, "float32", seed) as tf.Tensor3D;
      return similarity.accepts === "real" ? tf.relu(x) : tf.softmax(x);
    });
  const source = features(1), target = features(2);
  const ids = Int32Array.from({ length: pixels }, (_, k) => (k * 7919) % CLASSES);
  const labels = tf.tensor2d(ids, [1, pixels], "int32");
  return measured(medianSeconds(() => {
    const { value } = gradients(() => {
      const mixed = aggregate(target, { similarity, alpha: 0.5, contrast });
      const options = { similarity, contrast: true, objective: "contrastive", ignoreLabel: 255 } as const;
      return associationLoss([source, mixed], labels, options).loss;
    }, [source, target]);
    value.dataSync();
  }));
}

async function step(backend: BackendName, args: readonly string[]): Promise<Measured> {
  const [layers, width, crop, batch, steps] = args;
  const model = deeplab(`{ layers: ${layers}, width: ${width} }`);
  const { run, passes } = await trainingStep({ backend, model, crop: Number(crop), batch: Number(batch) });
  const seconds: number[] = [];
  for (let k = 0; k <= Number(steps); k++) {
    const started = performance.now();
    await trainStep(run, { step: k, steps: 100, multiplier: 1, passes });
    seconds.push((performance.now() - started) / 1000);
  }
  return measured(median(seconds.slice(1)));
}

async function measure(backend: BackendName, name: string, args: readonly string[]): Promise<unknown> {
  switch (name) {
    case "product":
      return product(args);
    case "convolution":
      return convolution(args);
    case "association":
      return association(args);
    case "step":
      return await step(backend, args);
    case "operators":
      return compareOperators(Number(args[0]));
    default:
      return findTensorflow().detail;
  }
}

if (import.meta.main) {
  const [backend, name, ...args] = Deno.args as [BackendName, string, ...string[]];
  await selectBackend(backend);
  console.log(JSON.stringify(await measure(backend, name, args)));
  Deno.exit(0);
}
