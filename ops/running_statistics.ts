/**
 * Changes of running statistics, as the passes of a step return them. A variable may be changed several times
 * in a step, by the parts of a batch and by its passes, one after the other. All changes of one variable are
 * one call of a kernel, so that a backend can make them at once.
 */
import type { Update } from "../core/plugin.ts";
import { kernels } from "./kernels.ts";

/** Makes the changes; those of one variable in their order. No changes change nothing. */
export function applyUpdates(updates: readonly Update[]): void {
  for (const [variable, changes] of Map.groupBy(updates, (update) => update.variable)) {
    kernels().runningStep({ variable, changes });
  }
}
