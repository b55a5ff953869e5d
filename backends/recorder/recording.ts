/** What the recorder writes down while a network runs. */
import type * as tf from "@tensorflow/tfjs-core";

/** Numbers of a constant. */
export type Numbers = Float32Array | Int32Array | Uint8Array;

/** A tensor that a recorded step takes or makes. Two are the same only if they are the same object. */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  /** Its numbers, where they do not depend on the network's input. */
  readonly constant?: Numbers;
}

/** What an operator was told beside its tensors. */
export type Attribute = number | boolean | string | undefined | readonly number[];

/** One operator call. */
export interface Step {
  /** A kernel of tfjs, as in `Add`, or one of `ops/`, as in `conv2d`. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Value[];
}

/** What one run of a network was, from its input to its result. */
export interface Recording {
  readonly input: Value;
  readonly steps: readonly Step[];
  readonly output: Value;
}
