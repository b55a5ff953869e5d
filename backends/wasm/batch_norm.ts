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
  SharedNorm,
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
  // Not by Float32Array.from: its iterator took longer than the passes over the maps.
  const values = new Float32Array(channels);
  for (let c = 0; c < channels; c++) values[c] = of(c);
  return tf.tensor1d(values);
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
  const parts = partsOf(x, call.parts);
  const begun = parts.map((part) => {
    const own = call.given ?? statisticsOf(x, part);
    return call.shared?.statistics(own) ?? (() => own);
  });
  const statistics: BatchStatistics[] = [];
  parts.forEach((part, k) => {
    const used = statistics[k] = begun[k]!();
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
  });
  return { y, statistics };
}

/** See {@linkcode Kernels.batchNormGradient}. */
export function heapBatchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient {
  const { x, y, gamma } = call;
  const channels = x.shape[3];
  const dx = emptyTensor(x.shape) as tf.Tensor4D;
  const dResidual = call.residual ? emptyTensor(x.shape) as tf.Tensor4D : undefined;
  const parts = partsOf(x, call.parts);
  const placesOf = ({ start, pixels }: Part) =>
    [address(dy, start), address(x, start), y ? address(y, start) : 0, pixels, channels] as const;
  const begun = parts.map((part, k) => {
    const sums = slopeSums(placesOf(part), call.statistics[k]!);
    return { sums, whole: call.shared ? sharedSums(sums, call.shared) : () => sums };
  });
  const dGamma = new Float32Array(channels), dBeta = new Float32Array(channels);
  const inverseDeviations = call.statistics.map((one) => inverses(one, call.epsilon));
  begun.forEach(({ sums: { slopes, centred } }, k) =>
    inverseDeviations[k]!.forEach((value, c) => {
      dGamma[c]! += centred[c]! * value;
      dBeta[c]! += slopes[c]!;
    })
  );
  parts.forEach((part, k) => {
    const statistics = call.statistics[k]!, inverse = inverseDeviations[k]!;
    const { slopes, centred } = begun[k]!.whole();
    tf.tidy(() => {
      const scale = heapView(gamma).slice();
      const factor = vector(channels, (c) => scale[c]! * inverse[c]!);
      // Statistics that were given do not move with x.
      const level = vector(channels, (c) => call.given ? 0 : slopes[c]! / part.pixels);
      const tilt = vector(
        channels,
        (c) => call.given ? 0 : scale[c]! * inverse[c]! ** 3 * centred[c]! / part.pixels,
      );
      const constants = [statistics.mean, factor, level, tilt].map((tensor) => address(tensor));
      const results = [address(dx, part.start), dResidual ? address(dResidual, part.start) : 0];
      simd("channelGradient", ...placesOf(part), ...constants, ...results);
    });
  });
  return {
    dx,
    dGamma: tf.tensor1d(dGamma),
    dBeta: tf.tensor1d(dBeta),
    ...(dResidual ? { dResidual } : {}),
  };
}

/**
 * Sums over the pixels of a part, by channel: of the slopes, and of the slopes times what x is above its
 * mean.
 */
interface SlopeSums {
  readonly slopes: ArrayLike<number>;
  readonly centred: ArrayLike<number>;
}

function slopeSums(
  inputs: readonly [dy: number, x: number, y: number, pixels: number, channels: number],
  { mean }: BatchStatistics,
): SlopeSums {
  const channels = inputs[4];
  const sums = empty(channels), centredSums = empty(channels), scratch = emptyTensor([6 * channels]);
  const outputs = [scratch, sums, centredSums].map((tensor) => address(tensor));
  simd("channelGradientSums", ...inputs, address(mean), ...outputs);
  const result = { slopes: heapView(sums).slice(), centred: heapView(centredSums).slice() };
  tf.dispose([sums, centredSums, scratch]);
  return result;
}

/** Begins to take their means over all processes. */
function sharedSums({ slopes, centred }: SlopeSums, { means }: SharedNorm): () => SlopeSums {
  const all = means(Float64Array.from([...Array.from(slopes), ...Array.from(centred)]));
  return () => {
    const whole = all();
    return { slopes: whole.subarray(0, slopes.length), centred: whole.subarray(slopes.length) };
  };
}
