/**
 * The association's kernels over blocks of rows (ops/association/device/row_kernels.ts) as compute shaders.
 * `summarise` is a reduction: one workgroup for each row, whose threads share the columns and meet as
 * together.ts has it. The others are maps: one thread for each cell, which reads its row's summary.
 */
import * as tf from "@tensorflow/tfjs-core";
import { EPSILON } from "../../ops/association/contrast.ts";
import { type DeviceRowKernels, SUMMARY, SUMMARY_WIDTH } from "../../ops/association/device/row_kernels.ts";
import type { Offers } from "./device.ts";
import { runShader, THREADS } from "./shader.ts";
import { togetherLargest, togetherSum } from "./together.ts";

/**
 * Bytes of a block: enough rows to keep a GPU busy, few enough that a handful of blocks is small beside its
 * memory.
 */
const BLOCK_BYTES = 2 ** 24;
/** Side of the tiles in which TensorFlow.js multiplies matrices. */
const TILE = 32;

/** As many rows as fit into so many bytes, whole tiles of the matrix product if possible. */
function blockRows(columns: number, bytes: number): number {
  const rows = Math.max(1, Math.floor(bytes / (4 * columns)));
  return rows < TILE ? rows : rows - rows % TILE;
}

/** Maximum with its place, mean, inverse deviation and log sum of exponentials, in this order, of one row. */
const summary = (subgroups: boolean) => `
  const NOWHERE = 0x7fffffff;
  var<workgroup> places : array<i32, ${THREADS}>;
  ${togetherSum(subgroups)}

  // One workgroup for every row.
  fn main(index : i32) {
    let t = i32(localId.x);
    let row = index / ${THREADS};
    let columns = uniforms.dShape.y;
    let first = row * columns;

    // The first of the largest values; NaN and -infinity are never that.
    var best = -uniforms.INFINITY;
    var place = NOWHERE;
    var sum = 0.0;
    for (var column = t; column < columns; column = column + ${THREADS}) {
      let value = d[first + column];
      sum = sum + value;
      if (!isnan(value) && value > best) {
        best = value;
        place = column;
      }
    }${togetherLargest(subgroups)}
    workgroupBarrier();

    var mean = 0.0;
    var inverse = 1.0;
    if (uniforms.contrast == 1) {
      mean = together(sum) / f32(columns);
      var squares = 0.0;
      for (var column = t; column < columns; column = column + ${THREADS}) {
        let distance = d[first + column] - mean;
        squares = squares + distance * distance;
      }
      inverse = 1.0 / (sqrt(together(squares) / f32(max(1, columns - 1))) + ${EPSILON});
    }

    let top = (best - mean) * inverse;
    var powers = 0.0;
    for (var column = t; column < columns; column = column + ${THREADS}) {
      powers = powers + exp((d[first + column] - mean) * inverse - top);
    }
    let logSum = top + log(together(powers));

    if (t == 0) {
      let at = row * ${SUMMARY_WIDTH};
      let found = place != NOWHERE;
      result[at + ${SUMMARY.peak}] = select(uniforms.NAN, best, found);
      result[at + ${SUMMARY.column}] = select(0.0, f32(place), found);
      result[at + ${SUMMARY.mean}] = mean;
      result[at + ${SUMMARY.inverse}] = inverse;
      result[at + ${SUMMARY.logSum}] = select(uniforms.NAN, logSum, found);
    }
  }`;

/** log softmax(z) of one element. */
const LOG_SOFTMAX = `
  fn logSoftmax(value : f32, row : i32) -> f32 {
    let at = row * ${SUMMARY_WIDTH};
    let z = (value - summary[at + ${SUMMARY.mean}]) * summary[at + ${SUMMARY.inverse}];
    return z - summary[at + ${SUMMARY.logSum}];
  }`;

const SOFTMAX = `${LOG_SOFTMAX}
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    result[index] = exp(logSoftmax(d[index], index / uniforms.outShape.y));
  }`;

/** Rows without a weight are 0 without looking at them: their softmax may be NaN. */
const PEAK_GRADIENT = `${LOG_SOFTMAX}
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let row = index / uniforms.outShape.y;
    let column = index - row * uniforms.outShape.y;
    let factor = lift[row];
    if (factor == 0.0) {
      result[index] = 0.0;
      return;
    }
    let peak = select(0.0, 1.0, column == i32(summary[row * ${SUMMARY_WIDTH} + ${SUMMARY.column}]));
    result[index] = factor * (peak - exp(logSoftmax(d[index], row)));
  }`;

const SOFTMAX_GRADIENT = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let row = index / uniforms.outShape.y;
    result[index] = p[index] * (dp[index] - along[row]) * inverse[row];
  }`;

/** The kernels for a device; each is one dispatch. */
export function rowKernels({ bindingBytes, subgroups }: Offers): DeviceRowKernels {
  const name = subgroups ? "summarise_subgroups" : "summarise", code = summary(subgroups);
  return {
    ...MAPS,
    blockRows: (columns) => blockRows(columns, Math.min(BLOCK_BYTES, bindingBytes)),
    summarise(d, contrast) {
      const rows = d.shape[0];
      const uniforms = [{ name: "contrast", type: "i32", value: Number(contrast) }] as const;
      return runShader(
        { name, code, inputs: { d }, uniforms },
        { shape: [rows, SUMMARY_WIDTH], workgroups: rows },
      ) as tf.Tensor2D;
    },
  };
}

/** Those that are the same on every device. */
const MAPS: Omit<DeviceRowKernels, "blockRows" | "summarise"> = {
  softmax: (d, summary) =>
    runShader({ name: "softmax", code: SOFTMAX, inputs: { d, summary } }, { shape: d.shape }) as tf.Tensor2D,
  peakGradient: (d, summary, lift) =>
    runShader(
      { name: "peak_gradient", code: PEAK_GRADIENT, inputs: { d, summary, lift } },
      { shape: d.shape },
    ) as tf.Tensor2D,
  softmaxGradient: (p, dp, { along, inverse }) =>
    runShader(
      { name: "softmax_gradient", code: SOFTMAX_GRADIENT, inputs: { p, dp, along, inverse } },
      { shape: p.shape },
    ) as tf.Tensor2D,
};
