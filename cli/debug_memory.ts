/** `plca train --debug-memory`: what each step moved out of the backend's heap and back. */
import { UserError } from "../core/errors.ts";
import { movedBetween, type MovedMemory } from "../core/memory.ts";

/** How many kinds of tensors are named, those that moved the most bytes. */
const NAMED = 8;

/**
 * A function that gives the lines to show after a step: what was moved since the step before.
 * @param moved the backend's account; undefined for a backend that keeps its memory itself
 * @param backend as the recipe names it
 * @throws UserError when there is no account
 */
export function memoryTeller(
  moved: (() => MovedMemory) | undefined,
  backend: string,
): (step: number) => readonly string[] {
  if (moved === undefined) {
    throw new UserError(`--debug-memory: ${backend} keeps its memory itself; use native or wasm`);
  }
  let before = moved();
  return (step) => {
    const after = moved();
    const lines = memoryLines(step, before, after);
    before = after;
    return lines;
  };
}

/** A line for the step, and one for each of the kinds of tensors that moved most. */
export function memoryLines(step: number, before: MovedMemory, after: MovedMemory): readonly string[] {
  const [heap, outside] = [after.heapPeak, after.outsidePeak].map(gigabytes);
  const most = `tensors took ${heap} of the heap and ${outside} outside at most`;
  const [out, back] = [after.out - before.out, after.back - before.back];
  if (out + back === 0) return [`memory, step ${step}: nothing was moved; ${most}`];
  const seconds = (after.seconds - before.seconds).toFixed(1);
  const kinds = movedBetween(before, after);
  return [
    `memory, step ${step}: ${gigabytes(out)} left the heap, ${
      gigabytes(back)
    } came back, ${seconds} s; ${most}`,
    ...kinds.slice(0, NAMED).map(({ what, timesOut, timesBack, bytes, seconds }) =>
      `  ${what}: out ${timesOut}, back ${timesBack}, ${gigabytes(bytes)}, ${seconds.toFixed(1)} s`
    ),
    ...kinds.length > NAMED ? [`  and ${kinds.length - NAMED} more kinds`] : [],
  ];
}

/** Bytes as text, in units of 2^30 bytes. */
function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
