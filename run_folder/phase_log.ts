/**
 * One phase of a run as its log tells it: columns of numbers, validations, checkpoints, notes, and how the
 * last process left it. log.ts makes one for each phase and hands it the events in their order.
 *
 * Resumed runs write steps again. When a phase says `resume` at step n, or a step comes that is not beyond
 * the last one, everything after it is taken back, so the columns always hold one history with rising steps.
 */
import type { CheckpointEvent, ValidationEvent } from "../core/events.ts";
import { LABEL_FREE_SERIES } from "../core/label_free.ts";
import type { LoggedEvent } from "./event.ts";
import { GrowingSeries, type Series } from "./series.ts";

/** The most notes of a phase that are kept, the latest ones. */
const KEPT_NOTES = 100;
/** The most series of a phase; a value of a further one is a problem. */
const MOST_SERIES = 4096;

/** One phase of a run, as far as its log goes. */
export interface PhaseLog {
  /** As the recipe says. */
  readonly name: string;
  /** Updates to come in all; 0 before anything says it. */
  readonly steps: number;
  /** Images per domain per forward pass; 0 before anything says it. */
  readonly batch: number;
  /** Updates done according to the last event that has a step; what came after it was not logged. */
  readonly done: number;
  /**
   * By name: `total`, `rate` (updates a second), `learningRate`, `time` (milliseconds since 1970),
   * `terms/<term>` and `labelFree/<measure>` of validations, and `diagnostics/<name>` as in
   * `DiagnosticsEvent`. Of steps that a resumed run made again, the later ones.
   */
  readonly series: ReadonlyMap<string, Series>;
  /** In the order of their steps. */
  readonly validations: readonly Timed<ValidationEvent>[];
  /** In the order of their steps. */
  readonly checkpoints: readonly Timed<CheckpointEvent>[];
  /** The latest ones. */
  readonly notes: readonly string[];
  /** The validation with the highest mIoU; of equal ones the first. One without an mIoU is never it. */
  readonly best: BestValidation | undefined;
  /** How the last process left it: `open` when it said nothing. */
  readonly ending: "open" | "finished" | "interrupted" | "failed";
  /** What it failed of. */
  readonly failure: string | undefined;
  /**
   * When its first and its last event were written, in milliseconds since 1970; NaN where no line says it.
   */
  readonly began: number;
  readonly last: number;
}

/** An event and when it was written, in milliseconds since 1970. */
export type Timed<Event> = Event & { readonly time: number };

/** A validation with an mIoU. */
export type BestValidation = Timed<ValidationEvent> & { readonly miou: number };

/** A phase whose log is being read. */
export class GrowingPhase implements PhaseLog {
  readonly name: string;
  readonly series = new Map<string, GrowingSeries>();
  readonly validations: Timed<ValidationEvent>[] = [];
  readonly checkpoints: Timed<CheckpointEvent>[] = [];
  readonly notes: string[] = [];
  steps = 0;
  batch = 0;
  done = 0;
  ending: PhaseLog["ending"] = "open";
  failure: string | undefined;
  began = NaN;
  last = NaN;
  /** The same series: joining prefix and name for every value would take most of the time. */
  readonly #byPrefix = new Map<string, Map<string, GrowingSeries>>();
  /** Set by `start`, until the next event says whether the phase goes on (`resume`) or begins anew. */
  #starting = false;

  constructor(name: string) {
    this.name = name;
  }

  get best(): BestValidation | undefined {
    let best: BestValidation | undefined;
    for (const each of this.validations) {
      const { miou } = each;
      if (miou !== null && (!best || miou > best.miou)) best = { ...each, miou };
    }
    return best;
  }

  /** Takes an event in. @returns what is wrong with it; undefined for most */
  take(event: LoggedEvent): string | undefined {
    const { time } = event;
    if (!Number.isNaN(time)) {
      if (Number.isNaN(this.began)) this.began = time;
      this.last = time;
    }
    if (event.type === "start") {
      this.#starting = true;
      this.steps = event.steps;
      this.batch = event.batch;
      this.done = 0;
      this.#open();
      return undefined;
    }
    if (this.#starting) {
      this.#starting = false;
      this.#cut(event.type === "resume" ? event.step : 0);
    }
    switch (event.type) {
      case "resume":
        this.#cut(event.step);
        this.done = event.step;
        return this.#open();
      case "step":
        this.steps = event.steps;
        this.#reach(event.step);
        this.#open();
        return this.#addAll(event);
      case "diagnostics":
        this.#reach(event.step);
        return this.#addValues(event.step, event.values, "diagnostics/");
      case "validation":
        this.#reach(event.step);
        putAt(this.validations, event);
        return event.labelFree && this.#addValues(event.step, event.labelFree, LABEL_FREE_SERIES);
      case "checkpoint":
        this.#reach(event.step);
        this.checkpoints.push(event);
        return undefined;
      case "note":
        this.notes.push(event.message);
        if (this.notes.length > KEPT_NOTES) this.notes.shift();
        return undefined;
      case "end":
        this.#reach(event.step);
        this.ending = event.interrupted ? "interrupted" : "finished";
        return undefined;
      case "failure":
        this.ending = "failed";
        this.failure = event.message;
        return undefined;
    }
  }

  /** The phase goes on: whatever ending was read before is void. */
  #open(): undefined {
    this.ending = "open";
    this.failure = undefined;
  }

  /** Moves to a step; one that comes again takes back all that came after it. */
  #reach(step: number): void {
    if (step < this.done) this.#cut(step);
    this.done = step;
  }

  /** Takes back everything after `step`. */
  #cut(step: number): void {
    for (const series of this.series.values()) series.cut(step);
    for (const list of [this.validations, this.checkpoints]) {
      while (list.length > 0 && list.at(-1)!.step > step) list.pop();
    }
  }

  #addAll(event: Extract<LoggedEvent, { type: "step" }>): string | undefined {
    const { step, time, total, rate, learningRate, terms } = event;
    return this.#addValues(step, { time, total, rate, learningRate }, "") ??
      this.#addValues(step, terms, "terms/");
  }

  #addValues(step: number, values: Readonly<Record<string, number>>, prefix: string): string | undefined {
    let known = this.#byPrefix.get(prefix);
    if (known === undefined) this.#byPrefix.set(prefix, known = new Map());
    for (const name in values) {
      let series = known.get(name);
      if (series === undefined) {
        if (this.series.size >= MOST_SERIES) return `it has a value more than the ${MOST_SERIES} of a phase`;
        series = new GrowingSeries();
        known.set(name, series);
        this.series.set(prefix + name, series);
      }
      series.add(step, values[name]!);
    }
    return undefined;
  }
}

/** Adds a validation at the end, in the place of one with the same step. */
function putAt(list: Timed<ValidationEvent>[], event: Timed<ValidationEvent>): void {
  if (list.at(-1)?.step === event.step) list.pop();
  list.push(event);
}
