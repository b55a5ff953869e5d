/**
 * Entries of a recipe that name a plugin: model, datasets, optimiser, schedule, networks, streams, jobs,
 * losses. All are written alike, `{type: NAME, options: {...}}` or `{use: FILE, options: {...}}`, and read by
 * one function, {@linkcode planEntryOf}; datasets have their options beside `type`. Losses have a name and a
 * weight as well ({@linkcode planLosses}).
 */
import { type ConfigPath, formatPath } from "../core/errors.ts";
import type { PlannedLoss, PlannedPart } from "../core/plan.ts";
import type { Kind, PluginMapping } from "../core/plugin.ts";
import { keysAt } from "./explain.ts";
import type { Findings } from "./findings.ts";
import { type Found, LenientLookup, one, type Planned, type Plugins } from "./lenient.ts";
import { find, locate, type Located, plain } from "./locate.ts";
import { TERM_KEYS, termName, termUpdate, termWeight } from "./recipe.ts";

/** Where a plugin is named, and what may be named. */
export interface EntryAt<K extends Kind> extends Plugins {
  readonly kind: K;
  readonly path: ConfigPath;
  /** Keys beside `type`, `use` and `options`. */
  readonly moreKeys?: readonly string[];
  /** The options stand beside `type` instead of under `options`. */
  readonly flat?: boolean;
}

/** What an entry became. */
export interface PlannedEntry<K extends Kind> extends Planned<K> {
  /** How the resolved recipe names the plugin; the file is absolute. */
  readonly named: { readonly type: string } | { readonly use: string };
}

/**
 * Plans the entry at a path: the mapping and its keys, the plugin by `type` or `use`, its options.
 * @returns undefined after recording what is wrong; with `mended`, mistakes are recorded and the plan only
 *   serves to check the rest
 */
export function planEntryOf<K extends Kind>(
  findings: Findings,
  { kind, path, flat, moreKeys = [], ...plugins }: EntryAt<K>,
): PlannedEntry<K> | undefined {
  const lookup = new LenientLookup(findings, plugins);
  const node = findings.mapping(path, {
    expected: `a mapping with the type of ${one(kind)}`,
    ...(flat ? {} : {
      keys: ["type", "use", ...moreKeys, "options"],
      hint: (key) => misplaced(key, find(findings.root, [...path, "type"]), lookup.all(kind)),
    }),
  });
  if (!node) return undefined;
  const choice = plain(node) as PluginMapping;
  const found = lookup.find(kind, choice, path);
  const { type: _, use, ...beside } = choice;
  const planned = found &&
    (flat
      ? lookup.planned(found, beside, path)
      : lookup.planned(found, beside.options, [...path, "options"]));
  return planned && { ...planned, named: typeof use === "string" ? { use } : { type: planned.plugin.name } };
}

/** People write `lr:` beside `type:`; say where it belongs. */
function misplaced(
  key: string,
  type: Located | undefined,
  known: readonly Found<Kind>[],
): string | undefined {
  const named = known.find(({ plugin }) => type?.kind === "scalar" && plugin.name === type.value)?.plugin;
  if (!named || !keysAt(named.options, []).includes(key)) return undefined;
  return `; ${key} is an option of ${named.name}, write it under "options:"`;
}

/**
 * The place of an entry for later errors: its path, and `recipe.yaml:12:5`, with the person's file before it
 * where the plugin comes from one.
 */
export function partOf(
  findings: Findings,
  at: ConfigPath,
  { file, unrun }: Pick<PlannedEntry<Kind>, "file" | "unrun">,
): Omit<PlannedPart, "name"> {
  const place = locate(findings.root, at).where;
  return {
    at,
    origin: file === undefined ? place : `${file}, ${place}`,
    ...(file === undefined ? {} : { file }),
    ...(unrun ? { unrun } : {}),
  };
}

/** What an entry of `losses` became. */
export interface PlannedTerm {
  readonly loss: PlannedLoss;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** The list at `path`; entries with mistakes are recorded and left out. */
export function planLosses(
  findings: Findings,
  { path, ...plugins }: Plugins & { readonly path: ConfigPath },
): PlannedTerm[] {
  const node = find(findings.root, path);
  if (node?.kind !== "sequence" || node.items.length === 0) {
    findings.add(path, "expected a list of at least one loss, each with type or use");
    return [];
  }
  const planned: PlannedTerm[] = [];
  const taken = new Map<string, ConfigPath>();
  node.items.forEach((_, k) => {
    const at = [...path, k];
    const term = planTerm(findings, { ...plugins, path: at });
    if (!term) return;
    const { name } = term.loss;
    const former = taken.get(name);
    if (former) {
      findings.add(
        findings.has([...at, "name"]) ? [...at, "name"] : at,
        `${formatPath(former)} is called "${name}" too; give this one another name, with "name:"`,
      );
    }
    taken.set(name, at);
    planned.push(term);
  });
  return planned;
}

/** One entry of a list of losses. Its name is `name`, else the plugin's. */
function planTerm(
  findings: Findings,
  { path, ...plugins }: Plugins & { readonly path: ConfigPath },
): PlannedTerm | undefined {
  const entry = planEntryOf(findings, { ...plugins, kind: "loss", path, moreKeys: TERM_KEYS });
  const weight = findings.value([...path, "weight"], termWeight);
  const update = findings.has([...path, "update"])
    ? findings.value([...path, "update"], termUpdate)
    : undefined;
  const given = findings.has([...path, "name"]) ? findings.value([...path, "name"], termName) : undefined;
  if (!entry) return undefined;
  const name = given ?? entry.plugin.name;
  return {
    loss: {
      name,
      // A wrong weight is recorded; the taps are still looked at.
      weight: weight ?? 0,
      ...(update === undefined ? {} : { update }),
      plan: entry.plan,
      ...partOf(findings, path, entry),
    },
    resolved: {
      ...entry.named,
      name,
      weight,
      ...(update === undefined ? {} : { update }),
      options: entry.options,
    },
  };
}
