/** What is left of a plugin's options without their mistakes, so that the mistakes of its `plan` are found too. */
import { ConfigError, type ConfigPath } from "../core/errors.ts";
import type { PluginLookup } from "../core/plugin.ts";
import { nearest } from "../core/suggest.ts";
import { check, type Checked } from "./explain.ts";
import type { Findings } from "./findings.ts";

/** Options that their schema accepts. */
export interface MendedOptions {
  /** As written, without unknown keys and wrong values. */
  readonly raw: unknown;
  /** With defaults. */
  readonly options: unknown;
}

/** The options without what their schema refuses; undefined when the rest is not valid either. */
export function mendOptions(checked: Checked): MendedOptions | undefined {
  const result = check(checked);
  if (result.ok) return { raw: checked.value, options: result.value };
  let raw = structuredClone(checked.value);
  for (const { path } of result.issues) {
    const local = path.slice(checked.at.length);
    if (local.length === 0) raw = {};
    else if (!remove(raw, local)) return undefined;
  }
  const rest = check({ ...checked, value: raw });
  return rest.ok ? { raw, options: rest.value } : undefined;
}

/** Entries of a list stay: without one, the others would be found at wrong places. */
function remove(value: unknown, path: ConfigPath): boolean {
  const parent = path.slice(0, -1).reduce<unknown>((node, part) => (node as Raw | undefined)?.[part], value);
  if (typeof parent !== "object" || parent === null) return true;
  return !Array.isArray(parent) && delete (parent as Raw)[path.at(-1)!];
}

type Raw = Record<string | number, unknown>;

/** Finds a stand-in for a plugin that does not exist, after recording that: the nearest, or any of its kind. */
export function forgivingLookup(findings: Findings, registry: PluginLookup): PluginLookup {
  return {
    all: (kind) => registry.all(kind),
    get(kind, name, at) {
      try {
        return registry.get(kind, name, at);
      } catch (error) {
        const plugins = registry.all(kind);
        const near = nearest(name, plugins.map((plugin) => plugin.name));
        const standIn = plugins.find((plugin) => plugin.name === near) ?? plugins[0];
        if (!(error instanceof ConfigError) || !standIn) throw error;
        for (const issue of error.issues) findings.add(issue.path, issue.message);
        if (near !== undefined) return standIn;
        // What a similarity accepts becomes a demand on a tap; nobody knows what this one would accept.
        return { ...standIn, plan: (...args) => ({ ...standIn.plan(...args), accepts: undefined }) };
      }
    },
  };
}
