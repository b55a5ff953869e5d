/**
 * Turns what zod says into sentences for the person who wrote the recipe.
 *
 * Zod reports codes ("invalid_type at options.lr, expected number"). A person needs to know what stands there
 * and what to write instead, in the words of YAML: a mapping, a list, true or false. Three things are done
 * beyond translating:
 *
 * - An unknown key or name gets the nearest known one ("did you mean").
 * - Of a union, zod reports all alternatives. If the value's kind fits exactly one of them (a mapping was
 *   written, and one alternative is a mapping), only that one's complaints are shown; else one sentence names
 *   all that would be accepted.
 * - The value found is quoted, short, so that the message stands without the file.
 */
import type { ConfigIssue, ConfigPath } from "../core/errors.ts";
import { type OptionsSchema, z, zodSchema } from "../core/schema.ts";
import { nearest, suggestion } from "../core/suggest.ts";
import { NAME } from "./recipe.ts";

/** A value and the schema that it is checked with. */
export interface Checked<T = unknown> {
  readonly schema: OptionsSchema<T>;
  readonly value: unknown;
  /** Position of `value` in the recipe. */
  readonly at: ConfigPath;
}

/** The value with its defaults, or every mistake in it. */
export type CheckResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly KeyedIssue[] };

/**
 * A mistake. `keyed`: it is about the last key of its path (an unknown key) and not about the value there,
 * which decides what position it gets.
 */
export type KeyedIssue = ConfigIssue & { readonly keyed?: boolean };

type Issue = z.core.$ZodIssue;

/**
 * Checks a value with a schema. @returns the value with defaults, or one mistake for each thing that is
 * wrong, its path from the recipe's root
 */
export function check<T>({ schema, value, at }: Checked<T>): CheckResult<T> {
  const result = zodSchema(schema).safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, issues: result.error.issues.flatMap((issue) => explain(issue, { schema, value, at })) };
}

function explain(issue: Issue, { schema, value, at }: Checked): KeyedIssue[] {
  const local = issue.path.map((part) => typeof part === "number" ? part : String(part));
  const path = [...at, ...local];
  const found = lookUp(value, local);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, local);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key${suggestion(key, known)}`,
      keyed: true,
    }));
  }
  if (issue.code === "invalid_union") return explainUnion(issue, { schema, value, at });
  return [{ path, message: sentence(issue, found) }];
}

/**
 * A value that fits no alternative of a union. An alternative counts as meant when it complains only about
 * things inside the value, not about the value's own type.
 */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, checked: Checked): KeyedIssue[] {
  const prefix = (inner: Issue): Issue => ({ ...inner, path: [...issue.path, ...inner.path] });
  const branches = issue.errors.filter((branch) => branch.length > 0);
  const fitting = branches.filter((branch) =>
    branch.every((inner) => inner.path.length > 0 || !["invalid_type", "invalid_value"].includes(inner.code))
  );
  const [only] = fitting;
  if (only && fitting.length === 1) return only.flatMap((inner) => explain(prefix(inner), checked));
  const local = issue.path.map((part) => typeof part === "number" ? part : String(part));
  const path = [...checked.at, ...local];
  const found = lookUp(checked.value, local);
  const flat = branches.flat();
  const wanted = [...new Set(flat.map((inner) => expectation(prefix(inner))))].join(" or ") ||
    "another value";
  if (found === undefined) return [{ path, message: `is missing; expected ${wanted}` }];
  if (typeof found === "number" && !Number.isFinite(found)) {
    return [{ path, message: `expected a finite number${foundText(found)}` }];
  }
  const values = flat.flatMap((inner) => inner.code === "invalid_value" ? inner.values.map(String) : []);
  const near = typeof found === "string" ? nearest(found, values) : undefined;
  const example = issue.message.startsWith("as in ") ? `, ${issue.message}` : "";
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return [{ path, message: `expected ${wanted}${example}${foundText(found)}${hint}` }];
}

/** The whole message of a mistake: what is expected, and what is there. */
function sentence(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (found === undefined) return `is missing; expected ${expectation(issue)}`;
      if (typeof found === "number" && !Number.isFinite(found)) {
        return `expected a finite number${foundText(found)}`;
      }
      return `expected ${expectation(issue)}${foundText(found)}`;
    case "invalid_value": {
      const values = issue.values.map(String);
      if (found === undefined) return `is missing; expected ${expectation(issue)}`;
      if (typeof found === "string" && values.length > 1) {
        return `there is no "${found}" here${suggestion(found, values)}`;
      }
      return `expected ${expectation(issue)}${foundText(found)}`;
    }
    case "invalid_format":
      if (isName(issue)) return `expected ${NAME.words}${foundText(found)}`;
      return `must be ${expectation(issue)}${foundText(found)}`;
    case "too_small":
    case "too_big":
    case "not_multiple_of":
      return `must be ${expectation(issue)}${foundText(found)}`;
    default:
      return issue.message;
  }
}

function isName(issue: z.core.$ZodIssueInvalidStringFormat): boolean {
  return issue.pattern === String(NAME.pattern);
}

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a mapping",
  record: "a mapping",
  null: "null",
};

/**
 * What would have been accepted, as the object of "expected": `a whole number`, `at least 1`, `one of a, b`.
 */
function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return bound(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum);
    case "too_big":
      return bound(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum);
    case "invalid_format":
      return issue.format === "regex" && issue.pattern ? `text like ${issue.pattern}` : `a ${issue.format}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      return issue.message;
  }
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === "array" || origin === "tuple") return `a list of ${relation} ${limit} entries`;
  if (origin === "string") return `text of ${relation} ${limit} characters`;
  return `${relation} ${limit}`;
}

function foundText(found: unknown): string {
  return found === undefined ? "" : `: it is ${shown(found)}`;
}

/** A value, short enough for a line: mappings and long lists are only named. */
function shown(value: unknown): string {
  if (Array.isArray(value)) {
    const text = JSON.stringify(value);
    return text.length <= 60 ? text : `a list of ${value.length} entries`;
  }
  if (typeof value === "object" && value !== null) return "a mapping";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function lookUp(value: unknown, path: ConfigPath): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
}

/** The part of JSON Schema that {@linkcode keysAt} walks. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly prefixItems?: readonly Shape[];
  readonly anyOf?: readonly Shape[];
  readonly additionalProperties?: Shape | boolean;
}

/**
 * The keys that a schema knows at a path; of a union, those of all alternatives together. Walks the schema's
 * JSON Schema, since zod's own classes differ by kind. Empty where no mapping is expected.
 */
export function keysAt(schema: OptionsSchema<unknown>, path: ConfigPath): string[] {
  let shapes = [z.toJSONSchema(zodSchema(schema), { io: "input", unrepresentable: "any" }) as Shape];
  const open = (shape: Shape): Shape[] => shape.anyOf ? shape.anyOf.flatMap(open) : [shape];
  for (const part of path) {
    shapes = shapes.flatMap(open).flatMap((shape) => {
      if (typeof part === "number") return [shape.prefixItems?.[part] ?? shape.items ?? {}];
      const other = typeof shape.additionalProperties === "object" ? shape.additionalProperties : {};
      return [shape.properties?.[part] ?? other];
    });
  }
  return [...new Set(shapes.flatMap(open).flatMap((shape) => Object.keys(shape.properties ?? {})))];
}
