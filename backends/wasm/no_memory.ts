/**
 * The errors for a heap without room. They say how large the limits are and which settings of a recipe need
 * less.
 */
import { UserError } from "../../core/errors.ts";

const gigabytes = (bytes: number) => `${Number((bytes / 2 ** 30).toFixed(1))} GB`;

const ADVICE = "lower input.crop or training.batch, or set model.options.checkpointing: true; " +
  "for predictions lower evaluation.size or set evaluation.window";

/**
 * There is room enough in all, but in pieces, between tensors that the running kernel holds. Once that kernel
 * has ended, all other tensors can leave and it can begin again in an empty heap (running.ts).
 */
export class InPieces extends UserError {
  /** Moves all tensors out of the heap that no kernel holds. */
  readonly clear: () => void;

  constructor({ message }: UserError, clear: () => void) {
    super(message);
    this.clear = clear;
  }
}

/**
 * The error for `bytes` that do not fit.
 * @param heap bytes that tensors may take in the heap
 * @param outside bytes that they may take outside of it
 * @param full whether both are full; else the tensors of one operator alone do not fit the heap
 */
export function noMemory(
  bytes: number,
  { heap, outside, full }: { readonly heap: number; readonly outside: number; readonly full: boolean },
): UserError {
  const wanted = `no memory for another ${(bytes / 1e6).toFixed(0)} MB`;
  const whole = gigabytes(heap);
  if (outside === 0) {
    return new UserError(`${wanted}: the tensors of this backend have ${whole} in all; ${ADVICE}`);
  }
  if (!full) {
    return new UserError(
      `${wanted}: a single operator needs more than the ${whole} that tensors have while they are worked on; ${ADVICE}`,
    );
  }
  return new UserError(
    `${wanted}: the tensors of this backend have ${whole} while they are worked on and ${
      gigabytes(outside)
    } where they ` +
      `wait, and both are full; raise backend.memory where the machine has more, ${ADVICE}`,
  );
}
