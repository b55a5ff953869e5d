/**
 * Reading the images of a recipe outside of training, as data checks do: with as many workers as there are
 * cores, a line of progress, and Ctrl-C after the image in work.
 */
import type { RunPlan } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { type Input, openInput } from "../datasets/input.ts";
import type { Host } from "./host.ts";

/** The most workers; more threads only wait for the disk. */
const MOST_WORKERS = 8;

/**
 * Calls `body` with the recipe's data opened, and closes it afterwards. Workers: as many as there are cores,
 * up to 8 or what the recipe has; none where the recipe wants none.
 */
export async function withInput<T>(
  host: Host,
  plan: RunPlan,
  body: (input: Input, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { workers } = plan.input;
  const used = workers === 0 ? 0 : Math.max(workers, Math.min(host.machine.cores, MOST_WORKERS));
  const input = openInput({ ...plan, input: { ...plan.input, workers: used } }, diskFiles());
  const { signal, stopListening } = afterImage(host);
  try {
    return await body(input, signal);
  } finally {
    if (host.stderr.tty) host.stderr.write("\r\x1b[K");
    stopListening();
    await input.close();
  }
}

/**
 * Listens to Ctrl-C until `stopListening` is called. The first one fires the signal, and a line says that the
 * image in work is finished; the second ends the process.
 */
export function afterImage(
  host: Host,
): { readonly signal: AbortSignal; readonly stopListening: () => void } {
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    host.stderr.write(stopping(host));
    abort.abort();
  });
  return { signal: abort.signal, stopListening };
}

/** The line on the first Ctrl-C: an image cannot be left in its middle. */
function stopping(host: Host): string {
  const begin = host.stderr.tty ? "\r\x1b[K" : "";
  return `${begin}Stopping after the image in work. Ctrl-C again stops at once.\n`;
}

/** Rewrites a line on a terminal that says which image is read; the last image clears it. */
export function showImage(host: Host, name: string, { done, of }: { done: number; of: number }): void {
  if (!host.stderr.tty) return;
  host.stderr.write(done < of ? `\r${name}: image ${done}/${of}` : "\r\x1b[K");
}
