/** Feeds a reader damaged inputs. */
import { inputRandom } from "./mutate.ts";
import { isClear, type Target } from "./targets.ts";

/** What became of them. */
export interface Fuzzed {
  readonly inputs: number;
  /** Read as if nothing had happened: the damage did no harm, or nobody can see it. */
  readonly accepted: number;
  /** Refused with a clear message. */
  readonly refused: number;
  readonly faults: readonly string[];
  /** The longest, in milliseconds. */
  readonly slowest: number;
}

/** An input that takes longer is a fault, in milliseconds. */
const PATIENCE = 5000;

/** More memory than this after one input is a fault, in bytes. */
const ALLOWANCE = 400e6;

/** Inputs `from` to `from + count - 1` of a target: the same numbers are the same inputs. */
export async function fuzz(
  target: Target,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<Fuzzed> {
  const examples = await target.examples();
  let accepted = 0, refused = 0, slowest = 0;
  const faults: string[] = [];
  for (let number = from; number < from + count; number++) {
    const random = inputRandom(target.name, number);
    const input = target.mutate(examples[random.integer(0, examples.length - 1)]!, random);
    const fault = (what: string) => faults.push(`${target.name}, input ${number}: ${what}`);
    const before = memory(), began = performance.now();
    try {
      await target.read(input);
      accepted += 1;
    } catch (error) {
      if (isClear(error)) refused += 1;
      else fault(error instanceof Error ? error.stack ?? error.message : String(error));
    }
    const took = performance.now() - began;
    slowest = Math.max(slowest, took);
    if (took > PATIENCE) fault(`took ${took.toFixed(0)} ms`);
    if (memory() - before > ALLOWANCE) fault(`left ${((memory() - before) / 1e6).toFixed(0)} MB`);
  }
  return { inputs: count, accepted, refused, faults, slowest };
}

function memory(): number {
  const { external, heapUsed } = Deno.memoryUsage();
  return external + heapUsed;
}
