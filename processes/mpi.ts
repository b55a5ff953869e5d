/**
 * MPI as plca uses it. Everything that waits is begun without waiting and then asked for, so that a wait can
 * have an end: MPI makes progress only while it is called, and a call that waits cannot be left. Only the
 * beginning of MPI itself waits within one call.
 *
 * world.ts and buckets.ts call it. All processes must begin the same things in the same order; roll_call.ts
 * finds out who did not.
 */
import { UserError } from "../core/errors.ts";
import { TEXT_BYTES } from "./abi.ts";
import type { Launch } from "./launch.ts";
import type { Library } from "./library.ts";
import { bytes, floats, type Request, Requests, wholeNumbers } from "./requests.ts";
import { RollCall } from "./roll_call.ts";

/** Ends this process with these words after so many seconds, unless the function is called before. */
export type Watch = (seconds: number, words: string) => () => void;

/** How long is waited, and where. */
export interface MpiOptions {
  readonly launch: Launch;
  /** Seconds after which a process that waits asks who is missing. */
  readonly timeout: number;
  /** Ends a process for which MPI does not begin within the limit; absent: it waits without end. */
  readonly watch?: Watch | undefined;
}

/** Milliseconds in which a process asks again at once, before it sleeps between questions. */
const EAGER = 0.5;
/** Milliseconds of a sleep, from and to. */
const SLEEP = [0.05, 1] as const;

/** Seconds by which processes other than the first one speak later. */
const SECOND_SPEAKER = 3;
const LIMIT = "PLCA_MPI_TIMEOUT is the limit in seconds";

/** One process among those of MPI. */
export class Mpi {
  readonly rank: number;
  readonly size: number;
  /** The machine's name, as MPI tells it. */
  readonly host: string;
  readonly library: Library;
  readonly #requests: Requests;
  readonly #timeout: number;
  readonly #rollCall: RollCall;
  /** Communicators of their own: for what comes in the order of the program, and for gradients. */
  readonly #ordered: number | bigint;
  readonly #gradients: number | bigint;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** How many things of the program's order were begun. */
  #begun = 0;
  /** Seconds of this process in which it waited for gradients, and for everything else. */
  readonly waited = { gradients: 0, others: 0 };

  /**
   * Begins MPI. @throws UserError when the launcher and MPI do not fit together, or others do not begin
   */
  constructor(library: Library, options: MpiOptions) {
    const { launch, timeout } = options;
    this.library = library;
    this.#requests = new Requests(library);
    this.#timeout = timeout;
    this.#init(options);
    const { call, abi: { commWorld, errorsReturn } } = this.#requests;
    this.#check(
      "MPI_Comm_set_errhandler",
      call.MPI_Comm_set_errhandler(commWorld as never, errorsReturn as never),
    );
    this.rank = this.#number("MPI_Comm_rank");
    this.size = this.#number("MPI_Comm_size");
    this.host = this.#hostName();
    if (launch.size !== undefined && launch.size !== this.size) {
      throw new UserError(
        `the launcher started ${launch.size} processes, but ${library.name} (${library.version}) sees ${this.size}: ` +
          "the launcher is of another MPI; use the mpirun that belongs to this library, or name its library by PLCA_MPI",
      );
    }
    this.#rollCall = new RollCall(this.#requests, { rank: this.rank, size: this.size });
    [this.#ordered, this.#gradients] = [this.#another(), this.#another()];
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
    const { inPlace, float, byte } = this.#requests.abi, type = part instanceof Float32Array ? float : byte;
    const request = this.#requests.made([all, counts, starts], `exchange ${this.#begun}`);
    const code = this.#requests.call.MPI_Iallgatherv(
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
    const request = this.#requests.made(held, `exchange ${this.#begun}`),
      type = this.#requests.abi.float as never;
    const code = this.#requests.call.MPI_Ialltoallv(
      ...[sent, out.counts, out.starts, type] as const,
      ...[got, into.counts, into.starts, type, this.#ordered as never, request.handle] as const,
    );
    this.#check("MPI_Ialltoallv", code);
    this.wait(request);
    return got;
  }

  /** Whether something that was begun is done; lets MPI work on it. */
  test(request: Request): boolean {
    return this.#requests.test(request);
  }

  /** Waits for something that was begun. @throws UserError that names the processes that are missing */
  wait(request: Request): void {
    const began = performance.now();
    let sleep: number = SLEEP[0];
    while (!this.test(request)) {
      if (performance.now() - began < EAGER) continue;
      Atomics.wait(this.#sleeper, 0, 0, sleep);
      sleep = Math.min(SLEEP[1], sleep * 1.1);
      // Not in short waits, which are most of them.
      if (sleep === SLEEP[1]) this.#rollCall.answer(request.what);
      if (performance.now() - began > 1000 * this.#timeout) throw this.#late(request);
    }
    this.waited[request.ofGradients ? "gradients" : "others"] += (performance.now() - began) / 1000;
  }

  /** Ends MPI once all processes do. @throws UserError that names the processes that are missing */
  finalize(): void {
    // MPI_Finalize waits for the others as well, but without a limit.
    const { call } = this.#requests, request = this.#requests.made([], "the end");
    this.#check("MPI_Ibarrier", call.MPI_Ibarrier(this.#ordered as never, request.handle));
    this.wait(request);
    call.MPI_Finalize();
  }

  /** Ends every process of the job, this one included. */
  abort(code: number): void {
    const { call, abi } = this.#requests;
    call.MPI_Abort(abi.commWorld as never, code);
  }

  #sum(
    data: Float32Array | Float64Array,
    { comm, what }: { readonly comm: number | bigint; readonly what: string },
  ): Request {
    const { inPlace, float, double, sum } = this.#requests.abi;
    const request = this.#requests.made([data], what, comm === this.#gradients);
    const type = data instanceof Float64Array ? double : float;
    const code = this.#requests.call.MPI_Iallreduce(
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

  #late({ what }: Request): UserError {
    return new UserError(
      `${what} with the other processes was not over after ${this.#timeout} s: ${
        this.#rollCall.whoIsMissing(what)
      }; ` +
        LIMIT,
    );
  }

  /** Begins MPI itself, which is one call that waits until every process has made it. */
  #init({ launch: { rank }, timeout, watch }: MpiOptions): void {
    const { call, abi: { funneled } } = this.#requests;
    // The first one speaks for all, unless it is the one that did not come.
    const begun = watch?.(
      timeout + Math.min(rank, 1) * SECOND_SPEAKER,
      `MPI did not begin within ${timeout} s: a process of the job did not come to its start, and MPI cannot say ` +
        `which; ${LIMIT}`,
    );
    try {
      this.#check("MPI_Init_thread", call.MPI_Init_thread(0n, 0n, funneled, new Int32Array(1)));
    } finally {
      begun?.();
    }
  }

  #number(name: "MPI_Comm_rank" | "MPI_Comm_size"): number {
    const { call, abi } = this.#requests, value = new Int32Array(1);
    this.#check(name, call[name](abi.commWorld as never, value));
    return value[0]!;
  }

  #another(): number | bigint {
    const { call, abi: { commWorld, handleBytes } } = this.#requests;
    const made = bytes(handleBytes), request = this.#requests.made([made], "the start");
    this.#check("MPI_Comm_idup", call.MPI_Comm_idup(commWorld as never, made, request.handle));
    this.wait(request);
    return handleBytes === 8 ? new BigUint64Array(made.buffer)[0]! : new Int32Array(made.buffer)[0]!;
  }

  #hostName(): string {
    const text = bytes(TEXT_BYTES.host), length = new Int32Array(1);
    this.#check("MPI_Get_processor_name", this.#requests.call.MPI_Get_processor_name(text, length));
    return new TextDecoder().decode(text.subarray(0, length[0]!));
  }

  #check(name: string, code: number): void {
    this.#requests.check(name, code);
  }
}

/** Where the parts of a message lie that come one after the other. */
function layoutOf(lengths: readonly number[]) {
  const counts = wholeNumbers(lengths.length), starts = wholeNumbers(lengths.length);
  counts.set(lengths);
  for (let k = 1; k < lengths.length; k++) starts[k] = starts[k - 1]! + counts[k - 1]!;
  return { counts, starts, length: starts.at(-1)! + counts.at(-1)! };
}
