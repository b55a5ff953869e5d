/** What WebGPU computes in its own way, so that nothing is read back inside a step. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, LovaszResult } from "../ops/kernels.ts";
import { composedMaxPool, composedMaxPoolGradient } from "./max_pool.ts";
import { webgpuRows } from "./rows.ts";

/** The replacements for backends/ops/kernels.ts. */
export function webgpuKernels(): Partial<Kernels> {
  return {
    lovasz,
    maxPool: composedMaxPool,
    maxPoolGradient: composedMaxPoolGradient,
    deviceRows: webgpuRows,
  };
}

/** The Lovasz extension with the device's own sort; ignored pixels get the error -1 and so come last. */
function lovasz(probabilities: tf.Tensor2D, labels: tf.Tensor1D): LovaszResult {
  return tf.tidy(() => {
    const [pixels, classes] = probabilities.shape;
    const shape: [number, number] = [classes, pixels];
    const starts = tf.tensor2d(Int32Array.from({ length: classes }, (_, c) => c), [classes, 1], "int32");
    const own = tf.cast(tf.equal(tf.expandDims(labels, 0), starts), "float32") as tf.Tensor2D;
    const valid = tf.sum(own, 0, true);
    const distance = tf.abs(tf.sub(own, tf.transpose(probabilities)));
    const errors = tf.sub(tf.mul(tf.add(distance, 1), valid), 1);
    const { values, indices } = tf.topk(errors, pixels, true);
    const places = tf.reshape(tf.add(indices, tf.mul(starts, tf.scalar(pixels, "int32"))), [
      classes * pixels,
    ]);
    const sortedOwn = tf.reshape(
      tf.gather(tf.reshape(own, [classes * pixels]), places as tf.Tensor1D),
      shape,
    );
    const members = tf.sum(own, 1, true);
    const seen = tf.cumsum(sortedOwn, 1);
    const ranks = tf.range(1, pixels + 1, 1, "float32");
    const union = tf.maximum(tf.add(members, tf.sub(ranks, seen)), 1);
    const jaccard = tf.sub(1, tf.div(tf.sub(members, seen), union)) as tf.Tensor2D;
    const before = tf.pad(tf.slice(jaccard, [0, 0], [classes, pixels - 1]), [[0, 0], [1, 0]]);
    const present = tf.minimum(members, 1);
    const share = tf.div(present, tf.maximum(tf.sum(present), 1));
    const inside = tf.cast(tf.greaterEqual(values, 0), "float32");
    const weights = tf.mul(tf.mul(tf.sub(jaccard, before), share), inside);
    const slopes = tf.reshape(tf.mul(weights, tf.sub(1, tf.mul(sortedOwn, 2))), [classes * pixels]);
    const gradient = tf.scatterND(tf.expandDims(places, 1), slopes, [classes * pixels]);
    return {
      loss: tf.sum(tf.mul(weights, values)) as tf.Scalar,
      gradient: tf.transpose(tf.reshape(gradient, shape)) as tf.Tensor2D,
    };
  });
}
