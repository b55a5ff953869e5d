/** Collects every mistake of a recipe with its position. */
import { ConfigError, type ConfigIssue, type ConfigPath, formatPath } from "../core/errors.ts";
import type { OptionsSchema } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import { check, type KeyedIssue } from "./explain.ts";
import { find, locate, type Located, type LocatedMapping, locateKey, plain } from "./locate.ts";

/** The recipe being read and what was found wrong in it. */
export class Findings {
  readonly root: Located;
  /** The findings that these are a part of; themselves for a whole recipe. */
  readonly whole: Findings;
  readonly #issues: Required<ConfigIssue>[];
  /** Positions and messages. */
  readonly #known: Set<string>;
  /** What `root` has in other places of the whole recipe. */
  readonly #moved: (path: ConfigPath) => ConfigPath;

  constructor(root: Located, whole?: Findings, moved = (path: ConfigPath) => path) {
    this.root = root;
    this.whole = whole ?? this;
    this.#moved = moved;
    this.#issues = whole ? whole.#issues : [];
    this.#known = whole ? whole.#known : new Set();
  }

  /**
   * The recipe as a phase sees it: what the entry at `at` says of its own stands in `root` in the recipe's places. Mistakes are
   * recorded with the others, where they were written.
   */
  ofPhase(root: Located, at: ConfigPath): Findings {
    const moved = (path: ConfigPath) => {
      const own = path.length > 0 && find(this.root, [...at, path[0]!]) !== undefined;
      return own ? [...at, ...path] : path;
    };
    return new Findings(root, this, moved);
  }

  /** Records a mistake about the value at `path`. */
  add(path: ConfigPath, message: string): void {
    this.#record({ path, message, position: locate(this.root, path).where });
  }

  /** Records a mistake about the key that `path` ends with. */
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

  /** The value at `path`, validated and with defaults; undefined after recording what is wrong. */
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

  /** The mapping at `path`; records its absence, another kind of value, and keys that are not known. */
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

  /** Text at `path`; records its absence or another type. */
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

  /** @throws ConfigError with everything recorded, by file in the order of their first mistakes, line and column */
  throwIfAny(): void {
    if (this.#issues.length > 0) throw new ConfigError(byPosition(this.#issues));
  }
}

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

/** Whether `--set` names this path: as it is formatted, or with the name of a term for its place in the list. */
function samePlace(written: string, path: ConfigPath): boolean {
  if (written === formatPath(path)) return true;
  const parts = written.split(".");
  return parts.length === path.length &&
    parts.every((part, k) => typeof path[k] === "number" || part === path[k]);
}
