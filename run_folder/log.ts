/**
 * What a run's `events.jsonl` says, kept in columns.
 *
 * A long run has a million numbers; as objects they would fill memory and be slow to draw. So each scalar
 * becomes a column of steps and one of values (series.ts). The reader takes bytes as they come and holds the
 * state of each phase (phase_log.ts) as far as the log goes, which serves a finished run and a live one
 * alike.
 */
import { MOST_PHASES } from "../core/plan.ts";
import { printable } from "../core/printable.ts";
import { parseEvent } from "./event.ts";
import { LineSplitter, LONGEST_LINE } from "./lines.ts";
import { GrowingPhase, type PhaseLog } from "./phase_log.ts";

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
