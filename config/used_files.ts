/**
 * A recipe's own files: what `use:` names, wherever it stands. They are TypeScript, so this is the one place
 * where reading a recipe can run somebody's code, and only when the caller hands in `importPlugin`. Addresses
 * (`https:`, `npm:`) are refused: a recipe must not fetch code.
 */
import { basename, resolve } from "node:path";
import { type ConfigPath, UserError } from "../core/errors.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import type { Findings } from "./findings.ts";
import type { UserFile } from "./lenient.ts";
import type { Located } from "./locate.ts";

/**
 * The same tree with each `use:` as an absolute path, starting from the folder of the recipe that wrote it:
 * after merging, and in a run folder's `config.yaml`, a relative path would point elsewhere.
 */
export function withAbsoluteFiles(node: Located): Located {
  if (node.kind === "scalar") return node;
  if (node.kind === "sequence") return { ...node, items: node.items.map(withAbsoluteFiles) };
  const entries = new Map([...node.entries].map(([key, value]) => [key, withAbsoluteFiles(value)]));
  const use = entries.get("use");
  if (use?.kind === "scalar" && fileProblem(use.value) === undefined) {
    entries.set("use", { ...use, value: resolve(use.folder, String(use.value)) });
  }
  return { ...node, entries };
}

/** Why the value of a `use:` names no file; undefined when it does. */
export function fileProblem(use: unknown): string | undefined {
  if (typeof use !== "string") return "expected the path of a TypeScript file";
  return /^[a-z][a-z0-9+.-]+:/i.test(use)
    ? `${use} is not a file; plca runs no code from elsewhere, expected a path like ./my_loss.ts`
    : undefined;
}

/** What importing may use. */
export interface Importing {
  /** The plugins that come with plca. */
  readonly registry: Registry;
  /**
   * What a file defines; undefined: it is not run. Absent: `use:` is a mistake. @param path absolute @throws
   * UserError
   */
  importPlugin?(path: string): Promise<readonly Plugin[] | undefined>;
}

/**
 * Imports every file that a `use:` names, once each, in the order of the tree. A file that fails is recorded
 * and absent from the result; a `use:` that names no file is left to the entry it stands in, which reports
 * it.
 * @returns by absolute path: the plugins of the file, or a name when it was not run
 */
export async function importUsed(
  findings: Findings,
  { registry, importPlugin }: Importing,
): Promise<ReadonlyMap<string, UserFile>> {
  const imported = new Map<string, UserFile>();
  const taken = new Set(registry.all("loss").map(({ name }) => name));
  for (const { file, at } of usesOf(findings.root)) {
    if (imported.has(file)) continue;
    if (!importPlugin) {
      findings.add(at, "files with plugins cannot be loaded here");
      continue;
    }
    try {
      imported.set(file, await importPlugin(file) ?? { unrun: freeName(file, taken) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      findings.add(at, error.message);
    }
  }
  return imported;
}

/** Every `use:` of the tree, with the file that it names. */
function usesOf(node: Located, at: ConfigPath = []): { readonly file: string; readonly at: ConfigPath }[] {
  if (node.kind === "scalar") return [];
  if (node.kind === "sequence") return node.items.flatMap((item, k) => usesOf(item, [...at, k]));
  const use = node.entries.get("use");
  const own = use?.kind === "scalar" && use.value !== null && fileProblem(use.value) === undefined
    ? [{ file: String(use.value), at: [...at, "use"] }]
    : [];
  return [...own, ...[...node.entries].flatMap(([key, value]) => usesOf(value, [...at, key]))];
}

/**
 * What a plugin of a file is called while its own name is not known: as the file, numbered where that is
 * taken.
 */
function freeName(file: string, taken: Set<string>): string {
  const stem = basename(file).replace(/\.[^.]*$/, "").replaceAll("_", "-");
  let name = stem;
  for (let number = 2; taken.has(name); number++) name = `${stem}-${number}`;
  taken.add(name);
  return name;
}
