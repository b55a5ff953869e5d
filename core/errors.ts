/**
 * Errors that speak to the person who runs plca. A {@linkcode UserError} and its kinds mean: the person can
 * mend this, and the message says how; it is shown without a stack, and the process ends with exit status 2.
 * Any other error is a fault of plca, and keeps its stack.
 */

/** A position inside the recipe, from its root: `["losses", 1, "weight"]`; [] is the whole. */
export type ConfigPath = readonly (string | number)[];

/** A path as people write it, `losses[1].options.levels[0].tap`, the notation of `--set`; "" for []. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const part of path) {
    text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  }
  return text;
}

/** The user can mend this; the message says how. `cause` keeps what led to it. */
export class UserError extends Error {
  /** Tells it apart from errors of ours. */
  override name = "UserError";
}

/** One mistake in a recipe. */
export interface ConfigIssue {
  /** Where in the recipe. */
  readonly path: ConfigPath;
  /** What is wrong and what was expected, one line, no trailing period. */
  readonly message: string;
  /** Filled by config/locate.ts: `recipes/street.yaml:12:5`, or `--set losses[1].weight`. */
  readonly position?: string;
}

/** Every mistake found in a recipe, together. */
export class ConfigError extends UserError {
  /** Tells it apart from other user errors. */
  override name = "ConfigError";
  /** In the order in which they were found. */
  readonly issues: readonly ConfigIssue[];

  /** All mistakes together; the message has one line for each. */
  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(formatIssue).join("\n"));
    this.issues = issues;
  }
}

function formatIssue(issue: ConfigIssue): string {
  const where = [issue.position, formatPath(issue.path)].filter((part) => part).join(" ");
  return where === "" ? issue.message : `${where}: ${issue.message}`;
}

/** An image, label file or list that cannot be used. The message starts with the file's name. */
export class DataError extends UserError {
  /** Tells it apart from other user errors. */
  override name = "DataError";
  /** The file, list or image that is meant. */
  readonly file: string;

  /** The message becomes `file: message`. */
  constructor(file: string, message: string, options?: ErrorOptions) {
    super(`${file}: ${message}`, options);
    this.file = file;
  }
}

/** A loss term that threw or returned something unusable. */
export class LossError extends UserError {
  /** Tells it apart from other user errors. */
  override name = "LossError";
}
