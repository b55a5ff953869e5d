/**
 * One graph of several recordings of the same network at inputs of different sizes. A recording knows only
 * numbers: was 48 the height of this map, or a number of channels? Comparing recordings tells. What is the
 * same in all of them is a constant. A side that differs is known by its lengths in each recording, such as
 * (21, 50, 35), which no other side shares by chance if the sizes are odd enough. So a model describes itself
 * for files by nothing but its own forward pass.
 *
 * A network that does something else at another size (other operators, other constants) cannot be merged;
 * such a one can be exported for one size.
 */
import { UserError } from "../core/errors.ts";
import type { Attribute, Numbers, Recording, Step, Value } from "../backends/recorder/recording.ts";

/** A side by its length in each recording. */
export type Side = readonly number[];

/** A tensor of the graph. As in recordings, two are the same only if they are the same object. */
export interface GraphValue {
  readonly sides: readonly Side[];
  readonly dtype: Value["dtype"];
  /**
   * Its numbers in order, if they do not depend on the input. Along sides that vary they are repeated, and
   * are here once.
   */
  readonly constant?: Numbers;
}

/** An operator call of the graph. */
export interface GraphStep {
  readonly op: string;
  readonly inputs: readonly GraphValue[];
  /** An attribute is `undefined` if it differs between recordings. */
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly GraphValue[];
}

/** The graph of a network, steps in an order in which each one's inputs are there before it. */
export interface OperatorGraph {
  readonly input: GraphValue;
  readonly steps: readonly GraphStep[];
  readonly output: GraphValue;
}

/** The advice for a network that cannot be exported for every size. */
const GIVE_SIZE = "give one size with --size HEIGHTxWIDTH";

/** The length of a side if it is the same in all recordings; else undefined. */
export function fixedSide(side: Side): number | undefined {
  return side.every((length) => length === side[0]) ? side[0] : undefined;
}

/** @throws UserError, always: the network cannot be exported for every size @param what says why */
export function needsSize(what: string): never {
  throw new UserError(`the network cannot be exported for every size: ${what}; ${GIVE_SIZE}`);
}

/**
 * Merges recordings into one graph, without the steps that the output does not need.
 * @param recordings at least one, at sizes that differ in whatever shall be free
 * @throws UserError where the network does something else at another size
 */
export function unify(recordings: readonly Recording[]): OperatorGraph {
  const merged = new Merged();
  const input = merged.value(recordings.map((one) => one.input));
  const [first, ...others] = recordings;
  for (const { steps } of others) {
    const at = first!.steps.findIndex(({ op }, k) => op !== steps[k]?.op);
    const other = first!.steps[at]?.op ?? first!.steps.at(-1)?.op ?? "nothing";
    if (at >= 0 || steps.length !== first!.steps.length) {
      needsSize(`it calls ${other} where at another size it calls ${steps[at]?.op ?? "nothing"}`);
    }
  }
  const steps = first!.steps.map((_, k) => merged.step(recordings.map(({ steps }) => steps[k]!)));
  const output = merged.value(recordings.map((one) => one.output));
  return { input, steps: needed(steps, output), output };
}

/**
 * Merges step by step, and remembers values, so that one value of the recordings becomes one of the graph.
 */
class Merged {
  readonly #known = new Map<Value, GraphValue>();

  /** Merges the same step of all recordings. */
  step(same: readonly Step[]): GraphStep {
    const [{ op, inputs, attributes, outputs }] = same as readonly [Step, ...Step[]];
    const across = (of: (step: Step) => readonly Value[], k: number) => same.map((step) => of(step)[k]!);
    return {
      op,
      inputs: inputs.map((_, k) => this.value(across((step) => step.inputs, k), op)),
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => {
          const alike = same.every((step) => String(step.attributes[name]) === String(value));
          return [name, alike ? value : undefined];
        }),
      ),
      outputs: outputs.map((_, k) => this.value(across((step) => step.outputs, k), op)),
    };
  }

  /** Merges the same value of all recordings. @param reader the operator that has it, for errors */
  value(same: readonly Value[], reader = "the network"): GraphValue {
    const known = this.#known.get(same[0]!);
    if (known !== undefined) return known;
    const { shape, dtype, constant } = same[0]!;
    const sides = shape.map((_, axis) => same.map((value) => value.shape[axis]!));
    const numbers = constant && commonNumbers(same, reader);
    const merged: GraphValue = { sides, dtype, ...(numbers ? { constant: numbers } : {}) };
    for (const value of same) this.#known.set(value, merged);
    return merged;
  }
}

/**
 * The numbers of a constant that is the same in all recordings, but for how often it is repeated along sides
 * that vary. @throws UserError when it differs otherwise
 */
function commonNumbers(same: readonly Value[], reader: string): Numbers {
  const first = same[0]!.constant!;
  if (same.every(({ constant }) => constant === first)) return first;
  const varies = same[0]!.shape.map((side, axis) => same.some(({ shape }) => shape[axis] !== side));
  const cores = same.map((value) => unrepeated(value, varies));
  const alike = cores.every((core) =>
    core !== undefined && core.length === cores[0]!.length &&
    core.every((number, k) => number === cores[0]![k])
  );
  if (alike) return cores[0]!;
  const shapes = same.slice(0, 2).map(({ shape }) => `[${shape.join(", ")}]`).join(" and ");
  return needsSize(`${reader} takes numbers that follow from the size of its input (${shapes})`);
}

/** The numbers at the first place of the sides that vary; undefined if others follow along these. */
function unrepeated({ shape, constant }: Value, varies: readonly boolean[]): Numbers | undefined {
  if (!varies.includes(true)) return constant;
  let [size, core] = [1, 1];
  const strides = shape.map((side, axis) => ({ axis, side })).reverse().map(({ axis, side }) => {
    const one = { side, stride: size, into: varies[axis] ? 0 : core };
    size *= side;
    if (!varies[axis]) core *= side;
    return one;
  });
  const place = (k: number) =>
    strides.reduce((sum, { side, stride, into }) => sum + (Math.floor(k / stride) % side) * into, 0);
  const numbers = constant!.slice(0, core), known = new Uint8Array(core);
  const repeats = constant!.every((number, k) => {
    const at = place(k);
    if (known[at] === 1) return numbers[at] === number;
    [numbers[at], known[at]] = [number, 1];
    return true;
  });
  return repeats ? numbers : undefined;
}

/** The steps that the output depends on, in order. */
function needed(steps: readonly GraphStep[], output: GraphValue): GraphStep[] {
  const wanted = new Set([output]);
  const kept: GraphStep[] = [];
  for (const step of [...steps].reverse()) {
    if (!step.outputs.some((value) => wanted.has(value))) continue;
    for (const input of step.inputs) wanted.add(input);
    kept.push(step);
  }
  return kept.reverse();
}
