/**
 * One recipe laid over another: `extends:` and `--set path=value`.
 *
 * Think of transparent sheets. The base lies at the bottom, the recipe above it, each `--set` on top; looking
 * down, one sees for each key the topmost value. The rules that are not obvious:
 *
 * - Mappings merge key by key; scalars and lists are replaced as a whole, since entries of a list have no
 *   identity.
 * - Lists of terms, phases and jobs do have one, their name: a *mapping* laid on such a list changes the
 *   entries it names (`losses: {entropy: {weight: 0.1}}`). `terms.ts` has that part.
 * - `null` removes what lies below, so a removed section reads like one that was never written.
 * - When the plugin of an entry changes (another `type` or `use`), the former plugin's options go too: they
 *   would mean nothing to the new one, or something else.
 *
 * Every function returns a new tree; shared parts are the same objects.
 */
import { resolve } from "node:path";
import { ConfigError, type ConfigPath, formatPath } from "../core/errors.ts";
import { type Located, type LocatedMapping, parseYaml, type Place, plain } from "./locate.ts";
import { suggestion } from "../core/suggest.ts";
import { TERM_KEYS } from "./recipe.ts";
import { changeTerms, holdsTerms, isNewTerm, termIndex, termNameOf } from "./terms.ts";

/**
 * `over` laid on `base`, by the rules at the top of this file.
 * @param path where both stand in the recipe; only used to know lists of terms and which keys are no
 *   options
 * @throws ConfigError when a mapping on a list names a term that the list does not have and describes no
 *   new one
 */
export function merge(base: Located, over: Located, path: ConfigPath = []): Located {
  if (base.kind === "sequence" && over.kind === "mapping" && holdsTerms(path)) {
    return changeTerms(base, over, { path, merge });
  }
  if (base.kind !== "mapping" || over.kind !== "mapping") return over;
  const kept = changesType(base, over) ? withoutOptions(base, path) : base;
  const entries = new Map(kept.entries);
  const keys = new Map(kept.keys);
  for (const [key, value] of over.entries) {
    keys.set(key, over.keys.get(key) ?? over);
    const former = entries.get(key);
    if (value.kind === "scalar" && value.value === null && former) {
      entries.delete(key);
      keys.delete(key);
    } else {
      entries.set(key, former ? merge(former, value, [...path, key]) : value);
    }
  }
  return { ...over, entries, keys };
}

function changesType(base: LocatedMapping, over: LocatedMapping): boolean {
  const [was, is] = [pluginOf(base), pluginOf(over)];
  return was !== undefined && is !== undefined && was !== is;
}

/** What names the plugin of an entry: its type, or the absolute path of its file. */
function pluginOf({ entries }: LocatedMapping): string | undefined {
  for (const key of ["type", "use"]) {
    const node = entries.get(key);
    if (node?.kind !== "scalar" || node.value === null) continue;
    return key === "type" ? `type ${node.value}` : `use ${resolve(node.folder, String(node.value))}`;
  }
  return undefined;
}

/**
 * What outlives a change of the plugin: keys of the entry that every plugin of the kind has, such as a term's
 * weight. The rest, `options` and the keys beside a dataset's `type`, goes.
 */
function withoutOptions(mapping: LocatedMapping, path: ConfigPath): LocatedMapping {
  // What is not an option of the type stays.
  const stays: readonly string[] = path.includes("losses")
    ? TERM_KEYS
    : path.includes("before")
    ? ["name"]
    : path.at(-1) === "optimizer"
    ? ["groups"]
    : [];
  const keep = <V>(map: ReadonlyMap<string, V>) => new Map([...map].filter(([key]) => stays.includes(key)));
  return { ...mapping, entries: keep(mapping.entries), keys: keep(mapping.keys) };
}

/** Where a recipe has datasets, as paths in which `*` is any key or index. */
const DATASET_PLACES = [["data", "*"], ["streams", "*", "dataset"], [
  "phases",
  "*",
  "streams",
  "*",
  "dataset",
]];

/**
 * Datasets may be written `{type: folder, options: {images: a}}` like every plugin, or short, `{type: folder,
 * images: a}`. The long form becomes the short one in every place that holds a dataset; otherwise a recipe in
 * one spelling laid on one in the other would have both halves.
 */
export function flattenDatasets(root: Located): Located {
  return DATASET_PLACES.reduce(flattenAt, root);
}

function flattenAt(node: Located, [key, ...rest]: readonly string[]): Located {
  if (node.kind === "scalar") return node;
  if (node.kind === "sequence") {
    return key === "*" ? { ...node, items: node.items.map((item) => flattenAt(item, rest)) } : node;
  }
  if (key !== undefined) {
    const inside = (name: string, value: Located) =>
      key === "*" || key === name ? flattenAt(value, rest) : value;
    return {
      ...node,
      entries: new Map([...node.entries].map(([name, value]) => [name, inside(name, value)])),
    };
  }
  const options = node.entries.get("options");
  if (options?.kind !== "mapping") return node;
  const without = <V>(map: ReadonlyMap<string, V>) => [...map].filter(([key]) => key !== "options");
  return {
    ...node,
    entries: new Map([...without(node.entries), ...options.entries]),
    keys: new Map([...without(node.keys), ...options.keys]),
  };
}

/**
 * Lays one `path=value` of the command line over a recipe. The value is YAML, so `--set
 * evaluation.scales=[0.75,1]` gives a list; an empty value is null and removes. Missing mappings on the way
 * are made, missing list entries are not.
 * @param text as in `losses[1].weight=0.2`, or with a term's name for its index,
 *   `losses.entropy.weight=0.2`
 * @param cwd absolute; relative paths in the value start there, and not in the recipe's folder
 * @throws ConfigError whose position is `--set PATH`
 */
export function applySet(root: Located, text: string, cwd: string): Located {
  const equals = text.indexOf("=");
  const refuse = (message: string) =>
    new ConfigError([{ path: [], position: `--set ${equals < 1 ? text : text.slice(0, equals)}`, message }]);
  if (equals < 1) throw refuse("expected path=value, as in --set losses[1].weight=0.2");
  const path = parsePath(text.slice(0, equals));
  if (path === undefined) throw refuse("expected a path such as training.steps or losses[1].weight");
  const place: Place = { where: `--set ${formatPath(path)}`, folder: cwd };
  return put(root, { path, depth: 0, value: setValue(text.slice(equals + 1), place, refuse), place, refuse });
}

function setValue(text: string, place: Place, refuse: (message: string) => ConfigError): Located {
  if (text.trim() === "") return { kind: "scalar", value: null, ...place };
  try {
    return relocate(parseYaml({ name: place.where, folder: place.folder, text }), place);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw refuse(error.issues.map((issue) => issue.message).join("; "));
  }
}

/**
 * Gives every node of the value the place of its `--set`: line and column inside a command-line argument
 * would not help to find the mistake.
 */
function relocate(node: Located, place: Place): Located {
  if (node.kind === "scalar") return { ...node, ...place };
  if (node.kind === "sequence") {
    return { ...node, ...place, items: node.items.map((item) => relocate(item, place)) };
  }
  const entries = new Map([...node.entries].map(([key, value]) => [key, relocate(value, place)]));
  return { ...node, ...place, entries, keys: new Map([...entries.keys()].map((key) => [key, place])) };
}

/** A `--set` on its way down the tree. */
interface Put {
  readonly path: ConfigPath;
  readonly depth: number;
  readonly value: Located;
  readonly place: Place;
  readonly refuse: (message: string) => ConfigError;
}

/**
 * The node with the value put in at `path[depth]` and below. A step into a list by a name instead of an index
 * is a step to the term of that name.
 */
function put(node: Located | undefined, task: Put): Located {
  const { path, depth, value, place, refuse } = task;
  const part = path[depth];
  if (part === undefined) return value;
  const here = formatPath(path.slice(0, depth)) || "the recipe";
  const deeper = { ...task, depth: depth + 1 };
  if (typeof part === "number") {
    if (node?.kind !== "sequence") throw refuse(`${here} is not a list`);
    if (part >= node.items.length) {
      const count = node.items.length;
      throw refuse(`${here} has ${count} ${count === 1 ? "entry" : "entries"}, counted from 0`);
    }
    return { ...node, items: node.items.map((item, k) => k === part ? put(item, deeper) : item) };
  }
  if (node?.kind === "sequence" && holdsTerms(path.slice(0, depth))) {
    const index = termIndex(node, part);
    const removed = depth + 1 === path.length && value.kind === "scalar" && value.value === null;
    if (index >= 0 && removed) return { ...node, items: node.items.toSpliced(index, 1) };
    if (index >= 0) return put(node, { ...task, path: path.with(depth, index) });
    if (depth + 1 === path.length && isNewTerm(value)) {
      const entries = new Map([[part, value]]), keys = new Map([[part, place]]);
      return changeTerms(node, { kind: "mapping", entries, keys, ...place }, { path, merge });
    }
  }
  const present = node?.kind === "scalar" && node.value === null ? undefined : node;
  const parent: Located = present ?? { kind: "mapping", entries: new Map(), keys: new Map(), ...place };
  if (parent.kind !== "mapping") {
    const known = parent.kind === "sequence" && holdsTerms(path.slice(0, depth))
      ? suggestion(part, parent.items.map(termNameOf).filter((name) => name !== undefined))
      : "";
    throw refuse(
      `${here} is a ${parent.kind === "sequence" ? "list" : "single value"} without a key "${part}"${known}` +
        switchedOff(parent, task),
    );
  }
  const child = put(parent.entries.get(part), deeper);
  const over: LocatedMapping = {
    kind: "mapping",
    where: parent.where,
    folder: parent.folder,
    entries: new Map([[part, child]]),
    keys: new Map([[part, parent.keys.get(part) ?? place]]),
  };
  if (depth + 1 < path.length) {
    return {
      ...parent,
      entries: new Map(parent.entries).set(part, child),
      keys: new Map(parent.keys).set(part, parent.keys.get(part) ?? place),
    };
  }
  return merge(parent, over, path.slice(0, depth));
}

/** How a part that is off is switched on with this value: its mapping is written whole. "" for all others. */
function switchedOff(node: Located, { path, depth, value }: Put): string {
  const rest = path.slice(depth);
  if (node.kind !== "scalar" || node.value !== false || rest.some((part) => typeof part === "number")) {
    return "";
  }
  const inner = rest.reduceRight<string>((text, part) => `{${part}: ${text}}`, JSON.stringify(plain(value)));
  return `: it is false; write it whole, as in --set '${formatPath(path.slice(0, depth))}=${inner}'`;
}

/**
 * `losses[1].options.lambda` to `["losses", 1, "options", "lambda"]`, the inverse of `formatPath`; undefined
 * when the text is not such a path.
 */
export function parsePath(text: string): ConfigPath | undefined {
  if (!/^[A-Za-z_][\w-]*(\[\d+\])*(\.[\w-]+(\[\d+\])*)*$/.test(text)) return undefined;
  return [...text.matchAll(/\[(\d+)\]|[\w-]+/g)].map((match) =>
    match[1] === undefined ? match[0] : Number(match[1])
  );
}
