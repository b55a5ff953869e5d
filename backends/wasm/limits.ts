import { HEAP_ALONE, type Limits } from "./room.ts";

/** Bytes left to everything else if a recipe names no limit: images that are read ahead, and the system. */
const MARGIN = 2 ** 31;

/**
 * How much tensors may take, inside the heap and outside.
 * @param memory bytes in all; absent: the whole heap and, outside of it, what the machine has free when the
 * heap is full, less a margin of 2 GB
 */
export function limitsOf(memory?: number): Limits {
  if (memory === undefined) {
    return {
      ...HEAP_ALONE,
      outside: (taken) => Math.max(0, taken + freeMemory() - MARGIN),
    };
  }
  const heap = Math.min(HEAP_ALONE.heap, memory);
  return { ...HEAP_ALONE, heap, outside: () => memory - heap };
}

/** Bytes that can be taken without pushing out other programs; 0 where the system does not say. */
function freeMemory(): number {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return 0;
  }
}
