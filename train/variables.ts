import * as tf from "@tensorflow/tfjs-core";
import type { Setup } from "../core/plugin.ts";
import { UserError } from "../core/errors.ts";

/**
 * Owns the variables of one run. tfjs rejects a name used twice in a process, so its names are left to tfjs and
 * ours are kept here.
 */
export class Variables {
  readonly #owned = new Map<string, tf.Variable>();

  /** What a plugin builds itself with; its variables are told apart from others' by `prefix`. */
  setup(prefix: string, numbers: { readonly seed: number; readonly numClasses: number }): Setup {
    return {
      ...numbers,
      variable: (name, initial, trainable = true) => {
        const full = `${prefix}/${name}`;
        if (this.#owned.has(full)) throw new UserError(`two variables of ${prefix} are called "${name}"`);
        const variable = tf.variable(initial, trainable);
        this.#owned.set(full, variable);
        return variable;
      },
    };
  }

  /** Frees every variable. */
  dispose(): void {
    tf.dispose([...this.#owned.values()]);
    this.#owned.clear();
  }
}
