/**
 * One computation after the other. Kernels run synchronously and share memory, so two questions at once would
 * only be slower; and a question whose page has moved on should not be computed at all.
 */
import { setImmediate } from "node:timers/promises";

/** Runs jobs one after the other, first come, first served. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs a job when its turn comes; one whose signal has fired by then is not begun. @throws the signal's
   * reason, or whatever the job throws
   */
  take<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      await breathe(signal);
      return await job();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/**
 * Lets go of the thread for a moment, so that what came in meanwhile is handled, such as the end of this
 * request. @throws the signal's reason when it has fired
 */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
