/**
 * How much memory there is to take. In a container the machine's own numbers mislead: a process that takes
 * more than its control group may have is killed, however much the machine has free.
 */
import { constrainedMemory, memoryUsage } from "node:process";

/** Memory in bytes; of the container where there is one with a limit. */
export interface MachineMemory {
  readonly total: number;
  /** What can be taken without pushing out other programs. */
  readonly free: number;
  /** Whether a control group sets `total`. What other processes of the group hold is not known then. */
  readonly limited: boolean;
}

/** What the system says; all 0 where it does not say, or may not be asked. */
export function machineMemory(): MachineMemory {
  try {
    const { total, available: free } = Deno.systemMemoryInfo();
    const limit = constrainedMemory();
    // Without a limit it is 0, or a number beyond every machine's.
    if (!(limit > 0 && limit < total)) return { total, free, limited: false };
    const own = Math.max(0, limit - memoryUsage.rss());
    return { total: limit, free: Math.min(free, own), limited: true };
  } catch {
    return { total: 0, free: 0, limited: false };
  }
}
