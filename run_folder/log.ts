/**
 * What a run's `events.jsonl` says, kept in columns.
 *
 * A long run has a million numbers; as objects they would fill memory and be slow to draw. So each scalar
 * becomes a {@linkcode Series}: one column of steps, one of values. The reader takes bytes as they come and
 * holds the state of each phase as far as the log goes, which serves a finished run and a live one alike.
 *
 * Resumed runs write steps again. When a phase says `resume` at step n, or a step comes that is not beyond
 * the last one, everything after it is taken back, so the columns always hold one history with rising steps.
 */
import type { CheckpointEvent, ValidationEvent } from "../core/events.ts";
import { LABEL_FREE_SERIES } from "../core/label_free.ts";
import { MOST_PHASES } from "../core/plan.ts";
import { printable } from "../core/printable.ts";
import { type LoggedEvent, parseEvent } from "./event.ts";
import { LineSplitter, LONGEST_LINE } from "./lines.ts";
import { GrowingSeries, type Series } from "./series.ts";

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

/** Lines that were left out. */
export interface LogProblems {
  /** How many there are. */
  readonly count: number;
  /** The first of them, each as `file:line: what is wrong`. */
  readonly shown: readonly string[];
}

/** The first bytes of a log, by which it is recognised when it is read on. */
const HEAD = 256;

/** Further problems are only counted. */
const SHOWN_PROBLEMS = 20;
/** The most notes of a phase that are kept, the latest ones. */
const KEPT_NOTES = 100;
/** The most series of a phase; a value of a further one is a problem. */
const MOST_SERIES = 4096;
/** The most types of unknown events that are counted apart. */
const MOST_TYPES = 64;

/**
 * Reads a log as it grows. A damaged line is skipped and counted; a half last line waits for its rest; types
 * of a newer plca are counted. Nothing here throws for what a log holds.
 */
export class RunLog {
  /** Of the file, as `FileFacts` has it. */
  readonly identity: string | undefined;
  readonly #file: string;
  /** Holds the beginning of a line whose end is not written yet. */
  readonly #lines = new LineSplitter();
  readonly #phases = new Map<string, GrowingPhase>();
  readonly #unknown = new Map<string, number>();
  readonly #shown: string[] = [];
  #problems = 0;

  #head: Uint8Array = new Uint8Array(0);

  /** @param file how problems call it @param identity of the file, as `FileFacts` has it */
  constructor(file: string, identity?: string) {
    this.#file = file;
    this.identity = identity;
  }

  /** The phases, in the order in which they began. */
  get phases(): readonly PhaseLog[] {
    return [...this.#phases.values()];
  }

  /** The phase that is written to, or was last; undefined for an empty log. */
  get latest(): PhaseLog | undefined {
    return this.#latest;
  }

  #latest: GrowingPhase | undefined;

  /** What was left out of the log so far. */
  get problems(): LogProblems {
    return { count: this.#problems, shown: [...this.#shown] };
  }

  /** Types of events that this plca does not know, and how many there were. */
  get unknown(): ReadonlyMap<string, number> {
    return this.#unknown;
  }

  /** Bytes read so far: the next ones are expected from here. */
  get read(): number {
    return this.#lines.read;
  }

  /**
   * The first bytes, up to {@linkcode HEAD}; the first line says when the run began, so they differ between
   * runs.
   */
  get head(): Uint8Array {
    return this.#head;
  }

  /** Adds bytes that follow those before. */
  add(bytes: Uint8Array): void {
    if (this.#head.length < HEAD) {
      this.#head = Uint8Array.of(...this.#head, ...bytes.subarray(0, HEAD - this.#head.length));
    }
    this.#lines.add(bytes, (text, number) => this.#line(text, number));
  }

  #line(text: string | undefined, number: number): void {
    if (text === undefined) {
      return this.#problem(number, `it is longer than ${LONGEST_LINE} bytes`);
    }
    const parsed = parseEvent(text);
    if ("damage" in parsed) return this.#problem(number, parsed.damage);
    if ("unknown" in parsed) return this.#count(parsed.unknown);
    const { phase } = parsed.event;
    let of = this.#phases.get(phase);
    if (of === undefined) {
      if (this.#phases.size === MOST_PHASES + 1) {
        return this.#problem(number, `it is of one phase more than ${MOST_PHASES} and a baseline`);
      }
      this.#phases.set(phase, of = new GrowingPhase(phase));
    }
    this.#latest = of;
    const damage = of.take(parsed.event);
    if (damage !== undefined) this.#problem(number, damage);
  }

  #count(type: string): void {
    const known = this.#unknown.get(type);
    if (known !== undefined || this.#unknown.size < MOST_TYPES) this.#unknown.set(type, (known ?? 0) + 1);
  }

  #problem(number: number, what: string): void {
    this.#problems += 1;
    if (this.#shown.length < SHOWN_PROBLEMS) this.#shown.push(printable(`${this.#file}:${number}: ${what}`));
  }
}

/** A phase whose log is being read. */
class GrowingPhase implements PhaseLog {
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
