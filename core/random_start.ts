import type { RunPlan } from "./plan.ts";

/**
 * A sentence for runs that train a network of a published size from random numbers, which is rarely meant:
 * published results start from pretrained weights, and a run without them stays far below. Undefined where
 * the recipe names a file of weights, where it says `weights: seed`, and for networks of sizes of one's own.
 */
export function randomStart({ model, phases }: Pick<RunPlan, "model" | "phases">): string | undefined {
  const { plan: { published }, weights, fromSeed } = model;
  if (published === undefined || weights !== undefined || fromSeed) return undefined;
  if (phases.every(({ from }) => from.kind !== "seed")) return undefined;
  return `${model.type} starts from random numbers, and published results start from ${published}: ` +
    'name a file of them in model.weights, or write "weights: seed" there if random numbers are meant';
}
