/**
 * MPI as plca uses it. Everything that waits is begun without waiting and then asked for, so that a wait can
 * have an end: MPI makes progress only while it is called, and a call that waits cannot be left.
 *
 * world.ts and buckets.ts call it. Buffers that are under way must be held until the library is done with
 * them; a collected one would be written to after it is another's memory.
 */
import { UserError } from "../core/errors.ts";
import { type Abi, type Symbols, TEXT_BYTES } from "./abi.ts";
import type { Launch } from "./launch.ts";
import type { Library } from "./library.ts";

/** Something that was begun. */
export interface Request {
  /** In memory of MPI's own kind. */
  readonly handle: Uint8Array;
  /** What MPI reads or writes until it is done; kept so that nothing frees it. */
  readonly held: readonly ArrayBufferView[];
  /** For the error when it takes too long. */
  readonly what: string;
  /** Whether it is of gradients, which come in an order of their own. */
  readonly ofGradients: boolean;
  done: boolean;
}

/** How long is waited, and where. */
export interface MpiOptions {
  readonly launch: Launch;
  /** Seconds after which a process that waits asks who is missing. */
  readonly timeout: number;
}

/** Milliseconds in which a process asks again at once, before it sleeps between questions. */
const EAGER = 0.5;
/** Milliseconds of a sleep, from and to. */
const SLEEP = [0.05, 1] as const;
/** Seconds in which the others answer that they wait as well. */
const ANSWER = 3;
const WAITING = 7_001;

/** One process among those of MPI. */
export class Mpi {
  readonly rank: number;
  readonly size: number;
  /** The machine's name, as MPI tells it. */
  readonly host: string;
  readonly library: Library;
  readonly #abi: Abi;
  readonly #call: Symbols;
  readonly #timeout: number;
  /**
   * Communicators of their own: for what comes in the order of the program, for gradients, and for who asks
   * who is missing.
   */
  readonly #ordered: number | bigint;
  readonly #gradients: number | bigint;
  readonly #asking: number | bigint;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** How many things of the program's order were begun. */
  #begun = 0;
  /** Seconds of this process in which it waited for gradients, and for everything else. */
  readonly waited = { gradients: 0, others: 0 };

  /** Begins MPI. @throws UserError when the launcher and MPI do not fit together */
  constructor(library: Library, { launch, timeout }: MpiOptions) {
    this.library = library;
    this.#abi = library.abi;
    this.#call = library.symbols;
    this.#timeout = timeout;
    this.#check("MPI_Init_thread", this.#call.MPI_Init_thread(0n, 0n, this.#abi.funneled, new Int32Array(1)));
    const { commWorld, errorsReturn } = this.#abi;
    this.#check("MPI_Comm_set_errhandler", this.#call.MPI_Comm_set_errhandler(commWorld, errorsReturn));
    this.rank = this.#number("MPI_Comm_rank");
    this.size = this.#number("MPI_Comm_size");
    this.host = this.#hostName();
    if (launch.size !== undefined && launch.size !== this.size) {
      throw new UserError(
        `the launcher started ${launch.size} processes, but ${library.name} (${library.version}) sees ${this.size}: ` +
          "the launcher is of another MPI; use the mpirun that belongs to this library, or name its library by PLCA_MPI",
      );
    }
    [this.#ordered, this.#gradients, this.#asking] = [this.#another(), this.#another(), this.#another()];
  }

  /** Begins a sum over all processes, in place, of gradients: they come in an order of their own. */
  beginGradientSum(data: Float32Array): Request {
    return this.#sum(data, { comm: this.#gradients, what: "the sum of gradients" });
  }

  /** The sum over all processes, in place. */
  sum(data: Float32Array | Float64Array): void {
    this.beginSum(data)();
  }

  /** Begins that sum; the function waits for it. */
  beginSum(data: Float32Array | Float64Array): () => void {
    this.#begun += 1;
    const request = this.#sum(data, { comm: this.#ordered, what: `exchange ${this.#begun}` });
    return () => this.wait(request);
  }

  /**
   * What every process has, by rank, in one array. @param lengths elements of each @param own this one's
   */
  gather<T extends Float32Array | Uint8Array>(part: T, lengths: readonly number[]): T {
    this.#begun += 1;
    const { counts, starts, length } = layoutOf(lengths);
    const all = (part instanceof Float32Array ? floats(length) : bytes(length)) as T;
    all.set(part, starts[this.rank]!);
    const { inPlace, float, byte } = this.#abi, type = part instanceof Float32Array ? float : byte;
    const request = this.#request([all, counts, starts], `exchange ${this.#begun}`);
    const code = this.#call.MPI_Iallgatherv(
      ...[inPlace, 0, type as never] as const,
      ...[all, counts, starts, type as never, this.#ordered as never, request.handle] as const,
    );
    this.#check("MPI_Iallgatherv", code);
    this.wait(request);
    return all;
  }

  /**
   * What all processes hand to this one, in the order of the ranks. @param parts for each, by rank
   * @param lengths how many numbers come of each
   */
  swap(parts: readonly Float32Array[], lengths: readonly number[]): Float32Array<ArrayBuffer> {
    this.#begun += 1;
    const out = layoutOf(parts.map((part) => part.length)), into = layoutOf(lengths);
    const sent = floats(out.length), got = floats(into.length);
    parts.forEach((part, rank) => sent.set(part, out.starts[rank]!));
    const held = [sent, got, out.counts, out.starts, into.counts, into.starts];
    const request = this.#request(held, `exchange ${this.#begun}`), type = this.#abi.float as never;
    const code = this.#call.MPI_Ialltoallv(
      ...[sent, out.counts, out.starts, type] as const,
      ...[got, into.counts, into.starts, type, this.#ordered as never, request.handle] as const,
    );
    this.#check("MPI_Ialltoallv", code);
    this.wait(request);
    return got;
  }

  /** Whether something that was begun is done; lets MPI work on it. */
  test(request: Request): boolean {
    if (request.done) return true;
    const flag = new Int32Array(1);
    this.#check("MPI_Test", this.#call.MPI_Test(request.handle, flag, this.#abi.statusIgnore));
    return request.done = flag[0] !== 0;
  }

  /** Waits for something that was begun. @throws UserError that names the processes that are missing */
  wait(request: Request): void {
    const began = performance.now();
    let sleep: number = SLEEP[0];
    while (!this.test(request)) {
      if (performance.now() - began < EAGER) continue;
      Atomics.wait(this.#sleeper, 0, 0, sleep);
      sleep = Math.min(SLEEP[1], sleep * 1.1);
      if (performance.now() - began > 1000 * this.#timeout) throw this.#missing(request);
    }
    this.waited[request.ofGradients ? "gradients" : "others"] += (performance.now() - began) / 1000;
  }

  /** Ends MPI once all processes do. */
  finalize(): void {
    this.#call.MPI_Finalize();
  }

  /** Ends every process of the job, this one included. */
  abort(code: number): void {
    this.#call.MPI_Abort(this.#abi.commWorld as never, code);
  }

  #sum(
    data: Float32Array | Float64Array,
    { comm, what }: { readonly comm: number | bigint; readonly what: string },
  ): Request {
    const { inPlace, float, double, sum } = this.#abi;
    const request = this.#request([data], what, comm === this.#gradients);
    const type = data instanceof Float64Array ? double : float;
    const code = this.#call.MPI_Iallreduce(
      inPlace,
      data as Float32Array<ArrayBuffer>,
      data.length,
      type as never,
      sum as never,
      comm as never,
      request.handle,
    );
    this.#check("MPI_Iallreduce", code);
    return request;
  }

  #request(held: readonly ArrayBufferView[], what: string, ofGradients = false) {
    return { handle: bytes(this.#abi.handleBytes), held, what, ofGradients, done: false };
  }

  /**
   * Asks all others whether they wait too: whoever does not answer is what is waited for. What a process has
   * to say is so short that MPI delivers it whatever the others do.
   */
  #missing(request: Request): UserError {
    const said = bytes(8), others = [...Array(this.size).keys()].filter((rank) => rank !== this.rank);
    new Float64Array(said.buffer)[0] = this.#begun;
    const { byte } = this.#abi, comm = this.#asking as never;
    const heard = others.map((rank) => {
      const answer = bytes(8),
        sent = this.#request([said], "asking"),
        asked = this.#request([answer], "asking");
      this.#call.MPI_Isend(said, 8, byte as never, rank, WAITING, comm, sent.handle);
      this.#call.MPI_Irecv(answer, 8, byte as never, rank, WAITING, comm, asked.handle);
      return { rank, sent, asked };
    });
    const until = performance.now() + 1000 * ANSWER;
    while (performance.now() < until) {
      for (const { sent, asked } of heard) [sent, asked].forEach((one) => this.test(one));
      Atomics.wait(this.#sleeper, 0, 0, SLEEP[1]);
    }
    const missing = heard.filter(({ asked }) => !asked.done).map(({ rank }) => rank);
    const who = missing.length === 0
      ? "all others wait as well, for something else"
      : `${missing.length === 1 ? "rank" : "ranks"} ${missing.join(", ")} did not come`;
    return new UserError(
      `${request.what} with the other processes was not over after ${this.#timeout} s: ${who}; ` +
        "PLCA_MPI_TIMEOUT is the limit in seconds",
    );
  }

  #number(name: "MPI_Comm_rank" | "MPI_Comm_size"): number {
    const value = new Int32Array(1);
    this.#check(name, this.#call[name](this.#abi.commWorld as never, value));
    return value[0]!;
  }

  #another(): number | bigint {
    const handle = bytes(this.#abi.handleBytes);
    this.#check("MPI_Comm_dup", this.#call.MPI_Comm_dup(this.#abi.commWorld as never, handle));
    return this.#abi.handleBytes === 8
      ? new BigUint64Array(handle.buffer)[0]!
      : new Int32Array(handle.buffer)[0]!;
  }

  #hostName(): string {
    const text = bytes(TEXT_BYTES.host), length = new Int32Array(1);
    this.#check("MPI_Get_processor_name", this.#call.MPI_Get_processor_name(text, length));
    return new TextDecoder().decode(text.subarray(0, length[0]!));
  }

  #check(name: string, code: number): void {
    if (code === 0) return;
    const text = bytes(TEXT_BYTES.error), length = new Int32Array(1);
    this.#call.MPI_Error_string(code, text, length);
    throw new UserError(`${name} failed: ${new TextDecoder().decode(text.subarray(0, length[0]!)).trim()}`);
  }
}

/** Where the parts of a message lie that come one after the other. */
function layoutOf(lengths: readonly number[]) {
  const counts = wholeNumbers(lengths.length), starts = wholeNumbers(lengths.length);
  counts.set(lengths);
  for (let k = 1; k < lengths.length; k++) starts[k] = starts[k - 1]! + counts[k - 1]!;
  return { counts, starts, length: starts.at(-1)! + counts.at(-1)! };
}

/**
 * Memory that stays where it is: small arrays made by length alone may be moved while MPI writes into them.
 */
export function bytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}

/** The same of whole numbers. */
function wholeNumbers(length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(4 * length));
}

/** The same of numbers. */
export function floats(length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(new ArrayBuffer(4 * length));
}
