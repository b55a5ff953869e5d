/**
 * Options and their schemas. Plugins describe their options with zod; the rest of plca sees only {@linkcode
 * OptionsSchema}, the one method it needs, so the types of the public API do not depend on zod's own.
 */
import * as z from "zod";

/**
 * What validates a plugin's options. Every zod schema is one, and JSON Schema and documentation come from it
 * too.
 */
export interface OptionsSchema<O> {
  /** Never throws: the options with their defaults, or every mistake. */
  safeParse(value: unknown): ParseResult<O>;
}

/** What became of a value. */
export type ParseResult<O> =
  | { readonly success: true; readonly data: O }
  | { readonly success: false; readonly error: { readonly issues: readonly ParseIssue[] } };

/** One mistake. */
export interface ParseIssue {
  /** From the options' root. */
  readonly path: readonly PropertyKey[];
  /** What is wrong and what was expected. */
  readonly message: string;
}

/** The `z` that plugins and user files use, so that there is only one zod in a process. */
export { z };

/** The zod schema behind options, for what only zod knows: codes of mistakes, JSON Schema. */
export function zodSchema<O>(schema: OptionsSchema<O>): z.ZodType<O> {
  return schema as z.ZodType<O>;
}
