/**
 * Who is missing where processes wait for each other.
 *
 * Think of a roll call: a process whose limit is reached asks all others, and each that waits answers with
 * what it waits for, so whoever does not answer is what is waited for. mpi.ts lets a process answer while it
 * waits, not only when its own limit is reached: processes begin to wait at different times, and one that
 * came a little later is not missing.
 *
 * Question and answer are so short that MPI delivers them whatever the other process does.
 */
import { bytes, type Request, type Requests } from "./requests.ts";

/** Milliseconds in which the others answer: a process that waits looks for questions every millisecond. */
const PATIENCE = 3000;
/** Tags of messages; nothing else is sent from one process to another. */
const QUESTION = 7_001, REPLY = 7_002;
/** Bytes of an answer, which end with zeros. */
const REPLY_BYTES = 64;

/** A process among the others. */
export interface Answering {
  readonly rank: number;
  readonly size: number;
  /** Milliseconds in which the others answer; absent: 3000. */
  readonly patience?: number;
}

/** One process in roll calls. */
export class RollCall {
  readonly #requests: Requests;
  readonly #rank: number;
  readonly #size: number;
  readonly #patience: number;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** Answers under way. */
  #replies: readonly Request[] = [];

  constructor(requests: Requests, { rank, size, patience = PATIENCE }: Answering) {
    this.#requests = requests;
    this.#rank = rank;
    this.#size = size;
    this.#patience = patience;
  }

  /** Answers those who have asked. @param what this process waits for */
  answer(what: string): void {
    const { abi, call } = this.#requests, flag = new Int32Array(1), world = abi.commWorld as never;
    this.#replies = this.#replies.filter((one) => !this.#requests.test(one));
    for (;;) {
      this.#requests.check(
        "MPI_Iprobe",
        call.MPI_Iprobe(abi.anySource, QUESTION, world, flag, abi.statusIgnore),
      );
      if (flag[0] === 0) return;
      // It is there, so receiving it does not wait.
      const asker = bytes(4), question = this.#receive(asker, abi.anySource, QUESTION);
      while (!this.#requests.test(question));
      const text = bytes(REPLY_BYTES);
      new TextEncoder().encodeInto(what, text);
      this.#replies = [...this.#replies, this.#send(text, new Int32Array(asker.buffer)[0]!, REPLY)];
    }
  }

  /**
   * Asks all others what they wait for, for some seconds, and answers those who ask the same.
   * @param what this process waits for
   * @returns who is missing, and who waits for something else, in words
   */
  whoIsMissing(what: string): string {
    const own = bytes(4), others = [...Array(this.#size).keys()].filter((rank) => rank !== this.#rank);
    new Int32Array(own.buffer)[0] = this.#rank;
    const asked = others.map((rank) => {
      const text = bytes(REPLY_BYTES);
      const question = this.#send(own, rank, QUESTION), reply = this.#receive(text, rank, REPLY);
      return { rank, text, question, reply };
    });
    for (const began = performance.now(); performance.now() - began < this.#patience;) {
      for (const { question, reply } of asked) [question, reply].forEach((one) => this.#requests.test(one));
      this.answer(what);
      Atomics.wait(this.#sleeper, 0, 0, 1);
    }
    const missing = asked.filter(({ reply }) => !reply.done).map(({ rank }) => rank);
    const elsewhere = asked.filter(({ reply }) => reply.done)
      .map(({ rank, text }) => ({ rank, waits: new TextDecoder().decode(text).replaceAll("\0", "") }))
      .filter(({ waits }) => waits !== what);
    const parts = [
      ...missing.length > 0
        ? [`${missing.length === 1 ? "rank" : "ranks"} ${missing.join(", ")} did not come`]
        : [],
      ...elsewhere.map(({ rank, waits }) => `rank ${rank} waits for ${waits}`),
    ];
    return parts.length === 0 ? "all others wait for it as well" : parts.join(", ");
  }

  #send(data: Uint8Array<ArrayBuffer>, to: number, tag: number): Request {
    const { abi, call } = this.#requests, request = this.#requests.made([data], "an answer");
    const [type, world] = [abi.byte as never, abi.commWorld as never];
    const code = call.MPI_Isend(data, data.length, type, to, tag, world, request.handle);
    // Whoever cannot be sent to is gone, and will be missing.
    if (code !== 0) request.done = true;
    return request;
  }

  #receive(data: Uint8Array<ArrayBuffer>, from: number, tag: number): Request {
    const { abi, call } = this.#requests, request = this.#requests.made([data], "an answer");
    const [type, world] = [abi.byte as never, abi.commWorld as never];
    const code = call.MPI_Irecv(data, data.length, type, from, tag, world, request.handle);
    this.#requests.check("MPI_Irecv", code);
    return request;
  }
}
