/**
 * Batch norms with given statistics are y = factor x + offset for each channel. Where a convolution's result
 * goes into a norm and nowhere else, the factor is multiplied into the convolution's filter and the offset
 * becomes its bias, so the norm costs nothing when the model runs. Elsewhere a norm becomes a `scale`. The
 * residual and ReLU, which plca's batchNorm does in one, become a `finish`.
 */
import type { Numbers } from "../backends/recorder/recording.ts";
import type { GraphStep, GraphValue, OperatorGraph } from "./graph.ts";

/** The axis of a convolution's filter that runs over the channels of its result. */
const CHANNEL_AXES: Readonly<Record<string, number>> = { conv2d: 3, depthwiseConv2d: 2 };

/** The same graph without `batchNorm`. */
export function foldNorms(graph: OperatorGraph): OperatorGraph {
  const readers = new Map<GraphValue, number>();
  for (const { inputs } of graph.steps) {
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  readers.set(graph.output, Infinity);
  const makers = new Map<GraphValue, number>();
  const steps: (GraphStep | undefined)[] = [];
  const push = (step: GraphStep) => {
    for (const output of step.outputs) makers.set(output, steps.length);
    steps.push(step);
  };
  for (const step of graph.steps) {
    if (step.op !== "batchNorm") {
      push(step);
      continue;
    }
    const [x, gamma, beta, mean, variance, residual] = step.inputs;
    const { factor, offset } = affine(
      [gamma!, beta!, mean!, variance!],
      step.attributes["epsilon"] as number,
    );
    const at = makers.get(x!);
    const before = at === undefined ? undefined : steps[at];
    const folded = before && readers.get(x!) === 1 ? withNorm(before, factor, offset) : undefined;
    const normal: GraphValue = { sides: x!.sides, dtype: "float32" };
    const plain = !residual && step.attributes["relu"] !== true;
    const [output] = step.outputs, result = plain ? output! : normal;
    if (folded) {
      steps[at!] = undefined;
      push({ ...folded, outputs: [result] });
    } else {
      const inputs = [x!, vector(factor), vector(offset)];
      push({ op: "scale", inputs, attributes: {}, outputs: [result] });
    }
    if (plain) continue;
    const attributes = { relu: step.attributes["relu"] };
    push({ op: "finish", inputs: [normal, ...(residual ? [residual] : [])], attributes, outputs: [output!] });
  }
  return { ...graph, steps: steps.filter((step) => step !== undefined) };
}

/** The factor and offset of each channel, in double precision. */
function affine([gamma, beta, mean, variance]: readonly GraphValue[], epsilon: number) {
  const [g, b, m, v] = [gamma, beta, mean, variance].map((value) => value!.constant!);
  const factor = Float64Array.from(g!, (scale, k) => scale / Math.sqrt(v![k]! + epsilon));
  return { factor, offset: Float64Array.from(b!, (shift, k) => shift - m![k]! * factor[k]!) };
}

/** A constant of one number for each channel. */
function vector(numbers: ArrayLike<number>): GraphValue {
  return { sides: [[numbers.length]], dtype: "float32", constant: Float32Array.from(numbers) };
}

/**
 * The convolution that does what it and the norm after it did; undefined if the step is no convolution with a
 * constant filter.
 */
function withNorm(step: GraphStep, factor: Float64Array, offset: Float64Array): GraphStep | undefined {
  const axis = CHANNEL_AXES[step.op];
  const [x, filter, bias] = step.inputs;
  if (axis === undefined || !filter?.constant || (bias && !bias.constant)) return undefined;
  const inner = filter.sides.slice(axis + 1).reduce((product, side) => product * side[0]!, 1);
  const channel = (k: number) => Math.floor(k / inner) % factor.length;
  const scaled: Numbers = Float32Array.from(filter.constant, (weight, k) => weight * factor[channel(k)]!);
  const shift = offset.map((number, k) => number + (bias ? bias.constant![k]! * factor[k]! : 0));
  return { ...step, inputs: [x!, { ...filter, constant: scaled }, vector(shift)] };
}
