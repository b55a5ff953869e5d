/**
 * A line of `events.jsonl` as an event whose fields are what they should be.
 *
 * The log is read by reports and pages long after it was written, perhaps by another version, perhaps from a
 * stranger. So each field is checked by hand for its type and range, and a line has one of three outcomes: an
 * event, a type that is unknown (a newer plca wrote it, not damage), or damage in words. A NaN in a series is
 * written by JSON as null and comes back as NaN.
 */
import { LONGEST_TEXT, shortened } from "../core/printable.ts";
import type { SlowestProcess, SubsetMean, TrainEvent } from "../core/events.ts";
import { messageOf } from "../core/words.ts";
import { parseObject } from "./files.ts";

/** An event of the log, with the time of its line. */
export type LoggedEvent = TrainEvent & {
  /** When it was written, in milliseconds since 1970; NaN where the line does not say. */
  readonly time: number;
};

/** What a line turns out to be. */
export type ParsedLine =
  | { readonly event: LoggedEvent }
  /** A type that this plca does not know: a newer one wrote it. */
  | { readonly unknown: string }
  /** What is wrong with it, without a trailing period. */
  | { readonly damage: string };

type Fields = Readonly<Record<string, unknown>>;

/** The largest step and the largest value that are accepted: beyond them axes and sums have no numbers. */
const MOST_STEPS = 1e9, LARGEST = 1e300;

/** Thrown and caught inside this file only. */
class Damage extends Error {}

/**
 * Reads one line. Numbers that JSON cannot hold (it writes them as null) and infinite ones become NaN;
 * unknown fields are dropped; long texts are shortened. Never throws for what the line holds.
 */
export function parseEvent(line: string): ParsedLine {
  let fields: Fields;
  try {
    fields = parseObject(line);
  } catch (error) {
    return { damage: messageOf(error) };
  }
  const { type } = fields;
  if (typeof type !== "string") return { damage: "its type is not a text" };
  const read = Object.hasOwn(READERS, type) ? READERS[type as TrainEvent["type"]] : undefined;
  if (read === undefined) return { unknown: shortened(type) };
  try {
    const time = typeof fields["time"] === "string" ? Date.parse(fields["time"]) : NaN;
    const phase = text(fields, "phase");
    return { event: { time, type, phase, ...read(fields) } as LoggedEvent };
  } catch (error) {
    if (error instanceof Damage) return { damage: error.message };
    throw error;
  }
}

/** What events of a type have beside `type` and `phase`. */
type Rest<T> = Omit<Extract<TrainEvent, { readonly type: T }>, "type" | "phase">;

/** By type of event, what its fields must be. */
const READERS: { readonly [T in TrainEvent["type"]]: (fields: Fields) => Rest<T> } = {
  start: (fields) => ({ steps: count(fields, "steps"), batch: count(fields, "batch") }),
  resume: (fields) => ({ step: count(fields, "step") }),
  step: (fields) => ({
    step: count(fields, "step"),
    steps: count(fields, "steps"),
    rate: number(fields, "rate"),
    terms: numbers(fields, "terms"),
    total: number(fields, "total"),
    learningRate: number(fields, "learningRate"),
    ...slowest(fields),
  }),
  validation: (fields) => ({
    step: count(fields, "step"),
    miou: mean(fields, "miou"),
    ...subsets(fields),
    labelSize: text(fields, "labelSize"),
    pixelAccuracy: mean(fields, "pixelAccuracy"),
    iou: shares(fields, "iou"),
    best: truth(fields, "best"),
    ...(fields["labelFree"] === undefined ? {} : { labelFree: numbers(fields, "labelFree") }),
  }),
  checkpoint: (fields) => ({ step: count(fields, "step"), path: text(fields, "path") }),
  diagnostics: (fields) => ({ step: count(fields, "step"), values: numbers(fields, "values") }),
  note: (fields) => ({ message: text(fields, "message") }),
  end: (fields) => ({ step: count(fields, "step"), interrupted: truth(fields, "interrupted") }),
  failure: (fields) => ({ message: text(fields, "message") }),
};

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return shortened(value);
  throw new Damage(`its ${name} is not a text`);
}

function truth(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value === "boolean") return value;
  throw new Damage(`its ${name} is neither true nor false`);
}

/** A whole number of at least 0. */
function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new Damage(`its ${name} is not a whole number from 0 on`);
  }
  if ((value as number) > MOST_STEPS) throw new Damage(`its ${name} is above ${MOST_STEPS}`);
  return value as number;
}

/** Whether a finite number is beyond what can be drawn; infinite ones are no damage. */
function isTooLarge(value: number | null): boolean {
  return value !== null && Number.isFinite(value) && Math.abs(value) > LARGEST;
}

function isNumber(value: unknown): value is number | null {
  return typeof value === "number" || value === null;
}

function finite(value: number | null): number {
  return value === null || !Number.isFinite(value) ? NaN : value;
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (!isNumber(value)) throw new Damage(`its ${name} is not a number`);
  if (isTooLarge(value)) throw new Damage(`its ${name} is beyond +-${LARGEST}`);
  return finite(value);
}

/** Whether it is a number in 0..1. */
export function isShare(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** A share in 0..1, or null where there was nothing to average. */
function mean(fields: Fields, name: string): number | null {
  const value = fields[name];
  if (value === null || isShare(value)) return value;
  throw new Damage(`its ${name} is not in 0..1`);
}

/** A mapping from names to numbers. Changes the parsed object in place, since a run has many such lines. */
function numbers(fields: Fields, name: string): Record<string, number> {
  const value = fields[name];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Damage(`its ${name} are no names with numbers`);
  }
  const found = value as Record<string, unknown>;
  for (const key in found) {
    if (key.length > LONGEST_TEXT) {
      throw new Damage(`a name of its ${name} is longer than ${LONGEST_TEXT} characters`);
    }
    const each = found[key];
    if (!isNumber(each)) throw new Damage(`a value of its ${name} is not a number`);
    if (isTooLarge(each)) throw new Damage(`a value of its ${name} is beyond +-${LARGEST}`);
    if (each === null || !Number.isFinite(each)) found[key] = NaN;
  }
  return found as Record<string, number>;
}

function shares(fields: Fields, name: string): (number | null)[] {
  const value = fields[name];
  if (Array.isArray(value) && value.every((each) => each === null || isShare(each))) return value;
  throw new Damage(`its ${name} is no list of shares in 0..1`);
}

function slowest(fields: Fields): { slowest?: SlowestProcess } {
  const value = fields["slowest"];
  if (value === undefined) return {};
  const found = (typeof value === "object" && value !== null ? value : {}) as Fields;
  return {
    slowest: { rank: count(found, "rank"), host: text(found, "host"), times: number(found, "times") },
  };
}

function subsets(fields: Fields): { subsets?: SubsetMean[] } {
  const value = fields["subsets"];
  if (value === undefined) return {};
  if (!Array.isArray(value)) throw new Damage("its subsets are no list");
  return {
    subsets: value.map((each) => {
      const subset = (typeof each === "object" && each !== null ? each : {}) as Fields;
      const { classes } = subset;
      if (!Array.isArray(classes) || !classes.every((name) => typeof name === "string")) {
        throw new Damage("the classes of a subset are no list of texts");
      }
      return { name: text(subset, "name"), classes, miou: mean(subset, "miou") };
    }),
  };
}
