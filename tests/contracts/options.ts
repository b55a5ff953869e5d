/** Other valid options of a plugin, found from the JSON Schema of its options. */
import type { JsonSchema } from "../../config/entry_schema.ts";

/** The same options but for one. */
export interface Variant {
  /** As in `levels[0].weight`. */
  readonly path: string;
  readonly options: unknown;
}

interface Fields extends JsonSchema {
  readonly properties?: Readonly<Record<string, Fields>>;
  readonly items?: Fields;
  readonly anyOf?: readonly Fields[];
  readonly enum?: readonly unknown[];
}

/**
 * Every way to change one option: a boolean flipped, a number halved and doubled, another value of an enumeration,
 * another branch of a union, in a list the first item, and for free text each of `names`. Not all need be valid.
 */
export function variants(schema: JsonSchema, value: unknown, names: readonly string[]): Variant[] {
  return [...changes(schema as Fields, value, names)]
    .map(({ path, options }) => ({ path: path.replace(/^\./, ""), options }));
}

function* changes(schema: Fields, value: unknown, names: readonly string[]): Generator<Variant> {
  const inside = function* (key: string | number, part: Fields, rebuild: (changed: unknown) => unknown) {
    const path = typeof key === "number" ? `[${key}]` : `.${key}`;
    for (const change of changes(part, (value as Record<string, unknown>)[key], names)) {
      yield { path: path + change.path, options: rebuild(change.options) };
    }
  };
  if (schema.anyOf) {
    for (const branch of schema.anyOf) yield* changes(branch, value, names);
  } else if ("const" in schema) {
    if (schema["const"] !== value) yield { path: "", options: schema["const"] };
  } else if (schema.properties && isMapping(value)) {
    for (const [key, part] of Object.entries(schema.properties)) {
      yield* inside(key, part, (changed) => ({ ...value, [key]: changed }));
    }
  } else if (schema.items && Array.isArray(value)) {
    yield* inside(0, schema.items, (changed) => [changed, ...value.slice(1)]);
  } else {
    for (const other of others(schema, value, names)) yield { path: "", options: other };
  }
}

function others(schema: Fields, value: unknown, names: readonly string[]): readonly unknown[] {
  const all = schema.enum ?? (schema["type"] === "boolean" ? [true, false] : undefined);
  if (all) return all.filter((one) => one !== value);
  if (schema["type"] === "string") return names.filter((name) => name !== value);
  // A number that is 0 stays 0 when doubled.
  if (typeof value === "number") return value === 0 ? [1] : [value / 2, value * 2];
  return [];
}

/** The first variant of every path. */
export function firstOfEach<T extends { readonly path: string }>(all: readonly T[]): readonly T[] {
  return all.filter(({ path }, k) => all.findIndex((other) => other.path === path) === k);
}

/** The options with a key that no schema knows, once in each of their mappings. */
export function withUnknownKey(value: unknown, key: string): unknown[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, k) => withUnknownKey(item, key).map((one) => value.with(k, one)));
  }
  if (!isMapping(value)) return [];
  const deeper = Object.entries(value).flatMap(([name, part]) =>
    withUnknownKey(part, key).map((one) => ({ ...value, [name]: one }))
  );
  return [{ ...value, [key]: 1 }, ...deeper];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
