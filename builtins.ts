/** Every plugin that comes with plca. */
import { Registry } from "./core/registry.ts";
import { datasets } from "./datasets/mod.ts";
import { jobs } from "./jobs/mod.ts";
import { losses, similarities } from "./losses/mod.ts";
import { models } from "./models/mod.ts";
import { networks } from "./networks/mod.ts";
import { optimizers } from "./optim/mod.ts";
import { streams } from "./streams/mod.ts";

/** A registry of the built-in plugins. */
export function builtins(): Registry {
  return new Registry([
    ...losses,
    ...similarities,
    ...models,
    ...datasets,
    ...optimizers,
    ...networks,
    ...jobs,
    ...streams,
  ]);
}
