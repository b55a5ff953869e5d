/**
 * What a step that fails puts back. step.ts and move.ts add variables just before they change them; one that
 * is changed without being added keeps half of a failed step.
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * The values of variables before a step changed them, so that a step that fails later changes nothing. A
 * snapshot belongs to one step: variables are added just before they change.
 */
export class Snapshot {
  readonly #before = new Map<tf.Variable, tf.Tensor>();

  /** Keeps the present values of variables. Of a variable that was added before, the earlier value stays. */
  add(variables: readonly tf.Variable[]): void {
    for (const variable of variables) {
      if (!this.#before.has(variable)) this.#before.set(variable, tf.keep(tf.clone(variable)));
    }
  }

  /** Gives every added variable the value that was kept. */
  restore(): void {
    for (const [variable, value] of this.#before) variable.assign(value);
  }

  /** Frees the kept values. */
  dispose(): void {
    tf.dispose([...this.#before.values()]);
    this.#before.clear();
  }
}
