/**
 * Batch normalisation in the heap, in as few passes over memory as the arithmetic allows: two over the input
 * for its statistics (mean, then squares about it), one that normalises, adds the residual and takes the
 * positive part; backward one for the two sums and one for the gradients. ops/portable_batch_norm.ts has the
 * equations. What is one number a channel is computed on the host between the passes.
 */
import * as tf from "@tensorflow/tfjs-core";
import type {
  BatchStatistics,
  NormCall,
  NormGradient,
  NormGradientCall,
  NormResult,
} from "../../ops/kernel_types.ts";
import { address, emptyTensor, heapView } from "./heap.ts";
import { simd } from "./simd.ts";

/** A part of a batch: the place of its first element, and how many pixels it has. */
interface Part {
  readonly start: number;
  readonly pixels: number;
}

/** The parts of a batch whose parts have so many images. */
function partsOf({ shape: [, height, width, channels] }: tf.Tensor4D, parts: readonly number[]): Part[] {
  let image = 0;
  return parts.map((images) => {
    const start = image * height * width * channels;
    image += images;
    return { start, pixels: images * height * width };
  });
}

/** float32 [C] of what `of` gives for each channel. */
function vector(channels: number, of: (c: number) => number): tf.Tensor1D {
  return tf.tensor1d(Float32Array.from({ length: channels }, (_, c) => of(c)));
}

function empty(channels: number): tf.Tensor1D {
  return emptyTensor([channels]) as tf.Tensor1D;
}

/** The statistics of a part. */
function statisticsOf(x: tf.Tensor4D, { start, pixels }: Part): BatchStatistics {
  const channels = x.shape[3];
  const mean = empty(channels), variance = empty(channels);
  const scratch = emptyTensor([3 * channels]);
  const sums = [address(scratch), address(mean), address(variance)];
  simd("channelStatistics", address(x, start), pixels, channels, ...sums);
  scratch.dispose();
  return { mean, variance };
}

/** 1 / sqrt(variance + epsilon) by channel, on the host. */
function inverses({ variance }: BatchStatistics, epsilon: number): Float32Array {
  return heapView(variance).map((value) => 1 / Math.sqrt(value + epsilon));
}

/** See {@linkcode Kernels.batchNorm}. */
export function heapBatchNorm({ x, gamma, beta, residual, relu, ...call }: NormCall): NormResult {
  const channels = x.shape[3];
  const y = emptyTensor(x.shape) as tf.Tensor4D;
  const statistics = partsOf(x, call.parts).map((part) => {
    const used = call.given ?? statisticsOf(x, part);
    tf.tidy(() => {
      const inverse = inverses(used, call.epsilon), scale = heapView(gamma).slice();
      const factor = vector(channels, (c) => scale[c]! * inverse[c]!);
      const constants = [used.mean, factor, beta].map((tensor) => address(tensor));
      const more = residual ? address(residual, part.start) : 0;
      simd(
        "normalizeChannels",
        address(x, part.start),
        part.pixels,
        channels,
        ...constants,
        more,
        Number(relu),
        address(y, part.start),
      );
    });
    return used;
  });
  return { y, statistics };
}

/** See {@linkcode Kernels.batchNormGradient}. */
export function heapBatchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient {
  const { x, y, gamma } = call;
  const channels = x.shape[3];
  const dx = emptyTensor(x.shape) as tf.Tensor4D;
  const dResidual = call.residual ? emptyTensor(x.shape) as tf.Tensor4D : undefined;
  const dGamma = new Float32Array(channels), dBeta = new Float32Array(channels);
  partsOf(x, call.parts).forEach(({ start, pixels }, k) => {
    const statistics = call.statistics[k]!;
    tf.tidy(() => {
      const sums = empty(channels), centredSums = empty(channels), scratch = emptyTensor([6 * channels]);
      const inputs = [address(dy, start), address(x, start), y ? address(y, start) : 0, pixels, channels];
      const mean = address(statistics.mean);
      const outputs = [scratch, sums, centredSums].map((tensor) => address(tensor));
      simd("channelGradientSums", ...inputs, mean, ...outputs);
      const inverse = inverses(statistics, call.epsilon), scale = heapView(gamma).slice();
      const [slopes, centred] = [heapView(sums).slice(), heapView(centredSums).slice()];
      inverse.forEach((value, c) => {
        dGamma[c]! += centred[c]! * value;
        dBeta[c]! += slopes[c]!;
      });
      const factor = vector(channels, (c) => scale[c]! * inverse[c]!);
      // `level` and `tilt` are the way of the gradient through mean and variance. Given statistics do not
      // depend on x.
      const level = vector(channels, (c) => call.given ? 0 : slopes[c]! / pixels);
      const tilt = vector(
        channels,
        (c) => call.given ? 0 : scale[c]! * inverse[c]! ** 3 * centred[c]! / pixels,
      );
      const constants = [statistics.mean, factor, level, tilt].map((tensor) => address(tensor));
      const results = [address(dx, start), dResidual ? address(dResidual, start) : 0];
      simd("channelGradient", ...inputs, ...constants, ...results);
    });
  });
  return {
    dx,
    dGamma: tf.tensor1d(dGamma),
    dBeta: tf.tensor1d(dBeta),
    ...(dResidual ? { dResidual } : {}),
  };
}
