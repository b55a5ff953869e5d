/**
 * Lowerings of the operators on maps: convolutions, pooling, resizing, norms. They work on planes, as ONNX
 * has maps.
 */
import { UserError } from "../core/errors.ts";
import type { Emitter } from "./emitter.ts";
import { fixedSide, type GraphStep, type GraphValue } from "./graph.ts";

/** Writes the nodes that do what a step does. */
export type Lowering = (emit: Emitter, step: GraphStep) => void;

/** A number among a step's attributes. @throws UserError for one that changes with the size */
export function fixedNumber({ op, attributes }: GraphStep, name: string): number {
  const value = attributes[name];
  if (typeof value === "number") return value;
  throw new UserError(`the operator ${op} cannot be exported: its ${name} is ${value}, expected a number`);
}

/** The numbers of a filter with its axes in another order. @throws UserError when they depend on the input */
export function filterOf({ op }: GraphStep, filter: GraphValue, perm: readonly number[]) {
  if (!filter.constant) {
    throw new UserError(`the operator ${op} cannot be exported: its filter depends on the network's input`);
  }
  const dims = filter.sides.map((side) => fixedSide(side)!);
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, side) => product * side, 1));
  const to = perm.map((axis) => dims[axis]!), steps = perm.map((axis) => strides[axis]!);
  const out = new Float32Array(filter.constant.length);
  let at = 0;
  for (let a = 0; a < to[0]!; a++) {
    for (let b = 0; b < to[1]!; b++) {
      for (let c = 0; c < to[2]!; c++) {
        const base = a * steps[0]! + b * steps[1]! + c * steps[2]!;
        for (let d = 0; d < to[3]!; d++) out[at++] = filter.constant[base + d * steps[3]!]!;
      }
    }
  }
  return { numbers: out, dims: to };
}

/** A kind of convolution, and the order of its filter's axes in ONNX. */
interface Convolution {
  readonly type: "Conv" | "ConvTranspose";
  readonly perm: readonly number[];
  /** Whether every channel has a filter of its own; absent: no. */
  readonly depthwise?: boolean;
}

/** The lowering of a kind of convolution. */
function convolution({ type, perm, depthwise = false }: Convolution): Lowering {
  return (emit, step) => {
    const [x, filter, bias] = step.inputs;
    const { numbers, dims } = filterOf(step, filter!, perm);
    const [stride, padding, dilation] = ["stride", "padding", "dilation"].map((name) =>
      fixedNumber(step, name)
    );
    const inputs = [
      emit.planes(x!),
      emit.floats(numbers, dims),
      ...(bias ? [emit.rows(bias)] : []),
    ];
    const planes = emit.node(type, inputs, {
      kernel_shape: dims.slice(2),
      strides: [stride!, stride!],
      pads: Array<number>(4).fill(padding!),
      dilations: [dilation!, dilation!],
      group: depthwise ? dims[0]! : 1,
    });
    emit.set(step.outputs[0]!, { planes });
  };
}

/**
 * Windows that hang over the edge (`ceil`) become whole windows of an image with more padding at its end; how
 * much follows from the sizes in the recordings.
 */
const maxPool: Lowering = (emit, step) => {
  const [size, stride, padding] = ["size", "stride", "padding"].map((name) => fixedNumber(step, name));
  const [x] = step.inputs, [y] = step.outputs;
  const behind = [1, 2].map((axis) => {
    const floor = (length: number, more: number) =>
      Math.floor((length + 2 * padding! + more - size!) / stride!) + 1;
    const more = [0, stride! - 1].find((extra) =>
      y!.sides[axis]!.every((length, k) => length === floor(x!.sides[axis]![k]!, extra))
    );
    if (more === undefined || padding! + more >= size!) {
      throw new UserError(
        `the operator maxPool cannot be exported with windows of ${size}, stride ${stride}, padding ${padding}`,
      );
    }
    return padding! + more;
  });
  const planes = emit.node("MaxPool", [emit.planes(x!)], {
    kernel_shape: [size!, size!],
    strides: [stride!, stride!],
    pads: [padding!, padding!, ...behind],
  });
  emit.set(y!, { planes });
};

const resizeBilinear: Lowering = (emit, { inputs: [x], outputs: [y] }) => {
  const [n, height, width, channels] = y!.sides;
  const sizes = emit.shape([n!, channels!, height!, width!]);
  const planes = emit.node("Resize", [emit.planes(x!), "", "", sizes], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  });
  emit.set(y!, { planes });
};

const scale: Lowering = (emit, { inputs: [x, factor, offset], outputs: [y] }) => {
  const scaled = emit.node("Mul", [emit.planes(x!), emit.planes(factor!)]);
  emit.set(y!, { planes: emit.node("Add", [scaled, emit.planes(offset!)]) });
};

const finish: Lowering = (emit, { inputs: [x, residual], attributes, outputs: [y] }) => {
  const sum = residual ? emit.node("Add", [emit.planes(x!), emit.planes(residual)]) : emit.planes(x!);
  emit.set(y!, { planes: attributes["relu"] === true ? emit.node("Relu", [sum]) : sum });
};

/** The lowerings, by operator. */
export const MAPS: Readonly<Record<string, Lowering>> = {
  conv2d: convolution({ type: "Conv", perm: [3, 2, 0, 1] }),
  depthwiseConv2d: convolution({ type: "Conv", perm: [2, 3, 0, 1], depthwise: true }),
  conv2dTranspose: convolution({ type: "ConvTranspose", perm: [3, 2, 0, 1] }),
  maxPool,
  resizeBilinear,
  scale,
  finish,
};
