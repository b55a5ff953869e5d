/**
 * Whether all processes of a run have the same weights: each has its own, and only equal updates keep them
 * equal.
 */
import { createHash } from "node:crypto";
import { UserError } from "../core/errors.ts";
import { exchangeJson, type World } from "../core/world.ts";
import type { Run } from "./assemble.ts";
import { shared } from "./together.ts";

/** The weights of processes differ, so that none of them is worth keeping. */
export class UnlikeWeights extends UserError {}

/**
 * Compares everything that a checkpoint holds, by checksums. @throws UnlikeWeights that names what differs,
 * and where
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
  const at = state.findIndex((_, k) => details.some((own) => own[k] !== details[0]![k]));
  const others = details.flatMap((own, rank) => own[at] === details[0]![at] ? [] : [rank]);
  throw shared(
    new UnlikeWeights(
      `after step ${step} ${state[at]!.name} of rank ${
        others.join(", ")
      } is not that of rank 0: a machine computes other numbers, ` +
        "or a plugin depends on more than its input and the seed; the last checkpoint is older than that",
    ),
  );
}
