/**
 * Calls any operator of TensorFlow by its name, on tensors of tfjs: operators that TensorFlow.js has no name
 * for, or other options of those it has. The names and attributes are those of TensorFlow's op definitions.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Attribute, NodeBackend } from "./package.ts";

/** The attributes of an operator, by kind and name. */
export interface Attributes {
  readonly ints?: Readonly<Record<string, number | readonly number[]>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly bools?: Readonly<Record<string, boolean>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly types?: Readonly<Record<string, "float32" | "int32">>;
}

/** The current backend, which must be TensorFlow's. */
export function nodeBackend(): NodeBackend {
  return tf.backend() as NodeBackend;
}

/**
 * Runs an operator; its outputs belong to the current scope. @param outputs how many it has @throws Error
 * with TensorFlow's message
 */
export function run(
  name: string,
  inputs: readonly tf.TensorInfo[],
  { attributes, outputs = 1 }: { readonly attributes: Attributes; readonly outputs?: number },
): tf.Tensor[] {
  const backend = nodeBackend();
  const { binding } = backend;
  const { ints = {}, floats = {}, bools = {}, texts = {}, types = {} } = attributes;
  const named = (given: Readonly<Record<string, Attribute["value"]>>, type: number) =>
    Object.entries(given).map(([key, value]) => ({ name: key, type, value }));
  const dtypes = { float32: binding.TF_FLOAT, int32: binding.TF_INT32 };
  const numbers = Object.fromEntries(Object.entries(types).map(([key, dtype]) => [key, dtypes[dtype]]));
  const all = [
    ...named(ints, binding.TF_ATTR_INT),
    ...named(floats, binding.TF_ATTR_FLOAT),
    ...named(bools, binding.TF_ATTR_BOOL),
    ...named(texts, binding.TF_ATTR_STRING),
    ...named(numbers, binding.TF_ATTR_TYPE),
  ];
  return backend.executeMultipleOutputs(name, all, inputs, outputs);
}
