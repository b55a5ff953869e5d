import { machineMemory } from "../machine_memory.ts";
import { HEAP_ALONE, type Limits } from "./room.ts";

/** Bytes left to everything else if a recipe names no limit: images that are read ahead, and the system. */
const MARGIN = 2 ** 31;

/** The fewest bytes that tensors get in a container: with less not even a small network trains. */
const FEWEST = 2 ** 28;

/**
 * How much tensors may take, inside the heap and outside.
 * @param memory bytes in all; absent: the whole heap and, outside of it, what the machine has free when the
 * heap is full, less a margin of 2 GB. In a container with a limit heap and rest together may take what it
 * has free at the start, less a quarter of its limit or 2 GB
 * @param machine asks how much there is
 */
export function limitsOf(memory?: number, machine = machineMemory): Limits {
  const { total, free, limited } = machine();
  if (memory === undefined && !limited) {
    return {
      ...HEAP_ALONE,
      outside: (taken) => Math.max(0, taken + machine().free - MARGIN),
    };
  }
  const all = memory ?? Math.max(FEWEST, free - Math.min(MARGIN, total / 4));
  const heap = Math.min(HEAP_ALONE.heap, all);
  return { ...HEAP_ALONE, heap, outside: () => all - heap };
}
