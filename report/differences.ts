/**
 * Which settings of runs are not the same. Two recipes of 200 lines that differ in one number should show one
 * number; so resolved recipes are compared value by value, and losses by their names, not by their places in
 * the list.
 */
import { type ConfigPath, formatPath } from "../core/errors.ts";
import type { Difference } from "./report_data.ts";

/** A resolved recipe; undefined when it could not be read, so that nothing is said about that run. */
export type Config = Readonly<Record<string, unknown>> | undefined;

/** A value that other runs do not have is shown up to this many characters, and then summed up. */
const LONGEST = 80;

/**
 * Every setting that some run has with another value or not at all, in the order in which the recipes have
 * them. A mapping that some run does not have at all is one difference. Fewer than two recipes differ in
 * nothing.
 */
export function differences(configs: readonly Config[]): Difference[] {
  const rows: Difference[] = [];
  compare({ path: [], values: configs, within: configs.map((config) => config !== undefined) }, rows);
  return rows;
}

/** The values of several runs at one place. */
interface Compared {
  readonly path: ConfigPath;
  /** Aligned with the runs; undefined: not set. */
  readonly values: readonly unknown[];
  /** Runs that have what the path lies in; others are not compared. */
  readonly within: readonly boolean[];
}

function compare({ path, values, within }: Compared, rows: Difference[]): void {
  const parts = values.map(entriesOf);
  const isMapping = parts.map((entries, run) => entries.length > 0 || path.length === 0 && within[run]!);
  if (within.some((compared, run) => compared && !isMapping[run])) {
    const texts = values.map(textOf);
    if (new Set(texts.filter((_, run) => within[run])).size > 1) {
      rows.push({ path: formatPath(path), values: texts });
    }
  }
  // Runs with the mapping may differ in what it holds as well.
  if (isMapping.filter(Boolean).length < 2) return;
  const maps = parts.map((entries) => new Map(entries));
  for (const key of new Set(parts.flatMap((entries) => entries.map(([name]) => name)))) {
    compare({ path: [...path, key], values: maps.map((map) => map.get(key)), within: isMapping }, rows);
  }
}

/**
 * A value for people: text as it is, the rest as JSON, long mappings by name and size; null where it is not
 * set.
 */
function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value === "string") return value;
  const text = JSON.stringify(value);
  if (text.length <= LONGEST || entriesOf(value).length === 0) return text;
  const name = isObject(value) ? value["name"] ?? value["type"] : undefined;
  const count = settings(value);
  return `${typeof name === "string" ? `${name}, ` : ""}${count} settings`;
}

/** How many single values there are in a value. */
function settings(value: unknown): number {
  const entries = entriesOf(value);
  return entries.length === 0 ? 1 : entries.reduce((sum, [, inner]) => sum + settings(inner), 0);
}

/**
 * The parts of a value that are compared one by one: a mapping's by key, a list's by the names or types of
 * its entries where these differ, else by place. Empty for single values and lists of them.
 */
function entriesOf(value: unknown): [string | number, unknown][] {
  if (!Array.isArray(value)) return isObject(value) ? Object.entries(value) : [];
  if (!value.every(isObject)) return [];
  const names = value.map((item) => item["name"] ?? item["type"]);
  const named = names.every((name) => typeof name === "string") && new Set(names).size === names.length;
  return value.map((item, k) => [named ? names[k] as string : k, item]);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
