/**
 * What was begun and is asked for until it is done, and the memory that MPI reads and writes meanwhile.
 *
 * mpi.ts and roll_call.ts begin everything here. Buffers that are under way must be held until the library is
 * done with them; a collected one would be written to after it is another's memory.
 */
import { UserError } from "../core/errors.ts";
import { type Abi, type Symbols, TEXT_BYTES } from "./abi.ts";
import type { Library } from "./library.ts";

/** Something that was begun. */
export interface Request {
  /** In memory of MPI's own kind. */
  readonly handle: Uint8Array<ArrayBuffer>;
  /** What MPI reads or writes until it is done; kept so that nothing frees it. */
  readonly held: readonly ArrayBufferView[];
  /** What a process that waits for it waits for, as errors say it. */
  readonly what: string;
  /** Whether it is of gradients, which come in an order of their own. */
  readonly ofGradients: boolean;
  done: boolean;
}

/** Requests of a library. */
export class Requests {
  readonly abi: Abi;
  readonly call: Symbols;

  constructor({ abi, symbols }: Pick<Library, "abi" | "symbols">) {
    this.abi = abi;
    this.call = symbols;
  }

  /** A request whose handle a call is about to fill in. @param held the memory that the call works on */
  made(held: readonly ArrayBufferView[], what: string, ofGradients = false): Request {
    return { handle: bytes(this.abi.handleBytes), held, what, ofGradients, done: false };
  }

  /** Whether something that was begun is done; lets MPI work on it. @throws UserError when it failed */
  test(request: Request): boolean {
    if (request.done) return true;
    const flag = new Int32Array(1);
    this.check("MPI_Test", this.call.MPI_Test(request.handle, flag, this.abi.statusIgnore));
    return request.done = flag[0] !== 0;
  }

  /** @param code what a function of MPI returned @throws UserError with MPI's words when it is an error */
  check(name: string, code: number): void {
    if (code === 0) return;
    const text = bytes(TEXT_BYTES.error), length = new Int32Array(1);
    this.call.MPI_Error_string(code, text, length);
    throw new UserError(`${name} failed: ${new TextDecoder().decode(text.subarray(0, length[0]!)).trim()}`);
  }
}

/**
 * Memory that stays where it is: small arrays made by length alone may be moved while MPI writes into them.
 */
export function bytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}

/** The same of whole numbers. */
export function wholeNumbers(length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(4 * length));
}

/** The same of numbers. */
export function floats(length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(new ArrayBuffer(4 * length));
}
