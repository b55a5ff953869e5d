/**
 * Entries of lists that have names: terms of the objective, phases, and the jobs of a phase.
 *
 * A recipe that extends another wants to say "the same, but the entropy term half as strong". With plain YAML
 * it would have to repeat the whole list. So a list of these three kinds can be changed by a mapping from
 * names to changes, and `merge.ts` comes here when it meets a mapping above such a list. An entry's name is
 * its `name`, or else its `type`.
 */
import { ConfigError, type ConfigPath, formatPath } from "../core/errors.ts";
import { nearest, suggestion } from "../core/suggest.ts";
import { find, type Located, type LocatedMapping, type LocatedSequence } from "./locate.ts";

/**
 * Whether the list at `path` has named entries: `losses` anywhere, `phases` at the top, and `before` of a
 * phase.
 */
export function holdsTerms(path: ConfigPath): boolean {
  return isLosses(path) || isPhases(path) ||
    (path.length === 3 && isPhases(path.slice(0, 1)) && path[2] === "before");
}

function isLosses(path: ConfigPath): boolean {
  return path.at(-1) === "losses";
}

function isPhases(path: ConfigPath): boolean {
  return path.length === 1 && path[0] === "phases";
}

/**
 * What an entry is called: its `name`, else its `type`; undefined for a user's file (`use:`) without a name,
 * which therefore cannot be changed by name.
 */
export function termNameOf(term: Located): string | undefined {
  for (const key of ["name", "type"]) {
    const node = find(term, [key]);
    if (node?.kind === "scalar" && typeof node.value === "string") return node.value;
  }
  return undefined;
}

/** The index of the first entry called `name`; -1 when there is none. */
export function termIndex(list: LocatedSequence, name: string): number {
  return list.items.findIndex((term) => termNameOf(term) === name);
}

/**
 * Whether a change describes a whole entry, by `type` or `use`, and can be added where no entry has its name.
 */
export function isNewTerm(change: Located): change is LocatedMapping {
  return change.kind === "mapping" && (change.entries.has("type") || change.entries.has("use"));
}

/**
 * How a change is laid over the entry that it names; `merge` of merge.ts, handed in so that the two files do
 * not import each other.
 */
export type MergeTerm = (term: Located, change: Located, path: ConfigPath) => Located;

/**
 * `losses: {association: {weight: 0.2}, lovasz-softmax: null, extra: {type: entropy}}` laid on a list: each
 * key names a term, `null` removes it if it is there, a mapping changes it; one with `type` or `use` whose
 * name is new is added at the end.
 * @throws ConfigError when a name is not in the list and nothing new is described
 */
export function changeTerms(
  list: LocatedSequence,
  changes: LocatedMapping,
  { path, merge }: { readonly path: ConfigPath; readonly merge: MergeTerm },
): LocatedSequence {
  let items = [...list.items];
  for (const [name, change] of changes.entries) {
    const at = termIndex({ ...list, items }, name);
    if (at >= 0) {
      items = change.kind === "scalar" && change.value === null
        ? items.toSpliced(at, 1)
        : items.with(at, merge(items[at]!, change, [...path, at]));
      continue;
    }
    const known = list.items.map(termNameOf).filter((each) => each !== undefined);
    // Nothing to remove, unless it is a slip of the pen.
    if (change.kind === "scalar" && change.value === null && nearest(name, known) === undefined) continue;
    const key = changes.keys.get(name) ?? change;
    if (isNewTerm(change)) {
      const own: Located = { kind: "scalar", value: name, where: key.where, folder: key.folder };
      items.push({
        ...change,
        entries: new Map([["name", own], ...change.entries]),
        keys: new Map([["name", key], ...change.keys]),
      });
      continue;
    }
    const wanted = isLosses(path)
      ? `term "${name}", and a new one needs a type`
      : isPhases(path)
      ? `phase "${name}"; a new one needs the whole list`
      : `job "${name}", and a new one needs a type`;
    throw new ConfigError([{
      path: [...path, name],
      position: key.where,
      message: `the extended recipe's ${formatPath(path)} has no ${wanted}${suggestion(name, known)}`,
    }]);
  }
  return { ...list, items };
}
