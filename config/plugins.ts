/** The parts of a recipe that name plugins: model, datasets, optimiser, schedule, losses. */
import { isAbsolute, resolve } from "node:path";
import { type ConfigPath, formatPath, UserError } from "../core/errors.ts";
import type { PlannedLoss } from "../core/plan.ts";
import type { Kind, PlanOf, Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { suggestion } from "../core/suggest.ts";
import { keysAt } from "./explain.ts";
import type { Findings } from "./findings.ts";
import { find, locate, type Located, plain } from "./locate.ts";
import { forgivingLookup, mendOptions } from "./mend.ts";
import { LOSS_KEYS, PLUGIN_KEYS, termName, termWeight } from "./recipe.ts";
import { guardedLoss } from "./user_loss.ts";

/** A planned plugin and its options with defaults. */
export interface PlannedPlugin<K extends Kind> {
  readonly type: string;
  readonly plugin: Plugin<K>;
  readonly plan: PlanOf[K];
  /** What it was planned from, as written. */
  readonly raw: unknown;
  readonly options: Readonly<Record<string, unknown>>;
  /** The options had mistakes, which are recorded; the plan is made from the rest of them. */
  readonly mended?: boolean;
}

/** Where a plugin is named. */
export interface PluginAt<K extends Kind> {
  readonly kind: K;
  readonly path: ConfigPath;
  /** Keys beside `type` and `options`. */
  readonly moreKeys?: readonly string[];
  /** The options stand beside `type` instead of under `options`. */
  readonly flat?: boolean;
}

/** Plans `{type, options}` at a path; undefined after recording what is wrong. */
export function planPlugin<K extends Kind>(
  findings: Findings,
  registry: Registry,
  { kind, path, flat, moreKeys = [] }: PluginAt<K>,
): PlannedPlugin<K> | undefined {
  const known = registry.all(kind).map((plugin) => plugin.name);
  const node = findings.mapping(path, {
    expected: `a mapping with the type of ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`,
    ...(flat ? {} : {
      keys: [...PLUGIN_KEYS, ...moreKeys],
      hint: (key) => misplaced(key, { findings, registry, kind, path }),
    }),
  });
  if (!node) return undefined;
  const type = findings.text([...path, "type"], `one of ${known.join(", ")}`);
  if (type === undefined) return undefined;
  const plugin = findings.attempt(() => registry.get(kind, type, [...path, "type"]));
  if (!plugin) return undefined;
  if (flat) {
    const { type: _, ...raw } = plain(node) as Record<string, unknown>;
    return planOptions(findings, registry, { plugin, path, raw });
  }
  const at = [...path, "options"];
  const options = find(findings.root, at);
  return planOptions(findings, registry, { plugin, path: at, raw: options ? plain(options) : {} });
}

interface Misplaced {
  readonly findings: Findings;
  readonly registry: Registry;
  readonly kind: Kind;
  readonly path: ConfigPath;
}

/** People write `lr:` beside `type:`; say where it belongs. */
function misplaced(key: string, { findings, registry, kind, path }: Misplaced): string | undefined {
  const type = find(findings.root, [...path, "type"]);
  const name = type?.kind === "scalar" ? type.value : undefined;
  const plugin = registry.all(kind).find((candidate) => candidate.name === name);
  if (!plugin || !keysAt(plugin.options, []).includes(key)) return undefined;
  return `; ${key} is an option of ${plugin.name}, write it under "options:"`;
}

interface OptionsTask<K extends Kind> {
  readonly plugin: Plugin<K>;
  readonly path: ConfigPath;
  readonly raw: unknown;
}

function planOptions<K extends Kind>(
  findings: Findings,
  registry: Registry,
  { plugin, path, raw }: OptionsTask<K>,
): PlannedPlugin<K> | undefined {
  const given = raw ?? {};
  const valid = findings.checked({ path, raw: given, schema: plugin.options }) !== undefined;
  const rest = mendOptions({ at: path, value: given, schema: plugin.options });
  if (!rest) return undefined;
  const lookup = forgivingLookup(findings, registry);
  const plan = findings.attempt(() => plugin.plan(rest.raw, path, lookup));
  if (plan === undefined) return undefined;
  const options = rest.options as Record<string, unknown>;
  return { type: plugin.name, plugin, plan, raw: rest.raw, options, ...(valid ? {} : { mended: true }) };
}

/** Plugins of a user's file, by absolute path. */
export type UserPlugins = ReadonlyMap<string, readonly Plugin[]>;

/** What an entry of `losses` became. */
export interface PlannedEntry {
  readonly loss: PlannedLoss;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** The list at `path`; entries with mistakes are recorded and left out. */
export function planLosses(
  findings: Findings,
  { registry, user, path }: { registry: Registry; user: UserPlugins; path: ConfigPath },
): PlannedEntry[] {
  const node = find(findings.root, path);
  if (node?.kind !== "sequence" || node.items.length === 0) {
    findings.add(path, "expected a list of at least one loss, each with type or use");
    return [];
  }
  const planned: PlannedEntry[] = [];
  const taken = new Map<string, ConfigPath>();
  node.items.forEach((_, k) => {
    const at = [...path, k];
    const entry = planEntry(findings, { registry, user, path: at });
    if (!entry) return;
    const former = taken.get(entry.loss.name);
    if (former) {
      const where = findings.has([...at, "name"]) ? [...at, "name"] : at;
      findings.add(
        where,
        `${formatPath(former)} is called "${entry.loss.name}" too; give this one another name, with "name:"`,
      );
    }
    taken.set(entry.loss.name, at);
    planned.push(entry);
  });
  return planned;
}

interface EntryTask {
  readonly registry: Registry;
  readonly user: UserPlugins;
  readonly path: ConfigPath;
}

function planEntry(findings: Findings, { registry, user, path }: EntryTask): PlannedEntry | undefined {
  const node = findings.mapping(path, {
    expected: "a mapping with the type of a loss, or use: and a file",
    keys: LOSS_KEYS,
    hint: (key) => misplaced(key, { findings, registry, kind: "loss", path }),
  });
  if (!node) return undefined;
  const weight = findings.value([...path, "weight"], termWeight);
  const name = findings.has([...path, "name"]) ? findings.value([...path, "name"], termName) : undefined;
  const [hasType, hasUse] = [findings.has([...path, "type"]), findings.has([...path, "use"])];
  if (hasType === hasUse) {
    const known = registry.all("loss").map((plugin) => plugin.name).join(", ");
    findings.add(
      path,
      hasType
        ? "has both type and use; keep one"
        : `type is missing; expected one of ${known}, or use: and the file of your own loss`,
    );
    return undefined;
  }
  const { file, problem }: UsedFile = hasUse ? usedFile(findings.root, [...path, "use"]) : {};
  if (problem !== undefined) findings.add([...path, "use"], problem);
  const plugin = hasUse ? user.get(file ?? "")?.find(isLoss) : namedLoss(findings, registry, path);
  if (!plugin) return undefined;
  const at = [...path, "options"];
  const options = find(findings.root, at);
  const entry = planOptions(findings, registry, { plugin, path: at, raw: options ? plain(options) : {} });
  if (!entry) return undefined;
  const place = locate(findings.root, path).where;
  const label = name ?? plugin.name;
  return {
    loss: {
      name: label,
      // A wrong weight is recorded; the taps are still looked at.
      weight: weight ?? 0,
      plan: entry.plan,
      at: path,
      origin: file === undefined ? place : `${file}, ${place}`,
      ...(file === undefined ? {} : { file }),
    },
    resolved: {
      ...(file === undefined ? { type: plugin.name } : { use: file }),
      name: label,
      weight,
      options: entry.options,
    },
  };
}

function namedLoss(findings: Findings, registry: Registry, path: ConfigPath): Plugin<"loss"> | undefined {
  const known = registry.all("loss").map((plugin) => plugin.name);
  const type = findings.text([...path, "type"], `one of ${known.join(", ")}`);
  if (type === undefined) return undefined;
  const found = registry.all("loss").find((plugin) => plugin.name === type);
  if (!found) findings.add([...path, "type"], `there is no loss called "${type}"${suggestion(type, known)}`);
  return found;
}

interface UsedFile {
  /** Absolute; absent when there is a problem. */
  readonly file?: string;
  readonly problem?: string;
}

/** The file that the `use:` at `path` means. */
function usedFile(root: Located, path: ConfigPath): UsedFile {
  const node = find(root, path);
  const use = node?.kind === "scalar" ? node.value : undefined;
  if (typeof use !== "string") return { problem: "expected the path of a TypeScript file" };
  if (/^[a-z][a-z0-9+.-]+:/i.test(use)) {
    return {
      problem: `${use} is not a file; plca runs no code from elsewhere, expected a path like ./my_loss.ts`,
    };
  }
  return { file: isAbsolute(use) ? use : resolve(locate(root, path).folder, use) };
}

function isLoss(plugin: Plugin): plugin is Plugin<"loss"> {
  return plugin.kind === "loss";
}

/** Imports every file that a `use:` names, once each; what fails is recorded. */
export async function importUsed(
  findings: Findings,
  importPlugin: ((path: string) => Promise<readonly Plugin[]>) | undefined,
): Promise<UserPlugins> {
  const found = new Map<string, readonly Plugin[]>();
  for (const list of [["losses"], ["baseline", "losses"]]) {
    const node = find(findings.root, list);
    if (node?.kind !== "sequence") continue;
    for (let k = 0; k < node.items.length; k++) {
      const at = [...list, k, "use"];
      if (!findings.has(at)) continue;
      const { file } = usedFile(findings.root, at);
      // A bad path is recorded when the entry is planned.
      if (file === undefined || found.has(file)) continue;
      if (!importPlugin) {
        findings.add(at, "files with losses cannot be loaded here");
        continue;
      }
      try {
        const plugins = await importPlugin(file);
        const losses = plugins.filter(isLoss).length;
        if (losses === 1) {
          found.set(
            file,
            plugins.map((plugin) => isLoss(plugin) ? guardedLoss(plugin, file) : plugin),
          );
        } else findings.add(at, `${file} defines ${losses} losses; expected exactly one`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        findings.add(at, error.message);
      }
    }
  }
  return found;
}
