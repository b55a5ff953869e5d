/** What takes long is computed once: a page opened in three tabs must not label the val split three times. */
import { Turns } from "../explore/turns.ts";

/**
 * A result that stands as long as what it is made of. A request that comes while it is computed waits, and
 * gets the same.
 */
export class Once<T> {
  readonly #turns = new Turns();
  readonly #version: () => Promise<string>;
  readonly #compute: (signal: AbortSignal) => Promise<T>;
  #known: { readonly version: string; readonly result: T } | undefined;

  /** @param version of what the result is made of: another one asks for another result */
  constructor(version: () => Promise<string>, compute: (signal: AbortSignal) => Promise<T>) {
    this.#version = version;
    this.#compute = compute;
  }

  /**
   * The result, known or computed anew. @throws the signal's reason, or whatever the computation throws; the
   * next request then begins anew
   */
  ask(signal: AbortSignal): Promise<T> {
    return this.#turns.take(signal, async () => {
      const version = await this.#version();
      if (this.#known?.version === version) return this.#known.result;
      this.#known = undefined;
      const result = await this.#compute(signal);
      this.#known = { version, result };
      return result;
    });
  }
}
