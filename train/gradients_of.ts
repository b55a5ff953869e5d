/**
 * The gradients of a scalar by variables, as passes need them.
 *
 * {@linkcode gradientsOf} is the engine's gradient (ops/gradients.ts) with two additions. Whatever the
 * function throws leaves the gradient scope only after the scope has ended, since a throw out of it would leak
 * its tape. And an operator that cannot be differentiated is an {@linkcode ObjectiveError}: the scalar is a
 * sum of terms, so which of them is the cause must be found out by its receiver.
 */
import * as tf from "@tensorflow/tfjs-core";
import { LossError, UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { type BackwardListener, gradients } from "../ops/gradients.ts";

/**
 * One for each parameter, in their order and shapes; null for parameters that the objective does not reach.
 */
export type Gradients = readonly (tf.Tensor | null)[];

/** The weighted sum of the terms or its gradient is wrong, and no single term is known to be the cause. */
export class ObjectiveError extends LossError {
  /** What is wrong, as the end of a sentence that begins with the name of the cause. */
  readonly fault: string;

  constructor(fault: string, options?: ErrorOptions) {
    super(`the objective ${fault}`, options);
    this.fault = fault;
  }
}

interface GradientCalls {
  /** Called when the value is computed, before the backward pass. */
  readonly onValue?: () => void;
  readonly listener?: BackwardListener | undefined;
}

/**
 * The gradients of what `f` returns, null for variables that it does not depend on.
 * @throws whatever `f` throws, and ObjectiveError when an operator in it has no gradient
 */
export function gradientsOf(
  variables: tf.Variable[],
  f: () => tf.Scalar,
  { onValue = () => {}, listener }: GradientCalls = {},
): Gradients {
  let failure: { readonly error: unknown } | undefined;
  const guarded = () => {
    try {
      const value = f();
      onValue();
      return value;
    } catch (error) {
      // A throw out of the gradient scope would leak its tape. So the scope ends as usual, and then this
      // throws.
      failure = { error };
      return tf.scalar(0);
    }
  };
  let result: readonly (tf.Tensor | undefined)[];
  try {
    result = gradients(guarded, variables, undefined, listener).grads;
  } catch (cause) {
    // An error for the person, such as that memory ran out; no term causes it.
    if (cause instanceof UserError) throw cause;
    throw new ObjectiveError(`cannot be differentiated: ${messageOf(cause)}`, { cause });
  }
  if (failure) throw failure.error;
  return result.map((grad) => grad ?? null);
}
