/**
 * Reading a binary format byte by byte. All lengths in such a file are claims; the cursor compares each of
 * them with the bytes that are really there, so a damaged or hostile file ends in an error and never in a
 * wild read or a huge allocation.
 */
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";

/**
 * A place in a row of bytes. Reading moves it on; whatever would lie beyond the end is an error that says the
 * file is cut short. Numbers are little-endian, except `f64`.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  /** The file, for messages. */
  readonly name: string;
  /** The next byte. */
  at = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, name: string) {
    this.bytes = bytes;
    this.name = name;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Ends the reading. @throws DataError that starts with the file's name */
  fail(message: string): never {
    throw new DataError(this.name, printable(message));
  }

  /** Moves on by `count` bytes and returns where they begin. @throws DataError */
  skip(count: number): number {
    const start = this.at;
    if (count > this.bytes.length - start) {
      this.fail(
        `the file is cut short: ${count} bytes are announced where ${this.bytes.length - start} are left`,
      );
    }
    this.at += count;
    return start;
  }

  /** The next bytes, not copied. @throws DataError */
  take(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  /** Text up to the end of the line, which is passed over. @throws DataError */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) this.fail("the file is cut short: a line of its description does not end");
    const text = decode(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** UTF-8 of so many bytes. @throws DataError */
  text(count: number): string {
    return decode(this.take(count));
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  /** Inexact beyond 2^53, which is far beyond any file. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.skip(8), true));
  }

  /** Big-endian, as pickles hold it. */
  f64(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
