/**
 * tfjs's own convolutions and pools, which models of users call; those of plca call ops/ instead (maps.ts).
 * tfjs pads by words: `same` depends on the size and has its word in ONNX as well.
 */
import { UserError } from "../core/errors.ts";
import type { OnnxAttribute } from "../backends/onnx_model.ts";
import type { GraphStep } from "./graph.ts";
import { filterOf, type Lowering } from "./maps.ts";

/** Height and width of an attribute that is a number or two. */
function two({ op, attributes }: GraphStep, name: string): [number, number] {
  const value = attributes[name];
  if (typeof value === "number") return [value, value];
  if (Array.isArray(value) && value.length === 2) return [value[0], value[1]];
  throw new UserError(
    `the operator ${op} cannot be exported: its ${name} is ${value}, expected a number or two`,
  );
}

/** @throws UserError for a padding that changes with the size */
function padding(step: GraphStep): Record<string, OnnxAttribute> {
  const { op, attributes: { pad } } = step;
  if (pad === "same") return { auto_pad: "SAME_UPPER" };
  if (pad === "valid") return { pads: [0, 0, 0, 0] };
  if (typeof pad === "number") return { pads: [pad, pad, pad, pad] };
  const sides = (pad ?? []) as unknown as readonly (readonly number[])[];
  const [, rows, columns] = sides;
  if (rows?.length === 2 && columns?.length === 2) {
    return { pads: [rows[0]!, columns[0]!, rows[1]!, columns[1]!] };
  }
  throw new UserError(
    `the operator ${op} cannot be exported: its pad is ${pad}, expected same, valid or numbers`,
  );
}

const conv2d: Lowering = (emit, step) => {
  const [x, filter] = step.inputs;
  const { numbers, dims } = filterOf(step, filter!, [3, 2, 0, 1]);
  const planes = emit.node("Conv", [emit.planes(x!), emit.floats(numbers, dims)], {
    kernel_shape: dims.slice(2),
    strides: two(step, "strides"),
    dilations: two(step, "dilations"),
    ...padding(step),
  });
  emit.set(step.outputs[0]!, { planes });
};

const depthwise: Lowering = (emit, step) => {
  const [x, filter] = step.inputs;
  const { numbers, dims: [channels, multiple, height, width] } = filterOf(step, filter!, [2, 3, 0, 1]);
  const weights = emit.floats(numbers, [channels! * multiple!, 1, height!, width!]);
  const planes = emit.node("Conv", [emit.planes(x!), weights], {
    kernel_shape: [height!, width!],
    strides: two(step, "strides"),
    dilations: two(step, "dilations"),
    group: channels!,
    ...padding(step),
  });
  emit.set(step.outputs[0]!, { planes });
};

function pool(type: "AveragePool" | "MaxPool"): Lowering {
  return (emit, step) => {
    const planes = emit.node(type, [emit.planes(step.inputs[0]!)], {
      kernel_shape: two(step, "filterSize"),
      strides: two(step, "strides"),
      ...padding(step),
    });
    emit.set(step.outputs[0]!, { planes });
  };
}

/** By step. */
export const LIBRARY_MAPS: Readonly<Record<string, Lowering>> = {
  Conv2D: conv2d,
  DepthwiseConv2dNative: depthwise,
  AvgPool: pool("AveragePool"),
  MaxPool: pool("MaxPool"),
};
