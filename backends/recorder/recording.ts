/**
 * A recording: the calls of one run of a network, as a list in which each step's inputs come from earlier
 * steps, from the input, or are constants. It is all that export/ knows of a network. Values are compared by
 * identity, like edges of a graph.
 */
import type * as tf from "@tensorflow/tfjs-core";

/** The numbers of a constant: float32, int32, or bool as bytes. */
export type Numbers = Float32Array | Int32Array | Uint8Array;

/** A tensor that a recorded step takes or makes. Two are the same only if they are the same object. */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  /** Its numbers, if they do not depend on the network's input. */
  readonly constant?: Numbers;
}

/** An argument of an operator that is no tensor. */
export type Attribute = number | boolean | string | undefined | readonly number[];

/** One operator call. */
export interface Step {
  /** A kernel of tfjs, as in `Add`, or one of `ops/`, as in `conv2d`. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Value[];
}

/** One run of a network, from its input to its result. */
export interface Recording {
  readonly input: Value;
  readonly steps: readonly Step[];
  readonly output: Value;
}
