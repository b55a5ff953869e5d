/**
 * Lowerings of tfjs's own operators: what a model's code calls beside the kernels of ops/. Most work on
 * either form of a map, rows or planes, and take the one that exists; those that name axes of rows ask for
 * rows.
 */
import { UserError } from "../core/errors.ts";
import { axesOf } from "../backends/recorder/shapes.ts";
import { axisInPlanes, type Emitter } from "./emitter.ts";
import { fixedSide, type GraphStep, type GraphValue, needsSize } from "./graph.ts";
import { fixedNumber, type Lowering } from "./maps.ts";

/** Ends of a Slice: "to the end of the side", and, walking backwards, "to before its first element". */
const END = 2n ** 63n - 1n, BEFORE = -(2n ** 63n) + 1n;

/** The axes of a reduction or reversal, in rows. */
function axesIn({ inputs, attributes }: GraphStep): number[] {
  const shaped = inputs.map(({ sides, dtype }) => ({ shape: sides.map((side) => side[0]!), dtype }));
  return axesOf({ inputs: shaped, attributes });
}

/**
 * The form in which a step works: planes if the result is a map and one of the inputs exists as planes only;
 * else rows.
 */
function formOf(emit: Emitter, { inputs, outputs }: GraphStep): "rows" | "planes" {
  const maps = inputs.filter(({ constant }) => !constant);
  const fits = (value: GraphValue) =>
    value.sides.length === 4 || value.constant !== undefined && value.sides.length < 2;
  return outputs[0]!.sides.length === 4 && maps.some((one) => emit.inPlanes(one)) && inputs.every(fits)
    ? "planes"
    : "rows";
}

/** One or several operators after each other, element by element; the first takes all inputs. */
function each(...types: readonly string[]): Lowering {
  return (emit, step) => {
    const form = formOf(emit, step);
    const inputs = step.inputs.map((one) => emit[form](one));
    const [first, ...others] = types;
    const result = others.reduce((name, type) => emit.node(type, [name]), emit.node(first!, inputs));
    emit.set(step.outputs[0]!, { [form]: result });
  };
}

const square: Lowering = (emit, step) => {
  const form = formOf(emit, step), x = emit[form](step.inputs[0]!);
  emit.set(step.outputs[0]!, { [form]: emit.node("Mul", [x, x]) });
};

/** An operator along the channels: the last axis of rows, axis 1 of planes. */
function alongChannels(type: string): Lowering {
  return (emit, step) => {
    const form = formOf(emit, step);
    const result = emit.node(type, [emit[form](step.inputs[0]!)], { axis: form === "planes" ? 1 : -1 });
    emit.set(step.outputs[0]!, { [form]: result });
  };
}

/** A reduction over the axes that the step names. */
function reduction(type: string): Lowering {
  return (emit, step) => {
    const [x] = step.inputs, keepdims = Number(step.attributes["keepDims"] === true);
    const axes = axesIn(step), input = emit.rows(x!);
    // Only the sum takes its axes as a tensor in this version.
    const rows = type === "ReduceSum"
      ? emit.node(type, [input, emit.integers(axes)], { keepdims })
      : emit.node(type, [input], { axes, keepdims });
    emit.set(step.outputs[0]!, { rows });
  };
}

const argMax: Lowering = (emit, step) => {
  const [x] = step.inputs, [axis] = axesIn(step);
  // Without its channels a map is the same in both forms; without another side it is not.
  const planes = x!.sides.length === 4 && axis === 3 && emit.inPlanes(x!);
  const at = planes ? axisInPlanes(axis) : axis!;
  const ids = emit.node("ArgMax", [planes ? emit.planes(x!) : emit.rows(x!)], { axis: at, keepdims: 0 });
  emit.set(step.outputs[0]!, { rows: emit.node("Cast", [ids], { to: 6 }) });
};

const reshape: Lowering = (emit, { inputs: [x], outputs: [y] }) => {
  const input = emit.rows(x!);
  const stays = (axis: number) => x!.sides[axis]?.join() === y!.sides[axis]!.join();
  const free = y!.sides.flatMap((side, axis) => fixedSide(side) === undefined && !stays(axis) ? [axis] : []);
  // One side may follow from the others: the last, which is mostly a product that nothing else has.
  const rest = free.at(-1);
  const parts = y!.sides.map((side, axis) => {
    if (axis === rest) return -1;
    return fixedSide(side) ?? (stays(axis) ? 0 : undefined);
  });
  const shape = parts.every((part) => part !== undefined) ? emit.integers(parts) : emit.node(
    "Concat",
    parts.map((part, axis) => part === undefined ? emit.side(y!.sides[axis]!) : emit.integers([part])),
    { axis: 0 },
  );
  emit.set(y!, { rows: emit.node("Reshape", [input, shape]) });
};

const transpose: Lowering = (emit, { inputs: [x], attributes, outputs: [y] }) => {
  emit.set(y!, { rows: emit.node("Transpose", [emit.rows(x!)], { perm: attributes["perm"] as number[] }) });
};

const concat: Lowering = (emit, step) => {
  const form = formOf(emit, step), axis = fixedNumber(step, "axis");
  const made = emit.node("Concat", step.inputs.map((one) => emit[form](one)), {
    axis: form === "planes" ? axisInPlanes(axis) : axis,
  });
  emit.set(step.outputs[0]!, { [form]: made });
};

const split: Lowering = (emit, step) => {
  const axis = fixedNumber(step, "axis");
  const sizes = step.outputs.map(({ sides }) => fixedSide(sides[axis]!));
  if (sizes.some((size) => size === undefined)) needsSize("it splits a side that changes");
  const outputs = step.outputs.map(() => emit.name("split"));
  const inputs = [emit.rows(step.inputs[0]!), emit.integers(sizes as number[])];
  emit.nodes.push({ type: "Split", inputs, outputs, attributes: { axis } });
  step.outputs.forEach((value, k) => emit.set(value, { rows: outputs[k]! }));
};

const slice: Lowering = (emit, { inputs: [x], attributes, outputs: [y] }) => {
  const begin = attributes["begin"] as readonly number[] | undefined;
  if (begin === undefined) return needsSize("it cuts at a place that changes");
  const ends = y!.sides.map((side, axis) => {
    const whole = x!.sides[axis]!.every((length, k) => length - begin[axis]! === side[k]);
    return whole ? END : fixedSide(side) === undefined ? undefined : begin[axis]! + side[0]!;
  });
  if (ends.some((end) => end === undefined)) return needsSize("it cuts out a part whose size changes");
  const inputs = [emit.rows(x!), emit.integers(begin), emit.integers(ends as (number | bigint)[])];
  emit.set(y!, { rows: emit.node("Slice", inputs) });
};

const reverse: Lowering = (emit, step) => {
  const axes = axesIn(step), form = formOf(emit, step);
  const all = (number: number | bigint) => emit.integers(axes.map(() => number));
  const at = emit.integers(form === "planes" ? axes.map(axisInPlanes) : axes);
  const inputs = [emit[form](step.inputs[0]!), all(-1), all(BEFORE), at, all(-1)];
  emit.set(step.outputs[0]!, { [form]: emit.node("Slice", inputs) });
};

const matMul: Lowering = (emit, { inputs, attributes, outputs: [y] }) => {
  const [a, b] = inputs.map((value, k) => {
    const name = emit.rows(value);
    if (attributes[k === 0 ? "transposeA" : "transposeB"] !== true) return name;
    const perm = value.sides.map((_, axis) => axis), rank = perm.length;
    return emit.node("Transpose", [name], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
  });
  emit.set(y!, { rows: emit.node("MatMul", [a!, b!]) });
};

const TYPES: Readonly<Record<string, number>> = { float32: 1, int32: 6, bool: 9 };

const cast: Lowering = (emit, step) => {
  const form = formOf(emit, step), type = TYPES[String(step.attributes["dtype"])];
  if (type === undefined) {
    throw new UserError(`the operator Cast cannot be exported to ${step.attributes["dtype"]}`);
  }
  const made = emit.cast(emit[form](step.inputs[0]!), type);
  emit.set(step.outputs[0]!, { [form]: made });
};

/** The lowerings, by tfjs's name of the operator. */
export const PLAIN: Readonly<Record<string, Lowering>> = {
  Relu: each("Relu"),
  Exp: each("Exp"),
  Sqrt: each("Sqrt"),
  Rsqrt: each("Sqrt", "Reciprocal"),
  Square: square,
  Abs: each("Abs"),
  Neg: each("Neg"),
  Log: each("Log"),
  Sigmoid: each("Sigmoid"),
  Tanh: each("Tanh"),
  Reciprocal: each("Reciprocal"),
  Erf: each("Erf"),
  Softplus: each("Softplus"),
  Softmax: alongChannels("Softmax"),
  LogSoftmax: alongChannels("LogSoftmax"),
  Add: each("Add"),
  Sub: each("Sub"),
  Multiply: each("Mul"),
  RealDiv: each("Div"),
  Maximum: each("Max"),
  Minimum: each("Min"),
  Pow: each("Pow"),
  Greater: each("Greater"),
  GreaterEqual: each("GreaterOrEqual"),
  Less: each("Less"),
  LessEqual: each("LessOrEqual"),
  Equal: each("Equal"),
  Select: each("Where"),
  Sum: reduction("ReduceSum"),
  Mean: reduction("ReduceMean"),
  Max: reduction("ReduceMax"),
  Min: reduction("ReduceMin"),
  ArgMax: argMax,
  Reshape: reshape,
  ExpandDims: reshape,
  Transpose: transpose,
  Concat: concat,
  SplitV: split,
  Slice: slice,
  Reverse: reverse,
  BatchMatMul: matMul,
  Cast: cast,
};
