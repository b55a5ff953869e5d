import type * as tf from "@tensorflow/tfjs-core";
import type { definePlugin } from "./plugin.ts";
import type { z } from "./schema.ts";

/** What a user's plugin file is called with, so that it needs no imports and there is never a second tensor library. */
export interface PluginKit {
  readonly tf: typeof tf;
  readonly z: typeof z;
  readonly definePlugin: typeof definePlugin;
}
