/** Which settings of runs are not the same. */
import { type ConfigPath, formatPath } from "../core/errors.ts";
import type { Difference } from "./report_data.ts";

/** A resolved recipe; undefined: it could not be read, so nothing is said about it. */
export type Config = Readonly<Record<string, unknown>> | undefined;

/**
 * Every setting that some run has with another value or not at all, in the order in which the recipes have them. Lists of
 * things with a name or type, such as losses, are compared by that. Fewer than two recipes differ in nothing.
 */
export function differences(configs: readonly Config[]): Difference[] {
  const flat = configs.map((config) => {
    const values = new Map<string, string>();
    if (config) flatten(config, [], values);
    return values;
  });
  const paths = [...new Set(flat.flatMap((values) => [...values.keys()]))];
  return paths
    .map((path) => ({ path, values: flat.map((values) => values.get(path) ?? null) }))
    .filter(({ values }) => new Set(values.filter((_, run) => configs[run] !== undefined)).size > 1);
}

function flatten(value: unknown, path: ConfigPath, into: Map<string, string>): void {
  const entries = entriesOf(value);
  if (entries.length === 0) {
    into.set(formatPath(path), typeof value === "string" ? value : JSON.stringify(value));
  }
  for (const [key, inner] of entries) flatten(inner, [...path, key], into);
}

/** What is compared part by part; nothing for single values and lists of them. */
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
