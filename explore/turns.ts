/**
 * Computations for the page of `plca view` run one after the other: those of the association explorer, and
 * those of `Once` (view/once.ts). Kernels occupy the thread until they are done, so two questions at once
 * would only take more memory. A question that its page has given up should not be computed at all: its
 * signal, that of the HTTP request, has fired then.
 */
import { setImmediate } from "node:timers/promises";

/** Runs jobs one after the other, first come, first served. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs a job when its turn comes. If its signal has fired by then, it is not begun; a signal that fires
   * earlier is noticed only at that turn. A job must not take a turn itself: it would wait for its own end.
   * @throws the signal's reason, or whatever the job throws
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
 * Lets the event loop run for a moment, so that the server handles what has come in meanwhile, such as the
 * end of this very request. Long jobs call it between their parts. @throws the signal's reason when it has
 * fired
 */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
