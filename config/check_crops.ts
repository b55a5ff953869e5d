/**
 * Crops must be larger than one cell of each map that is read of them, along one side at least. A smaller
 * crop is one cell: its maps hold a single vector each, in which associations and opponents find nothing to
 * compare.
 */
import { neededViews } from "../core/needs.ts";
import type { InputPlan, PhasePlan } from "../core/plan.ts";
import type { ModelPlan } from "../core/plugin.ts";
import type { Findings } from "./findings.ts";

/** What is cut, and what reads it. */
export interface CropCheck {
  readonly phases: readonly Pick<PhasePlan, "losses" | "networks">[];
  readonly model: ModelPlan;
  readonly classes: number;
}

/** Records each stream's crop both of whose sides are below a cell of a tap that a loss reads of the stream. */
export function checkCrops(
  findings: Findings,
  input: InputPlan,
  { phases, model, classes }: CropCheck,
): void {
  for (const { losses, networks } of phases) {
    for (const { stream, by, taps } of losses.flatMap(({ plan }) => neededViews(plan.needs))) {
      const infos = (networks.find(({ name }) => name === by)?.model ?? model).taps(classes);
      const { crop } = input.streams?.[stream] ?? input.training;
      const at = input.streams?.[stream] ? ["input", "streams", stream, "crop"] : ["input", "crop"];
      const cells = taps.map(({ name }) => ({ name, stride: infos[name]?.stride ?? 1 }));
      const coarsest = cells.toSorted((a, b) => b.stride - a.stride)[0];
      if (coarsest === undefined || Math.max(...crop) >= coarsest.stride) continue;
      findings.add(
        at,
        `expected a side of at least ${
          Math.ceil(coarsest.stride)
        } pixels, of which tap "${coarsest.name}" makes ` +
          `one cell: it is ${crop.join(" x ")}`,
      );
    }
  }
}
