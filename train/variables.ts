/**
 * The variables of a run, by whom they were made. assemble.ts and owners.ts make one setup for each plugin;
 * what is created without it is not freed, and the memory of a run of several phases grows.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Setup } from "../core/plugin.ts";
import { UserError } from "../core/errors.ts";

/**
 * Owns variables and frees them together. Plugins name their variables; tfjs does not get these names, since
 * it accepts each name only once in a process, and two runs of one process use the same names.
 */
export class Variables {
  readonly #owned = new Map<string, tf.Variable>();

  /**
   * What a plugin creates itself with. `prefix` keeps its variables apart from those of other plugins; the
   * setup's `variable` throws a UserError when the plugin uses a name twice.
   */
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
