/**
 * What is timed on a GPU: the parts of a step that WebGPU computes by shaders of its own, and whole steps.
 */
import { contrastByDefault } from "../../ops/association/level.ts";
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../../ops/association/aggregation.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { gradients } from "../../ops/gradients.ts";
import { lovasz } from "../../ops/lovasz.ts";
import { Registry } from "../../core/registry.ts";
import { similarities } from "../../losses/mod.ts";
import { trainStep } from "../../train/step.ts";
import { deeplab, type MeasuredModel, mixTransformer, trainingStep } from "../training_step.ts";

const registry = new Registry([...similarities]);

/** Something to time. */
export interface Work {
  readonly name: string;
  /** Puts everything on the device. */
  start(): Promise<Started>;
}

/** A work whose inputs are on the device. */
export interface Started {
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

/** A step of DeepLab-v2. @param images of each domain */
export function step(layers: string, width: number, crop: number, images: number): Work {
  const model = deeplab(`{ layers: ${layers}, width: ${width} }`);
  return stepOf(`layers ${layers}, width ${width}`, model, crop, images);
}

/** A step of a Mix Transformer. @param size `b0` to `b5` @param images of each domain */
export function mitStep(size: string, crop: number, images: number): Work {
  return stepOf(`MiT-${size.toUpperCase()}, SegFormer's head`, mixTransformer(size), crop, images);
}

/** A training step with the full objective of PLCA and 19 classes. */
function stepOf(title: string, model: MeasuredModel, crop: number, images: number): Work {
  return {
    name: `step, ${title}, crop ${crop}, ${images}+${images} images`,
    async start() {
      const { run, passes } = await trainingStep({ backend: "webgpu", model, crop, batch: images });
      let step = 0;
      return {
        round: () => trainStep(run, { step: step++, steps: 100, multiplier: 1, passes }),
        end: () => run.dispose(),
      };
    },
  };
}

/** A matrix product of TensorFlow.js. */
function multiplying(side: number): Work {
  return operator(
    `matMul ${side}x${side}x${side}`,
    () => [1, 2].map((seed) => tf.randomUniform([side, side], -1, 1, "float32", seed)),
    ([a, b]) => tf.sum(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D)),
  );
}

/** A convolution forward. */
function forward(kernel: number, side: number, channels: [number, number]): Work {
  return operator(
    `conv ${kernel}x${kernel}, 1x${side}x${side}, ${channels[0]} to ${channels[1]} channels`,
    () => [
      tf.randomNormal([1, side, side, channels[0]], 0, 1, "float32", 1),
      tf.randomNormal([kernel, kernel, ...channels], 0, 1, "float32", 2),
    ],
    ([x, filter]) =>
      tf.sum(conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, { padding: (kernel - 1) / 2, dilation: 1 })),
  );
}

/** Associations, the largest last. @param small sizes that a processor can imitate in seconds */
export function associations(small: boolean): readonly Work[] {
  if (small) return [associating("negative-kl", 16, 19), associating("cosine", 16, 64)];
  return [
    associating("cosine", 46, 512),
    associating("negative-kl", 92, 19),
    associating("cosine", 92, 2048),
  ];
}

/** Everything else but whole steps. @param small sizes that a processor can imitate in seconds */
export function operators(small: boolean): readonly Work[] {
  if (small) return [multiplying(256), sorting(64), convolving(16, 32)];
  return [
    multiplying(4096),
    forward(1, 92, [1024, 256]),
    forward(3, 92, [256, 256]),
    forward(3, 92, [512, 512]),
    convolving(92, 256),
    sorting(730),
  ];
}
