/**
 * YAML text to a tree in which every value knows where it was written.
 *
 * A recipe is put together from several files and from the command line, and a mistake must be reported where
 * the person wrote it, not where it ended up. So plain objects will not do. Each {@linkcode Located} node
 * carries two things of its origin: `where`, the text that errors show, and `folder`, from which relative
 * paths in the value start. Merging moves nodes and never rewrites these two, so positions and paths stay
 * right without any bookkeeping. {@linkcode plain} drops them again, just before a schema sees the value.
 *
 * A node stands for what is written, before any default: what nobody wrote has no node, and {@linkcode
 * locate} answers with the nearest enclosing one.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { ParsedNode } from "yaml";
import { ConfigError, type ConfigPath } from "../core/errors.ts";

/** Where a value was written. */
export interface Place {
  /** `recipes/street.yaml:12:5`, or `--set losses[1].weight`. */
  readonly where: string;
  /** Absolute folder that relative paths in the value start from. */
  readonly folder: string;
}

/** A value of a recipe and its place. */
export type Located = LocatedScalar | LocatedMapping | LocatedSequence;

/** A single value: text, number, true, false or null. Dates and other YAML types become text. */
export interface LocatedScalar extends Place {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
}

/**
 * A mapping, in the order written. `keys` holds the place of each key: complaints about a name ("unknown
 * key") point at the key, those about a value at the value.
 */
export interface LocatedMapping extends Place {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Located>;
  readonly keys: ReadonlyMap<string, Place>;
}

/** A list, in the order written. */
export interface LocatedSequence extends Place {
  readonly kind: "sequence";
  readonly items: readonly Located[];
}

/** The text of one recipe. */
export interface YamlSource {
  /** As errors show it. */
  readonly name: string;
  /** Absolute folder of the file. */
  readonly folder: string;
  readonly text: string;
}

/**
 * Nested aliases of YAML double the size of a document per line ("billion laughs"). A document with more
 * values than this is refused.
 */
const MAX_NODES = 100_000;

/**
 * Parses one YAML document. Aliases are expanded: a value behind `*name` has the place of the alias, since
 * that is what the person would change.
 * @throws ConfigError with the first syntax error and its position (tabs, a key twice in a mapping, unknown
 *   tags, several documents), for empty text, and for aliases that are unknown, contain themselves or expand
 *   to more than 100,000 values
 */
export function parseYaml(source: YamlSource): Located {
  const lines = new LineCounter();
  const document = parseDocument(source.text, {
    lineCounter: lines,
    prettyErrors: false,
    // Asked below: the parser takes the square of the number of keys for it.
    uniqueKeys: false,
    stringKeys: true,
  });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${source.name}:${line}:${col}`;
  };
  // What follows the first fault is mostly its consequence.
  const [fault] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (fault) {
    const message = explainFault(fault.code, fault.message);
    throw new ConfigError([{ path: [], position: position(fault.pos[0]), message }]);
  }
  if (document.contents === null) {
    throw new ConfigError([{ path: [], position: `${source.name}:1:1`, message: "the recipe is empty" }]);
  }
  let count = 0;
  const ancestors: ParsedNode[] = [];

  function convert(node: ParsedNode, at: number): Located {
    const place = { where: position(at), folder: source.folder };
    const refuse = (message: string) => new ConfigError([{ path: [], position: place.where, message }]);
    if (++count > MAX_NODES) throw refuse("the aliases of this document expand to too many values");
    if (isAlias(node)) {
      const target = node.resolve(document) as ParsedNode | undefined;
      if (target === undefined) throw refuse(`there is no anchor &${node.source} before this alias`);
      if (ancestors.includes(target)) throw refuse(`the alias *${node.source} contains itself`);
      return convert(target, at);
    }
    if (isScalar(node)) return { kind: "scalar", value: scalarOf(node.value), ...place };
    ancestors.push(node);
    try {
      if (isSeq(node)) {
        const items = node.items.map((item) => convert(item, item.range[0]));
        return { kind: "sequence", items, ...place };
      }
      const entries = new Map<string, Located>();
      const keys = new Map<string, Place>();
      for (const { key, value } of isMap(node) ? node.items : []) {
        const name = String(isScalar(key) ? key.value : key);
        if (keys.has(name)) {
          const message = "this key is given twice in one mapping; keep one";
          throw new ConfigError([{ path: [], position: position(key.range[0]), message }]);
        }
        keys.set(name, { where: position(key.range[0]), folder: source.folder });
        // A block collection starts on the next line; people look for its key.
        const start = value === null || !isScalar(value) ? key.range[0] : value.range[0];
        entries.set(
          name,
          value === null
            ? { kind: "scalar", value: null, where: position(start), folder: source.folder }
            : convert(value, start),
        );
      }
      return { kind: "mapping", entries, keys, ...place };
    } finally {
      ancestors.pop();
    }
  }

  return convert(document.contents, document.contents.range[0]);
}

function scalarOf(value: unknown): LocatedScalar["value"] {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) {
    return value as LocatedScalar["value"];
  }
  return String(value);
}

/** A code of the yaml package and its message, when a line starts at another column than its neighbours. */
const ABOUT_INDENTATION =
  /^(BAD_INDENT|BLOCK_AS_IMPLICIT_KEY|MULTILINE_IMPLICIT_KEY) |Sequence item without -|Implicit (map )?keys/;

function explainFault(code: string, message: string): string {
  if (code === "TAB_AS_INDENT") return "tabs cannot indent YAML; use spaces";
  if (code === "MULTIPLE_DOCS") return "a recipe is one YAML document; remove what follows `---`";
  const hint = ABOUT_INDENTATION.test(`${code} ${message}`) ? "; check the indentation of this line" : "";
  return `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}${hint}`;
}

/** The value without places: what JSON would hold. Mappings become objects, lists arrays. */
export function plain(node: Located): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "sequence") return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, plain(value)]));
}

/**
 * The node at `path`, or undefined where nothing was written. [] is the root. Mappings take any part as a
 * key; lists only numbers.
 */
export function find(root: Located, path: ConfigPath): Located | undefined {
  let node: Located | undefined = root;
  for (const part of path) {
    if (node?.kind === "mapping") node = node.entries.get(String(part));
    else if (node?.kind === "sequence" && typeof part === "number") node = node.items[part];
    else return undefined;
  }
  return node;
}

/** The place of the value at `path`, or of the nearest enclosing value that was written. */
export function locate(root: Located, path: ConfigPath): Place {
  for (let length = path.length; length > 0; length--) {
    const node = find(root, path.slice(0, length));
    if (node) return node;
  }
  return root;
}

/** The place of the key `path` ends with, for complaints about the key itself. */
export function locateKey(root: Located, path: ConfigPath): Place {
  const parent = find(root, path.slice(0, -1));
  const key = path.at(-1);
  return (parent?.kind === "mapping" && parent.keys.get(String(key))) || locate(root, path);
}
