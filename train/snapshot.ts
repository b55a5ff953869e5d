import * as tf from "@tensorflow/tfjs-core";

/** Values of variables that are about to change while the step that changes them may still fail. */
export class Snapshot {
  readonly #before = new Map<tf.Variable, tf.Tensor>();

  /** Keeps the present values; of a variable that is kept already, the earlier one. */
  add(variables: readonly tf.Variable[]): void {
    for (const variable of variables) {
      if (!this.#before.has(variable)) this.#before.set(variable, tf.keep(tf.clone(variable)));
    }
  }

  /** Puts every variable back. */
  restore(): void {
    for (const [variable, value] of this.#before) variable.assign(value);
  }

  /** Frees what is kept. */
  dispose(): void {
    tf.dispose([...this.#before.values()]);
    this.#before.clear();
  }
}
