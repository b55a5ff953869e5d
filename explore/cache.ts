/** Results that may be asked for again, as long as there is room for them. */

/**
 * Keeps values up to a number of bytes. The least recently used one is dropped first; the one that was set
 * last always stays, even if it alone exceeds that number.
 */
export class Cache<T> {
  readonly #capacity: number;
  readonly #entries = new Map<string, { readonly value: T; readonly bytes: number }>();
  #bytes = 0;

  /** @param capacity in bytes */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The value; undefined when it is not, or no longer, there. Asking makes it the youngest. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, and drops old ones until there is room. @param bytes what the value takes */
  set(key: string, value: T, bytes: number): void {
    this.#remove(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#capacity || oldest === key) return;
      this.#remove(oldest);
    }
  }

  /** What all values take. */
  get bytes(): number {
    return this.#bytes;
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
