/**
 * What plugin files of users are handed. They import no values from plca and no tensor library: a second copy
 * of either would not know the run's tensors.
 *
 * backends/plugin_kit.ts fills it, and every plugin file in the world is called with it: fields may be
 * added, never renamed or removed.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { definePlugin, Kind } from "./plugin.ts";
import type { ChoiceSchema } from "./plugin_choice.ts";
import type { z } from "./schema.ts";
import type { Tensor } from "./tensors.ts";

/**
 * What a user's plugin file is called with, so that it needs no imports and there is never a second tensor
 * library.
 */
export interface PluginKit {
  /** The tensor library, on the run's backend. */
  readonly tf: typeof tf;
  /**
   * What `compute` returns, as a constant: no gradient flows through it, and it may use operators that have
   * none, such as argMax.
   */
  readonly constant: <T extends Tensor>(compute: () => T) => T;
  /** The schema library for options. */
  readonly z: typeof z;
  /** Seals a plugin. */
  readonly definePlugin: typeof definePlugin;
  /** The schema of an option that names another plugin. */
  readonly pluginChoice: (kind: Kind) => ChoiceSchema;
}
