/** Graphs and recordings made by hand. */
import type { Attribute, Numbers, Recording, Step, Value } from "../../backends/recorder/recording.ts";
import type { GraphStep, GraphValue, Side } from "../../export/graph.ts";

/** A value of a graph whose sides are the same in all recordings. */
export function fixed(sides: readonly number[], constant?: ArrayLike<number>): GraphValue {
  return valueOf(sides.map((side) => [side]), constant);
}

/** A value of a graph; with numbers a constant. */
export function valueOf(sides: readonly Side[], constant?: ArrayLike<number>): GraphValue {
  return { sides, dtype: "float32", ...(constant ? { constant: Float32Array.from(constant) } : {}) };
}

/** A step of a graph. */
export function stepOf(
  op: string,
  inputs: readonly GraphValue[],
  output: GraphValue,
  attributes: Readonly<Record<string, Attribute>> = {},
): GraphStep {
  return { op, inputs, attributes, outputs: [output] };
}

/** A value of a recording. */
export function recorded(shape: readonly number[], constant?: Numbers): Value {
  return { shape, dtype: "float32", ...(constant ? { constant } : {}) };
}

/** A step of a recording. */
export function recordedStep(
  op: string,
  inputs: readonly Value[],
  output: Value,
  attributes: Readonly<Record<string, Attribute>> = {},
): Step {
  return { op, inputs, attributes, outputs: [output] };
}

/** A recording whose steps `of` makes of its input; the last output is the result. */
export function recordingOf(shape: readonly number[], of: (input: Value) => readonly Step[]): Recording {
  const input = recorded(shape), steps = of(input);
  return { input, steps, output: steps.at(-1)?.outputs[0] ?? input };
}
