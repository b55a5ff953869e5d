/** One computation after the other. */
import { setImmediate } from "node:timers/promises";

/** Runs jobs in the order in which they came; one whose signal fires before its turn is not begun. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws the signal's reason, or whatever the job throws */
  take<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      await breathe(signal);
      return await job();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/** Kernels run synchronously: what came in meanwhile, the end of this request for instance, gets its turn here. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
