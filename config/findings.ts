/**
 * The notebook of a reading: every mistake, with its position, until all sections were looked at.
 *
 * A person with five mistakes wants five lines, not five runs. So the planning code does not throw: it asks
 * {@linkcode Findings} for a value ({@linkcode Findings.value}, {@linkcode Findings.mapping}, {@linkcode
 * Findings.text}), gets `undefined` when something is wrong there, which is then already written down, and
 * goes on with what it has. Code that says `if (!x) return undefined` after such a call is right: the
 * complaint exists. Only {@linkcode Findings.throwIfAny} ends the reading.
 *
 * Phases complicate positions. A phase is planned as if it were a recipe: a copy of the tree in which the
 * phase's own sections stand in the recipe's places. A mistake in `phases[1].training` is then met at the
 * path `training`. {@linkcode Findings.ofPhase} makes a notebook that writes into the same list and
 * translates such paths back; and since several phases inherit the same section, a mistake with the same
 * place and message is written once.
 */
import { ConfigError, type ConfigIssue, type ConfigPath, formatPath } from "../core/errors.ts";
import type { OptionsSchema } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import { check, type KeyedIssue } from "./explain.ts";
import { find, locate, type Located, type LocatedMapping, locateKey, plain } from "./locate.ts";
import { parsePath } from "./merge.ts";

/** A recipe that is being read, and the mistakes found in it so far. */
export class Findings {
  /** The recipe after `extends` and `--set`; of a phase, as the phase sees it. */
  readonly root: Located;
  /**
   * The notebook of the whole recipe, when this is the part for a phase; else this one.
   */
  readonly whole: Findings;
  readonly #issues: Required<ConfigIssue>[];
  /** Position, last key and message of each mistake, so that none is listed twice. */
  readonly #known: Set<string>;
  /** From a path in `root` to the same value's path in the whole recipe. */
  readonly #moved: (path: ConfigPath) => ConfigPath;

  constructor(root: Located, whole?: Findings, moved = (path: ConfigPath) => path) {
    this.root = root;
    this.whole = whole ?? this;
    this.#moved = moved;
    this.#issues = whole ? whole.#issues : [];
    this.#known = whole ? whole.#known : new Set();
  }

  /**
   * A notebook for planning a phase.
   * @param root the recipe as the phase sees it
   * @param at the phase's own entry, as in `["phases", 1]`
   */
  ofPhase(root: Located, at: ConfigPath): Findings {
    const moved = (path: ConfigPath) => {
      const own = path.length > 0 && find(this.root, [...at, path[0]!]) !== undefined;
      return own ? [...at, ...path] : path;
    };
    return new Findings(root, this, moved);
  }

  /**
   * Records a mistake about the value at `path`; where nothing is written there, it is placed at the nearest
   * enclosing value.
   */
  add(path: ConfigPath, message: string): void {
    this.#record({ path, message, position: locate(this.root, path).where });
  }

  /** Records a mistake about the key that `path` ends with: the position is the key's. */
  addKey(path: ConfigPath, message: string): void {
    this.#record({ path, message, position: locateKey(this.root, path).where });
  }

  #record(issue: Required<ConfigIssue>): void {
    // `--set losses[1].weight: ...` names the path once, in the person's words.
    const place = this.#moved(issue.path);
    const written = issue.position.startsWith("--set ") ? issue.position.slice("--set ".length) : undefined;
    const once = written !== undefined && samePlace(written, place);
    const path = once && written !== formatPath(place) ? [written] : place;
    const position = once ? "--set" : issue.position;
    // What several phases have from the recipe is found in each of them.
    const known = `${issue.position} ${path.at(-1)}\n${issue.message}`;
    if (this.#known.has(known)) return;
    this.#known.add(known);
    this.#issues.push({ path, message: issue.message, position });
  }

  /** Runs `body`; a ConfigError it throws is recorded with positions. Anything else passes through. */
  attempt<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const issue of error.issues) this.add(issue.path, issue.message);
      return undefined;
    }
  }

  /**
   * The value at `path`, checked by a schema and with the schema's defaults; undefined after recording every
   * mistake in it. What is not written is checked as undefined, so a schema decides by its default whether
   * that is a mistake. At the top level, null counts as not written.
   */
  value<T>(path: ConfigPath, schema: OptionsSchema<T>): T | undefined {
    const node = find(this.root, path);
    const raw = node && !(path.length === 1 && isNull(node)) ? plain(node) : undefined;
    const result = check({ schema, value: raw, at: path });
    if (result.ok) return result.value;
    this.record(result.issues);
    return undefined;
  }

  /** Records what a check found. */
  record(issues: readonly KeyedIssue[]): void {
    for (const { path, message, keyed } of issues) {
      if (keyed) this.addKey(path, message);
      else this.add(path, message);
    }
  }

  /**
   * The mapping at `path`, its values not looked at; undefined after recording that it is missing or
   * something else. Unknown keys are recorded too, but the mapping is returned all the same: its other keys
   * can still be checked.
   */
  mapping(path: ConfigPath, wanted: MappingWanted): LocatedMapping | undefined {
    const node = find(this.root, path);
    if (node === undefined || isNull(node)) {
      this.add(path, `is missing; expected ${wanted.expected}`);
      return undefined;
    }
    if (node.kind !== "mapping") {
      this.add(path, `expected ${wanted.expected}: it is ${kindText(node)}`);
      return undefined;
    }
    if (wanted.keys) {
      for (const key of node.entries.keys()) {
        if (wanted.keys.includes(key)) continue;
        const hint = wanted.hint?.(key) ?? suggestion(key, wanted.keys);
        this.addKey([...path, key], `unknown key${hint}`);
      }
    }
    return node;
  }

  /**
   * Text at `path`, not empty; undefined after recording its absence or another type.
   * @param expected completes "expected ...", as in "a folder"
   */
  text(path: ConfigPath, expected: string): string | undefined {
    const node = find(this.root, path);
    if (node === undefined || isNull(node)) {
      this.add(path, `is missing; expected ${expected}`);
      return undefined;
    }
    if (node.kind === "scalar" && typeof node.value === "string" && node.value !== "") return node.value;
    this.add(path, `expected ${expected}: it is ${kindText(node)}`);
    return undefined;
  }

  /** Whether a value other than null was written at `path`. */
  has(path: ConfigPath): boolean {
    const node = find(this.root, path);
    return node !== undefined && !isNull(node);
  }

  /**
   * Ends the reading if anything was recorded.
   * @throws ConfigError with all mistakes, grouped by file in the order in which files were met (`--set`
   *   counts as one), inside a file by line and column
   */
  throwIfAny(): void {
    if (this.#issues.length > 0) throw new ConfigError(byPosition(this.#issues));
  }
}

/** In reading order, so that a person can go through the file from top to bottom. */
function byPosition(issues: readonly Required<ConfigIssue>[]): Required<ConfigIssue>[] {
  const files: string[] = [];
  const placed = issues.map((issue) => {
    const [, file = "--set", line = "0", column = "0"] = /^(.*):(\d+):(\d+)$/.exec(issue.position) ?? [];
    if (!files.includes(file)) files.push(file);
    return { issue, key: [files.indexOf(file), Number(line), Number(column)] as const };
  });
  placed.sort(({ key: a }, { key: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return placed.map(({ issue }) => issue);
}

/** What a mapping should be like. */
interface MappingWanted {
  /** `a mapping with type and options`. */
  readonly expected: string;
  /** Absent: any key. */
  readonly keys?: readonly string[];
  /** A better hint than the nearest known key. */
  hint?(key: string): string | undefined;
}

function kindText(node: Located): string {
  if (node.kind === "scalar") return JSON.stringify(node.value);
  return node.kind === "sequence" ? "a list" : "a mapping";
}

function isNull(node: Located): boolean {
  return node.kind === "scalar" && node.value === null;
}

/**
 * Whether `--set` names this path: as it is formatted, or with the name of a term for its place in the list.
 */
function samePlace(written: string, path: ConfigPath): boolean {
  if (written === formatPath(path)) return true;
  const parts = parsePath(written);
  return parts?.length === path.length &&
    parts.every((part, k) => part === path[k] || typeof part === "string" && typeof path[k] === "number");
}
