/**
 * The parts of a step that WebGPU computes by shaders of its own: time, dispatches and memory on the adapter at hand,
 * printed as a table.
 *
 *     deno task bench webgpu [PART OF A NAME]
 */
import { contrastByDefault } from "../ops/association/level.ts";
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { aggregate } from "../ops/association/aggregation.ts";
import { associationLoss } from "../ops/association/loss.ts";
import { conv2d } from "../ops/conv2d.ts";
import { gradients } from "../ops/gradients.ts";
import { lovasz } from "../ops/lovasz.ts";
import { selectBackend } from "../backends/select.ts";
import { Registry } from "../core/registry.ts";
import { similarities } from "../losses/mod.ts";
import { trainStep } from "../train/step.ts";
import { medianAndRange } from "./statistics.ts";
import { trainingStep } from "./training_step.ts";

const ROUNDS = 3;
const registry = new Registry([...similarities]);

interface Work {
  readonly name: string;
  /** Puts everything on the device. */
  start(): Promise<Started>;
}

interface Started {
  /** Ends when the device has done it. */
  round(): Promise<unknown>;
  end(): void;
}

/** A work on some tensors. @param run makes something to read when it is done; everything else is freed */
function operator(name: string, inputs: () => tf.Tensor[], run: (inputs: tf.Tensor[]) => tf.Tensor): Work {
  return {
    name,
    async start() {
      const given = tf.tidy(inputs);
      await Promise.all(given.map((x) => read(() => tf.sum(x))));
      return { round: () => read(() => run(given)), end: () => tf.dispose(given) };
    },
  };
}

async function read(make: () => tf.Tensor): Promise<void> {
  const result = tf.tidy(make);
  await result.data();
  result.dispose();
}

/** Association with aggregation, forward and backward, of two images of side x side pixels. */
function associating(name: string, side: number, channels: number): Work {
  const similarity = registry.plan("similarity", name);
  const shape = [1, side * side, channels];
  return operator(
    `${name}, ${side}x${side}x${channels}, forward and backward`,
    () => [
      ...[1, 2].map((seed) => {
        const x = tf.randomNormal(shape, 0, 1, "float32", seed);
        return similarity.accepts === "simplex" ? tf.softmax(x) : tf.relu(x);
      }),
      randomLabels([1, side * side]),
    ],
    ([source, target, labels]) => {
      const { grads } = gradients(() => {
        const contrast = contrastByDefault(similarity);
        const mixed = aggregate(target as tf.Tensor3D, { similarity, alpha: 0.5, contrast });
        return associationLoss([source as tf.Tensor3D, mixed], labels as tf.Tensor2D, {
          similarity,
          contrast: true,
          objective: "contrastive",
          ignoreLabel: 255,
        }).loss;
      }, [source!, target!]);
      return tf.add(tf.sum(grads[0]!), tf.sum(grads[1]!));
    },
  );
}

function randomLabels(shape: number[]): tf.Tensor {
  return tf.cast(tf.floor(tf.randomUniform(shape, 0, 18.99, "float32", 5)), "int32");
}

function sorting(side: number): Work {
  return operator(
    `Lovasz, 19 classes, ${side}x${side} pixels, forward and backward`,
    () => [
      tf.softmax(tf.randomNormal([1, side, side, 19], 0, 2, "float32", 3)),
      randomLabels([1, side, side]),
    ],
    ([p, labels]) => tf.sum(tf.grad((x) => lovasz(x as tf.Tensor4D, labels as tf.Tensor3D))(p!)),
  );
}

function convolving(side: number, channels: number): Work {
  return operator(
    `gradient of a 3x3 filter, dilation 2, 2x${side}x${side}, ${channels} to ${channels} channels`,
    () => [
      tf.randomNormal([2, side, side, channels], 0, 1, "float32", 1),
      tf.randomNormal([3, 3, channels, channels], 0, 1, "float32", 2),
      tf.randomNormal([2, side, side, channels], 0, 1, "float32", 3),
    ],
    ([x, filter, dy]) => {
      const f = (w: tf.Tensor) =>
        conv2d(x as tf.Tensor4D, w as tf.Tensor4D, { padding: 2, dilation: 2, constantInput: true });
      return tf.sum(tf.grad(f)(filter!, dy!));
    },
  );
}

/** Slim DeepLab-v2, crop 144, two images per domain, 19 classes, full objective. */
const STEP: Work = {
  name: "training step, crop 144",
  async start() {
    const { run, passes } = await trainingStep({
      backend: "webgpu",
      model: "{ layers: [1, 1, 1, 1], width: 0.5 }",
      crop: 144,
      batch: 2,
    });
    let step = 0;
    return {
      round: () => trainStep(run, { step: step++, steps: 100, multiplier: 1, passes }),
      end: () => run.dispose(),
    };
  },
};

const WORKS: readonly Work[] = [
  STEP,
  associating("negative-kl", 32, 19),
  associating("negative-kl", 64, 19),
  associating("negative-kl", 92, 19),
  associating("cosine", 46, 512),
  sorting(300),
  sorting(730),
  convolving(46, 256),
];

interface Measured {
  readonly ms: readonly number[];
  readonly dispatches: number;
  /** In use on the device at most, the inputs not counted. */
  readonly megabytes: number;
}

async function measure(work: Work): Promise<Measured> {
  const backend = tf.backend() as WebGPUBackend;
  const { bufferManager, runWebGPUProgram } = backend;
  const { acquireBuffer } = bufferManager;
  const { round, end } = await work.start();
  // The first round compiles the shaders.
  await round();
  const base = bufferManager.numBytesUsed;
  let dispatches = 0, peak = base;
  backend.runWebGPUProgram = (...args) => {
    dispatches++;
    return runWebGPUProgram.apply(backend, args);
  };
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args);
    peak = Math.max(peak, bufferManager.numBytesUsed);
    return buffer;
  };
  const ms: number[] = [];
  try {
    for (let k = 0; k < ROUNDS; k++) {
      const started = performance.now();
      await round();
      ms.push(performance.now() - started);
    }
  } finally {
    backend.runWebGPUProgram = runWebGPUProgram;
    bufferManager.acquireBuffer = acquireBuffer;
    end();
  }
  return { ms, dispatches: dispatches / ROUNDS, megabytes: (peak - base) / 1e6 };
}

/** Measures what the adapter can do and every work whose name holds `part`. */
export async function webgpu([part = ""]: readonly string[]): Promise<void> {
  await selectBackend("webgpu");
  const { description } = (await navigator.gpu.requestAdapter())!.info;
  console.log(`adapter: ${description}\n`);
  console.log("| work | ms | dispatches | MB |\n| --- | --- | --- | --- |");
  for (const work of WORKS.filter(({ name }) => name.includes(part))) {
    const { ms, dispatches, megabytes } = await measure(work);
    console.log(`| ${work.name} | ${medianAndRange(ms, 0)} | ${dispatches} | ${megabytes.toFixed(1)} |`);
  }
}
