/**
 * The only dynamic import of a person's file. It runs code, so everything that calls it is a deliberate
 * choice: `train`, `ablate` and `check --import`, in a thread with fewer permissions (narrow.ts). Whatever
 * goes wrong in the file is an error about the file, not about plca.
 */
import { pathToFileURL } from "node:url";
import { kit } from "../backends/plugin_kit.ts";
import { UserError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import { type Kind, KINDS, type Plugin } from "../core/plugin.ts";

/**
 * Imports a file whose default export is `(kit) => kit.definePlugin({...})`, or returns a list of such
 * plugins, and calls it.
 * @param path absolute
 * @throws UserError that starts with the file's path: missing, throws on import, no default export, no
 *   plugin
 */
export async function importPlugin(path: string): Promise<readonly Plugin[]> {
  const found = await Deno.stat(path).catch(() => undefined);
  const other = found && notAFile(found);
  // Of a device an import would never see the end.
  if (other !== undefined && !found?.isDirectory) {
    throw new UserError(`${path}: it is ${other}, expected a file`);
  }
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (cause) {
    if (!found?.isFile) throw new UserError(`${path}: there is no such file`, { cause });
    throw new UserError(`${path}: importing it failed: ${reason(cause)}`, { cause });
  }
  const factory = module["default"];
  const expected = "expected export default (kit) => kit.definePlugin({...})";
  if (factory === undefined) throw new UserError(`${path}: it has no default export; ${expected}`);
  if (typeof factory !== "function") {
    throw new UserError(`${path}: its default export is ${kindOf(factory)}; ${expected}`);
  }
  let made: unknown;
  try {
    made = await factory(kit);
  } catch (cause) {
    throw new UserError(`${path}: its default export threw: ${reason(cause)}`, { cause });
  }
  const plugins: readonly unknown[] = Array.isArray(made) ? made : [made];
  if (plugins.length === 0) {
    throw new UserError(`${path}: its default export returned no plugin; ${expected}`);
  }
  return plugins.map((plugin) => {
    if (!isPlugin(plugin)) {
      throw new UserError(`${path}: its default export returned ${kindOf(plugin)}; ${expected}`);
    }
    return plugin;
  });
}

/**
 * Whether a value has what every plugin has: a kind, a name, a plan. The options and the rest are the kit's
 * business.
 */
function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== "object" || value === null) return false;
  const { kind, name, plan } = value as Partial<Record<keyof Plugin<Kind>, unknown>>;
  return KINDS.some((known) => known === kind) && typeof name === "string" && typeof plan === "function";
}

/** What a value is instead of a plugin. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  return typeof value === "object" ? "an object that is no plugin" : `a ${typeof value}`;
}

/** An error of the person's file with its class, which says most of what went wrong. */
function reason(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
