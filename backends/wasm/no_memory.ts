/**
 * The errors for a tensor that does not fit. Memory has two parts here (room.ts): the heap of WASM, which
 * kernels work in, and ordinary memory outside of it, where tensors wait until a kernel uses them. `Room`
 * throws these errors; they say how large each part is and which settings of a recipe need less.
 */
import { UserError } from "../../core/errors.ts";

const gigabytes = (bytes: number) => `${Number((bytes / 2 ** 30).toFixed(1))} GB`;

const ADVICE = "lower input.crop or training.batch, or set model.options.checkpointing: true; " +
  "for predictions lower evaluation.size or set evaluation.window";

/**
 * The new tensor would fit beside those that the running kernel uses, but these lie scattered in the heap and
 * must stay where they are. running.ts catches this error: it ends the kernel, moves all other tensors out with
 * `clear` and runs the kernel again. The person sees the message only where a kernel cannot run again.
 */
export class InPieces extends UserError {
  /** Moves every tensor out of the heap that no running kernel uses. */
  readonly clear: () => void;

  /** @param error what is said where the kernel cannot run again */
  constructor({ message }: UserError, clear: () => void) {
    super(message);
    this.clear = clear;
  }
}

/**
 * The error for `bytes` that do not fit.
 * @param heap bytes that tensors may take in the heap
 * @param outside bytes that they may take outside of it; 0 where nothing can leave the heap
 * @param full true: heap and outside are both full; false: one operator needs more than the whole heap
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
