/**
 * Bytes of a log as lines. A log is read while it is written, in portions that end anywhere, so the part
 * after the last newline waits for the rest.
 *
 * log.ts feeds it. Bytes are joined before they are decoded, since a portion may end within a character; a
 * line that never ends is given up at a length, or memory would grow with it.
 */

/** The most bytes of a line; longer ones are no events, and are not kept in memory. */
export const LONGEST_LINE = 1 << 20;

/** Called with each line and its number, counted from 1; undefined stands for a line that is too long. */
export type LineHandler = (text: string | undefined, number: number) => void;

const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines, decoded as UTF-8. */
export class LineSplitter {
  #rest: Uint8Array = new Uint8Array(0);
  #tooLong = false;
  /** Whole lines so far. */
  #count = 0;
  #read = 0;
  readonly #decoder = new TextDecoder();

  /** How many bytes were added. */
  get read(): number {
    return this.#read;
  }

  /**
   * Adds bytes that follow those before and handles every line that they complete. The bytes are not kept.
   */
  add(bytes: Uint8Array, handle: LineHandler): void {
    let begin = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, begin);
      if (end < 0) break;
      const part = bytes.subarray(begin, end);
      const line = ++this.#count;
      const tooLong = this.#tooLong || this.#rest.length + part.length > LONGEST_LINE;
      if (tooLong) handle(undefined, line);
      else handle(this.#decoder.decode(this.#rest.length === 0 ? part : joined(this.#rest, part)), line);
      this.#rest = new Uint8Array(0);
      this.#tooLong = false;
      begin = end + 1;
    }
    const tail = bytes.subarray(begin);
    if (this.#tooLong || this.#rest.length + tail.length > LONGEST_LINE) {
      this.#tooLong = true;
      this.#rest = new Uint8Array(0);
    } else if (tail.length > 0) {
      this.#rest = joined(this.#rest, tail);
    }
    this.#read += bytes.length;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
