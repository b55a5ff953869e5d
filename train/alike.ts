/**
 * Whether all processes of a run have the same weights.
 *
 * Every process has a copy of the weights, and no process ever sends its copy to another one. The copies stay
 * equal because they begin equal and every process applies the same averaged gradients
 * (`averaging.ts`) in the same arithmetic. A machine that rounds differently, or a plugin that reads a clock,
 * breaks this without an error: each process then trains another network. Therefore the loop compares
 * checksums of the copies, at the start, every 50 steps and at the end of a phase.
 */
import { createHash } from "node:crypto";
import { UserError } from "../core/errors.ts";
import { exchangeJson, type World } from "../core/world.ts";
import type { Run } from "./assemble.ts";
import { shared } from "./together.ts";

/** The weights of the processes differ, so no checkpoint is written of them. */
export class UnlikeWeights extends UserError {}

/**
 * Compares every variable of the checkpoint between all processes, by checksums of the bytes. Does nothing
 * where there is one process. All processes must call it after the same step.
 * @param step updates done, for the error
 * @throws UnlikeWeights, in all processes; it names the first variable that differs and the ranks whose copy
 * differs from that of rank 0
 */
export async function requireAlike({ state }: Pick<Run, "state">, world: World, step: number): Promise<void> {
  if (world.size === 1) return;
  const sums: string[] = [];
  for (const { variable } of state) {
    const data = await variable.data();
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    sums.push(createHash("md5").update(bytes).digest("hex").slice(0, 16));
  }
  const whole = createHash("md5").update(sums.join()).digest("hex");
  const all = exchangeJson(world, whole);
  if (all.every((sum) => sum === all[0])) return;
  const details = exchangeJson(world, sums);
  const at = state.findIndex((_, k) => details.some((ofRank) => ofRank[k] !== details[0]![k]));
  const others = details.flatMap((ofRank, rank) => ofRank[at] === details[0]![at] ? [] : [rank]);
  throw shared(
    new UnlikeWeights(
      `after step ${step} ${state[at]!.name} of rank ${
        others.join(", ")
      } is not that of rank 0: a machine computes other numbers, ` +
        "or a plugin depends on more than its input and the seed; the last checkpoint is older than that",
    ),
  );
}
