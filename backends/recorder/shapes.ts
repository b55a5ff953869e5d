/**
 * The shapes and types of the results of tfjs's kernels, worked out from those of their inputs. A kernel that
 * is not in the table cannot be recorded. To record another one, add its rule here and its ONNX form in
 * export/.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Attribute, Value } from "./recording.ts";

/** What a rule looks at: the inputs' shapes and types, and the call's attributes. */
export interface Called {
  readonly inputs: readonly Pick<Value, "shape" | "dtype">[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A rule: the shape and type of each output of a call. */
export type Shaped = (called: Called) => readonly Pick<Value, "shape" | "dtype">[];

const first = ({ inputs }: Called) => inputs[0]!;
const numbers = (value: Attribute) => typeof value === "number" ? [value] : value as readonly number[];

const same: Shaped = (called) => [first(called)];
const broadcast = (dtype?: tf.DataType): Shaped => ({ inputs: [a, b] }) => [{
  shape: tf.broadcast_util.assertAndGetBroadcastShape([...a!.shape], [...b!.shape]),
  dtype: dtype ?? a!.dtype,
}];

const reduced = (dtype?: tf.DataType): Shaped => (called) => {
  const { shape, dtype: inputType } = first(called);
  const axes = axesOf(called), keep = called.attributes["keepDims"] === true;
  const left = shape.flatMap((side, axis) => axes.includes(axis) ? keep ? [1] : [] : [side]);
  return [{ shape: left, dtype: dtype ?? inputType }];
};

/** The axes of a reduction or of a reversal, counted from 0; if the call names none, all. */
export function axesOf({ inputs, attributes }: Called): number[] {
  const rank = inputs[0]!.shape.length;
  // tfjs calls them otherwise in `Max` and `Min`, and in `Reverse`.
  const given = attributes["axis"] ?? attributes["reductionIndices"] ?? attributes["dims"];
  const axes = given === undefined ? inputs[0]!.shape.map((_, axis) => axis) : numbers(given);
  return axes.map((axis) => axis < 0 ? axis + rank : axis);
}

const reshaped: Shaped = (called) => {
  const { shape, dtype } = first(called);
  const size = tf.util.sizeFromShape([...shape]);
  return [{
    shape: tf.util.inferFromImplicitShape([...numbers(called.attributes["shape"])], size),
    dtype,
  }];
};

const concatenated: Shaped = ({ inputs, attributes }) => {
  const axis = attributes["axis"] as number, shape = [...inputs[0]!.shape];
  shape[axis] = inputs.reduce((sum, one) => sum + one.shape[axis]!, 0);
  return [{ shape, dtype: inputs[0]!.dtype }];
};

const split: Shaped = (called) => {
  const { shape, dtype } = first(called);
  const given = called.attributes["numOrSizeSplits"] as number | number[];
  const axis = called.attributes["axis"] as number;
  const sizes = typeof given === "number" ? Array<number>(given).fill(shape[axis]! / given) : given;
  return sizes.map((size) => ({ shape: shape.map((side, k) => k === axis ? size : side), dtype }));
};

const sliced: Shaped = (called) => {
  const { shape, dtype } = first(called);
  const begin = numbers(called.attributes["begin"]), size = numbers(called.attributes["size"]);
  return [{ shape: shape.map((side, k) => size[k] === -1 ? side - begin[k]! : size[k]!), dtype }];
};

const turned: Shaped = (called) => {
  const { shape, dtype } = first(called);
  return [{ shape: numbers(called.attributes["perm"]).map((axis) => shape[axis]!), dtype }];
};

const multiplied: Shaped = ({ inputs, attributes }) => {
  const [a, b] = inputs.map(({ shape }) => shape) as [readonly number[], readonly number[]];
  const rows = attributes["transposeA"] ? a.at(-1)! : a.at(-2)!;
  const columns = attributes["transposeB"] ? b.at(-2)! : b.at(-1)!;
  const batch = tf.broadcast_util.assertAndGetBroadcastShape([...a.slice(0, -2)], [...b.slice(0, -2)]);
  return [{ shape: [...batch, rows, columns], dtype: inputs[0]!.dtype }];
};

const chosen: Shaped = ({ inputs: [, a] }) => [a!];

const typed: Shaped = (called) => [{
  shape: first(called).shape,
  dtype: called.attributes["dtype"] as tf.DataType,
}];

const expanded: Shaped = (called) => {
  const { shape, dtype } = first(called), dim = called.attributes["dim"] as number;
  const at = dim < 0 ? dim + shape.length + 1 : dim;
  return [{ shape: [...shape.slice(0, at), 1, ...shape.slice(at)], dtype }];
};

/** tfjs's own convolutions. @param depthwise whether every channel has filters of its own */
const convolved = (depthwise: boolean): Shaped => ({ inputs: [x, filter], attributes }) => {
  const { strides, pad, dilations, dimRoundingMode } = attributes as unknown as tf.DepthwiseConv2dNativeAttrs;
  const [from, by] = [x!.shape, filter!.shape] as unknown as [Sides, Sides];
  const rounding = [pad, dimRoundingMode, depthwise] as const;
  return [{
    shape: tf.backend_util.computeConv2DInfo(from, by, strides, dilations, ...rounding).outShape,
    dtype: x!.dtype,
  }];
};

const pooled: Shaped = ({ inputs: [x], attributes }) => {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as tf.AvgPoolAttrs;
  const from = x!.shape as unknown as Sides;
  return [{
    shape: tf.backend_util.computePool2DInfo(from, filterSize, strides, 1, pad, dimRoundingMode).outShape,
    dtype: x!.dtype,
  }];
};

type Sides = [number, number, number, number];

const SAME =
  "Relu Exp Sqrt Rsqrt Square Abs Neg Log Sigmoid Tanh Reciprocal Softmax LogSoftmax Reverse Erf Softplus";
const NUMERIC = "Add Sub Multiply RealDiv Maximum Minimum Pow";
const COMPARED = "Greater GreaterEqual Less LessEqual Equal";
const REDUCED = "Sum Mean Max Min";

function each(names: string, shaped: Shaped): Record<string, Shaped> {
  return Object.fromEntries(names.split(" ").map((name) => [name, shaped]));
}

/** The rule of every kernel that can be recorded. */
export const SHAPES: Readonly<Record<string, Shaped>> = {
  ...each(SAME, same),
  ...each(NUMERIC, broadcast()),
  ...each(COMPARED, broadcast("bool")),
  ...each(REDUCED, reduced()),
  ArgMax: reduced("int32"),
  Reshape: reshaped,
  ExpandDims: expanded,
  Transpose: turned,
  Concat: concatenated,
  SplitV: split,
  Slice: sliced,
  BatchMatMul: multiplied,
  Select: chosen,
  Cast: typed,
  Conv2D: convolved(false),
  DepthwiseConv2dNative: convolved(true),
  AvgPool: pooled,
  MaxPool: pooled,
};
