/**
 * Memory outside of the heap, where tensors wait. It is taken from the system in pieces of one size (4 MB): a
 * large tensor takes as many pieces as it needs, and free pieces are kept and used again, because memory that
 * is new to the process is slow (the system has to clear it). Small tensors get an array of their own.
 */

/** Bytes of a piece. */
const PIECE = 2 ** 22;

/** Below this share of a piece, bytes get an array of their own. */
const SMALL = PIECE / 4;

/** The receipt for bytes that were stored. */
export interface Stored {
  readonly bytes: number;
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
}

/** The store. It counts both the bytes of tensors and the memory that it took from the system for them. */
export class Outside {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #taken = 0;
  #peak = 0;

  /** Bytes of the tensors that are stored now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The most bytes that were stored at a time. */
  get peak(): number {
    return this.#peak;
  }

  /** How many bytes storing so many would take from the system, beyond the free pieces. */
  needs(bytes: number): number {
    return Math.max(0, sizeOutside(bytes) - (bytes < SMALL ? 0 : PIECE * this.#free.length));
  }

  /** Bytes taken from the system, those of free pieces included. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Copies the bytes into the store.
   * @throws RangeError when the system has no memory for them; then nothing is stored
   */
  store(from: Uint8Array): Stored {
    const bytes = from.length;
    const taken = this.needs(bytes);
    const pieces = bytes < SMALL ? [new Uint8Array(bytes)] : this.#pieces(Math.ceil(bytes / PIECE));
    pieces.forEach((piece, k) => piece.set(from.subarray(k * PIECE, (k + 1) * PIECE)));
    this.#taken += taken;
    this.#bytes += bytes;
    this.#peak = Math.max(this.#peak, this.#bytes);
    return { bytes, pieces };
  }

  #pieces(count: number): Uint8Array<ArrayBuffer>[] {
    while (this.#free.length < count) this.#free.push(new Uint8Array(PIECE));
    return this.#free.splice(this.#free.length - count);
  }

  /** Copies stored bytes back; they stay stored. */
  load({ bytes, pieces }: Stored, into: Uint8Array): void {
    pieces.forEach((piece, k) => into.set(piece.subarray(0, bytes - k * PIECE), k * PIECE));
  }

  /** Gives stored bytes up; their pieces are free. */
  release({ bytes, pieces }: Stored): void {
    this.#bytes -= bytes;
    if (bytes < SMALL) this.#taken -= bytes;
    else this.#free.push(...pieces);
  }
}

/** How much memory so many bytes take outside: whole pieces, unless they are few. */
export function sizeOutside(bytes: number): number {
  return bytes < SMALL ? bytes : PIECE * Math.ceil(bytes / PIECE);
}
