/**
 * What processes agree on: errors, and the wish to stop.
 *
 * Whatever may fail in one process alone (a file, a full disk) runs inside of `team.each`. An error that
 * escapes it ends one process and leaves the others waiting in their next exchange.
 */
import { DataError, LossError, UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { exchangeJson, type World } from "../core/world.ts";
import type { Pace } from "./pace.ts";

/** What the process 0 has; the others' own is not looked at. */
export function fromFirst<T>(world: World, own: T): T {
  return exchangeJson(world, world.rank === 0 ? own : null)[0]!;
}

/** How an error travels. */
interface Told {
  readonly kind: "data" | "loss" | "user" | "bug";
  readonly message: string;
  /** Of a `data` one. */
  readonly file?: string;
}

/**
 * The processes of a run while they do what each does for itself: read, write, ask whether to stop. What one
 * of them meets, all learn at the next of these calls, which all make in the same order; where there is one
 * process nothing is asked.
 */
export class Team {
  readonly world: World;
  /** Fires in all processes once it was seen that one of them was told to stop. */
  readonly signal: AbortSignal;
  readonly #stop = new AbortController();
  /** What tells this process to stop. */
  readonly #wanted: AbortSignal;

  constructor(world: World, wanted: AbortSignal) {
    this.world = world;
    // Not at once: the others have to stop in the same place.
    this.signal = world.size === 1 ? wanted : this.#stop.signal;
    this.#wanted = wanted;
  }

  /** Whether this process does what one does for all. */
  get leads(): boolean {
    return this.world.rank === 0;
  }

  /** Whether to stop. @param pace is told with it, so that it costs no exchange of its own */
  stops(pace?: Pace): boolean {
    const { world, signal } = this, wanted = this.#wanted;
    if (world.size === 1 || signal.aborted) return signal.aborted;
    const [stop, ...rates] = world.sums(Float64Array.of(Number(wanted.aborted), ...pace?.told ?? []));
    pace?.hear(rates);
    if (stop === 0) return false;
    this.#stop.abort(wanted.aborted ? wanted.reason : undefined);
    return true;
  }

  /**
   * Does something in every process, and goes on only if it went well in all: else all throw the error of the
   * first that failed, with its rank unless all failed alike. What is done may ask nothing of the other
   * processes.
   */
  async each<T>(work: () => T | Promise<T>): Promise<T> {
    const { world } = this;
    if (world.size === 1) return await work();
    let result: { readonly value: T } | undefined, own: unknown;
    try {
      result = { value: await work() };
    } catch (error) {
      own = error;
    }
    const told = exchangeJson(world, result ? null : toldOf(own));
    const rank = told.findIndex((one) => one !== null);
    if (rank < 0) return result!.value;
    const first = told[rank]!;
    const alike = told.every((one) => one?.message === first.message);
    throw shared(alike ? own : errorOf(first, `rank ${rank} of ${world.size}`));
  }

  /**
   * Does something in the first process, and once it went well there, in the others: they find what it wrote.
   */
  async firstThenOthers<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.world.size === 1) return await work();
    const early = await this.each(() => this.leads ? work() : undefined);
    return await this.each(() => this.leads ? early as T : work());
  }

  /**
   * Does something in the first process only, and hands its result, as JSON, to all. @throws what it throws,
   * in all
   */
  async first<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.world.size === 1) return await work();
    let value: T | undefined;
    await this.each(async () => {
      if (this.leads) value = await work();
    });
    return fromFirst(this.world, value as T);
  }
}

/** Errors that all processes throw. */
const SHARED = Symbol("shared");

/** Says of an error that all processes throw it. */
export function shared<E>(error: E): E {
  return typeof error === "object" && error !== null ? Object.assign(error, { [SHARED]: true }) : error;
}

/** Whether all processes throw an error, or one that it is made of. */
export function isShared(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return SHARED in error || isShared((error as { readonly cause?: unknown }).cause);
}

function toldOf(error: unknown): Told {
  const message = error instanceof UserError ? error.message : errorText(error);
  if (error instanceof DataError) return { kind: "data", message, file: error.file };
  if (error instanceof LossError) return { kind: "loss", message };
  if (error instanceof UserError) return { kind: "user", message };
  return { kind: "bug", message };
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : messageOf(error);
}

function errorOf({ kind, message, file }: Told, who: string): Error {
  switch (kind) {
    case "data":
      return new DataError(file!, `${message.slice(file!.length + 2)} (${who})`);
    case "loss":
      return new LossError(`${who}: ${message}`);
    case "user":
      return new UserError(`${who}: ${message}`);
    case "bug":
      return new Error(`${who}: ${message}`);
  }
}
