import { loadRecipe } from "../config/load.ts";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import { builtins } from "../builtins.ts";
import type { Host } from "./host.ts";
import { importPlugin } from "./import_plugin.ts";

/** Reads a text file. @throws UserError that says why it cannot be read, without the path */
export async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new UserError(reason(cause), { cause });
  }
}

/** What a failed file operation means. */
export function reason(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file";
  if (cause instanceof Deno.errors.IsADirectory) return "it is a folder, expected a file";
  if (cause instanceof Deno.errors.NotADirectory) return "a part of its path is a file, expected a folder";
  if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** The plan of a recipe, with the built-in plugins and the files it names. @throws UserError */
export function planOf(host: Host, path: string, overrides: readonly string[]): Promise<RunPlan> {
  return loadRecipe({ path }, { registry: builtins(), overrides, readText, importPlugin, cwd: host.cwd });
}
