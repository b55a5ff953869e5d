/** What takes long is computed once. */
import { Turns } from "../explore/turns.ts";

/** A result that stands as long as what it is made of: a request that comes meanwhile waits, and gets it as well. */
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

  /** @throws the signal's reason, or whatever the computation throws, which the next who asks begins anew */
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
