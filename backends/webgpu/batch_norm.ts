/**
 * Batch normalisation in a few shaders. Think of the images as rows of channels, [pixels, C]. Sums down the
 * columns are taken in two goes: first over pieces of the rows, by a workgroup for 32 channels of a piece, so
 * that a GPU is busy however few channels there are; then over the pieces, by a thread for each channel. What
 * is done to single values (normalising, its gradient) is one shader each way, with a thread for each value.
 *
 * The forward pass takes 3 dispatches for the statistics of a part and 1 for its values, the backward pass 3
 * for a part and 2 or 3 in all; no sum is read by the host. ops/portable_batch_norm.ts has the equations.
 */
import * as tf from "@tensorflow/tfjs-core";
import type {
  BatchStatistics,
  NormCall,
  NormGradient,
  NormGradientCall,
  NormResult,
} from "../../ops/kernel_types.ts";
import { runShader, THREADS, type Uniform } from "./shader.ts";

/**
 * A workgroup of the first go has 32 neighbouring channels, so that it reads memory in a row; 4 threads share
 * the rows of each.
 */
const CHANNELS = 32, LANES = THREADS / CHANNELS;
/**
 * At most 64 pieces of at least 32 rows: enough to keep a GPU busy, few enough that one thread adds them up.
 */
const MOST_PIECES = 64, FEWEST_ROWS = 32;

/** The rows of one part of a batch. */
interface Part {
  readonly first: number;
  readonly rows: number;
  readonly channels: number;
  /** Rows of each piece but the last, which may be shorter. */
  readonly pieceRows: number;
  readonly pieces: number;
}

/** The rows of each part of a batch, divided into pieces. */
function partsOf([_, height, width, channels]: tf.Tensor4D["shape"], parts: readonly number[]): Part[] {
  let first = 0;
  return parts.map((images) => {
    const rows = images * height * width;
    const pieceRows = Math.max(FEWEST_ROWS, Math.ceil(rows / MOST_PIECES));
    const part = { first, rows, channels, pieceRows, pieces: Math.ceil(rows / pieceRows) };
    first += rows;
    return part;
  });
}

/** Integers as uniforms, by name. */
function numbers(values: Readonly<Record<string, number>>): Uniform[] {
  return Object.entries(values).map(([name, value]) => ({ name, type: "i32", value }));
}

/** WGSL: adds up, over the threads of a channel, two sums that each thread has over its rows. */
const OVER_LANES = `
  var<workgroup> sums : array<f32, ${THREADS}>;
  var<workgroup> others : array<f32, ${THREADS}>;

  fn overLanes(s : f32, q : f32) -> vec2<f32> {
    let t = i32(localId.x);
    sums[t] = s;
    others[t] = q;
    workgroupBarrier();
    var total = vec2<f32>(0.0, 0.0);
    for (var lane = t % ${CHANNELS}; lane < ${THREADS}; lane = lane + ${CHANNELS}) {
      total = total + vec2<f32>(sums[lane], others[lane]);
    }
    return total;
  }`;

/** WGSL: which rows and which channel a thread has: `piece`, `channel`, `lane`, `begin`, `end`. */
const PLACE = `
    let t = i32(localId.x);
    let group = index / ${THREADS};
    let blocks = (uniforms.channels + ${CHANNELS - 1}) / ${CHANNELS};
    let piece = group / blocks;
    let channel = (group % blocks) * ${CHANNELS} + t % ${CHANNELS};
    let lane = t / ${CHANNELS};
    let begin = uniforms.firstRow + piece * uniforms.pieceRows;
    let end = min(begin + uniforms.pieceRows, uniforms.firstRow + uniforms.rows);`;

/**
 * For each piece and channel, the mean and the sum of squares about it. The squares are taken about the
 * piece's first value, which lies near the mean if anything does, so that little is lost when the two are
 * told apart.
 */
const PIECES = `${OVER_LANES}
  fn main(index : i32) {${PLACE}
    var s = 0.0;
    var q = 0.0;
    var shift = 0.0;
    if (channel < uniforms.channels) {
      shift = x[begin * uniforms.channels + channel];
      for (var row = begin + lane; row < end; row = row + ${LANES}) {
        let d = x[row * uniforms.channels + channel] - shift;
        s = s + d;
        q = q + d * d;
      }
    }
    let total = overLanes(s, q);
    if (lane == 0 && channel < uniforms.channels) {
      let count = f32(end - begin);
      let at = piece * 2 * uniforms.channels + channel;
      result[at] = shift + total.x / count;
      result[at + uniforms.channels] = total.y - total.x * (total.x / count);
    }
  }`;

/** The mean over all pieces or, with \`variance\` 1, the biased variance. */
const STATISTIC = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let rows = f32(uniforms.rows);
    var mean = 0.0;
    for (var piece = 0; piece < uniforms.pieces; piece = piece + 1) {
      let count = f32(min(uniforms.pieceRows, uniforms.rows - piece * uniforms.pieceRows));
      mean = mean + pieces[piece * 2 * uniforms.size + index] * (count / rows);
    }
    if (uniforms.variance == 0) {
      result[index] = mean;
      return;
    }
    var squares = 0.0;
    for (var piece = 0; piece < uniforms.pieces; piece = piece + 1) {
      let count = f32(min(uniforms.pieceRows, uniforms.rows - piece * uniforms.pieceRows));
      let at = piece * 2 * uniforms.size + index;
      let d = pieces[at] - mean;
      squares = squares + pieces[at + uniforms.size] + count * d * d;
    }
    result[index] = max(squares, 0.0) / rows;
  }`;

/** Normalises the values of one part. The ReLU keeps NaN, so that a fault is not hidden. */
function normalise(residual: boolean): string {
  return `
  fn main(index : i32) {
    if (index >= uniforms.values) { return; }
    let at = uniforms.firstRow * uniforms.channels + index;
    let channel = index % uniforms.channels;
    let factor = gamma[channel] * inverseSqrt(variance[channel] + uniforms.epsilon);
    var value = (x[at] - mean[channel]) * factor + beta[channel]${residual ? " + residual[at]" : ""};
    if (uniforms.relu == 1) { value = select(value, 0.0, value < 0.0); }
    result[at] = value;
  }`;
}

/** WGSL: the gradient that counts: behind a ReLU (\`y\` is there) only where the result is positive. */
const counted = (masked: boolean) => masked ? "select(0.0, dy[at], y[at] > 0.0)" : "dy[at]";

/** For each piece and channel, the sum of the gradients and of the gradients times the normalised values. */
function slopePieces(masked: boolean): string {
  return `${OVER_LANES}
  fn main(index : i32) {${PLACE}
    var s = 0.0;
    var q = 0.0;
    if (channel < uniforms.channels) {
      let average = mean[channel];
      let inverse = inverseSqrt(variance[channel] + uniforms.epsilon);
      for (var row = begin + lane; row < end; row = row + ${LANES}) {
        let at = row * uniforms.channels + channel;
        let slope = ${counted(masked)};
        s = s + slope;
        q = q + slope * ((x[at] - average) * inverse);
      }
    }
    let total = overLanes(s, q);
    if (lane == 0 && channel < uniforms.channels) {
      let at = piece * 2 * uniforms.channels + channel;
      result[at] = total.x;
      result[at + uniforms.channels] = total.y;
    }
  }`;
}

/** Adds up the pieces of a part, into its place in the sums of all parts. */
const ADD_PIECES = `
  fn main(index : i32) {
    if (index >= uniforms.width) { return; }
    var sum = 0.0;
    for (var piece = 0; piece < uniforms.pieces; piece = piece + 1) {
      sum = sum + pieces[piece * uniforms.width + index];
    }
    result[uniforms.offset + index] = sum;
  }`;

/**
 * The gradient of the values of one part. \`share\` is 1 / rows, or 0 for given statistics, which are
 * constants.
 */
function valueSlopes(masked: boolean): string {
  return `
  fn main(index : i32) {
    if (index >= uniforms.values) { return; }
    let at = uniforms.firstRow * uniforms.channels + index;
    let channel = index % uniforms.channels;
    let inverse = inverseSqrt(variance[channel] + uniforms.epsilon);
    let normal = (x[at] - mean[channel]) * inverse;
    let sum = sums[uniforms.offset + channel] * uniforms.share;
    let product = sums[uniforms.offset + uniforms.channels + channel] * uniforms.share;
    result[at] = (${counted(masked)} - sum - normal * product) * (gamma[channel] * inverse);
  }`;
}

/**
 * Adds up the parts: sums of the gradients, or with \`which\` 1 of the gradients times the normalised values.
 */
const ADD_PARTS = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    var sum = 0.0;
    for (var part = 0; part < uniforms.parts; part = part + 1) {
      sum = sum + sums[(2 * part + uniforms.which) * uniforms.size + index];
    }
    result[index] = sum;
  }`;

/** The gradient of the residual behind a ReLU. */
const MASK = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = select(0.0, dy[index], y[index] > 0.0);
  }`;

/** A tensor whose values are not set, to be filled by shaders that each write a part of it. */
function empty(shape: number[]): tf.Tensor {
  const info = (tf.backend() as unknown as { makeTensorInfo(shape: number[], dtype: string): tf.TensorInfo })
    .makeTensorInfo(shape, "float32");
  return tf.engine().makeTensorFromTensorInfo(info);
}

/** How many workgroups the first go of a part has. */
function pieceGroups({ channels, pieces }: Part): number {
  return Math.ceil(channels / CHANNELS) * pieces;
}

/** Mean and variance of a part, in three dispatches. */
function statisticsOf(x: tf.Tensor4D, part: Part): BatchStatistics {
  const { first: firstRow, rows, channels, pieceRows, pieces } = part;
  const uniforms = numbers({ firstRow, rows, channels, pieceRows });
  const shader = { name: "norm_pieces", code: PIECES, inputs: { x }, uniforms };
  const sums = runShader(shader, { shape: [pieces, 2, channels], workgroups: pieceGroups(part) });
  const statistic = (variance: number) =>
    runShader({
      name: "norm_statistic",
      code: STATISTIC,
      inputs: { pieces: sums },
      uniforms: numbers({ rows, pieceRows, pieces, variance }),
    }, { shape: [channels] }) as tf.Tensor1D;
  const statistics = { mean: statistic(0), variance: statistic(1) };
  sums.dispose();
  return statistics;
}

/** See {@linkcode Kernels.batchNorm}. */
export function fusedBatchNorm({ x, gamma, beta, residual, relu, epsilon, ...call }: NormCall): NormResult {
  const y = empty(x.shape) as tf.Tensor4D;
  const statistics = partsOf(x.shape, call.parts).map((part) => {
    const { mean, variance } = call.given ?? statisticsOf(x, part);
    const { first: firstRow, rows, channels } = part, values = rows * channels;
    runShader({
      name: `norm_apply_${residual ? "residual" : "alone"}`,
      code: normalise(residual !== undefined),
      inputs: { x, mean, variance, gamma, beta, ...(residual ? { residual } : {}) },
      uniforms: [
        ...numbers({ firstRow, channels, values, relu: relu ? 1 : 0 }),
        { name: "epsilon", type: "f32", value: epsilon },
      ],
    }, { shape: x.shape, into: y, threadsFor: values });
    return { mean, variance };
  });
  return { y, statistics };
}

/** See {@linkcode Kernels.batchNormGradient}. */
export function fusedBatchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient {
  const { x, y, gamma, statistics, given } = call;
  const masked = y !== undefined, kind = masked ? "masked" : "whole";
  const parts = partsOf(x.shape, call.parts), channels = x.shape[3];
  const epsilon: Uniform = { name: "epsilon", type: "f32", value: call.epsilon };
  const sums = empty([parts.length, 2, channels]), dx = empty(x.shape) as tf.Tensor4D;
  parts.forEach((part, k) => {
    const { first: firstRow, rows, pieceRows, pieces } = part, values = rows * channels;
    const inputs = { dy, x, ...(masked ? { y } : {}), ...statistics[k]! };
    const offset = 2 * k * channels, width = 2 * channels;
    const slopes = runShader({
      name: `norm_slope_pieces_${kind}`,
      code: slopePieces(masked),
      inputs,
      uniforms: [...numbers({ firstRow, rows, channels, pieceRows }), epsilon],
    }, { shape: [pieces, 2, channels], workgroups: pieceGroups(part) });
    runShader({
      name: "norm_add_pieces",
      code: ADD_PIECES,
      inputs: { pieces: slopes },
      uniforms: numbers({ pieces, width, offset }),
    }, { shape: sums.shape, into: sums, threadsFor: width });
    slopes.dispose();
    runShader({
      name: `norm_value_slopes_${kind}`,
      code: valueSlopes(masked),
      inputs: { ...inputs, gamma, sums },
      uniforms: [
        ...numbers({ firstRow, channels, values, offset }),
        epsilon,
        { name: "share", type: "f32", value: given ? 0 : 1 / rows },
      ],
    }, { shape: x.shape, into: dx, threadsFor: values });
  });
  const total = (which: number) =>
    runShader({
      name: "norm_add_parts",
      code: ADD_PARTS,
      inputs: { sums },
      uniforms: numbers({ parts: parts.length, which }),
    }, { shape: [channels] }) as tf.Tensor1D;
  const dBeta = total(0), dGamma = total(1);
  sums.dispose();
  return { dx, dGamma, dBeta, ...(call.residual ? { dResidual: residualSlope(dy, y) } : {}) };
}

/** The gradient of the residual: dy where the result is positive. */
function residualSlope(dy: tf.Tensor4D, y: tf.Tensor4D | undefined): tf.Tensor4D {
  if (y === undefined) return tf.clone(dy);
  return runShader({ name: "norm_mask", code: MASK, inputs: { dy, y } }, { shape: dy.shape }) as tf.Tensor4D;
}
