import { loadRecipe } from "../config/load.ts";
import { UserError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Plugin } from "../core/plugin.ts";
import { megabytes, reason } from "../core/words.ts";
import { builtins } from "../builtins.ts";
import type { Host } from "./host.ts";
import { importPlugin } from "./import_plugin.ts";

/** Of a recipe, or any other text that plca reads whole, in bytes. */
const LARGEST_TEXT = 16e6;

/** Reads a text file of at most 16 MB. @throws UserError that says why it cannot be read, without the path */
export async function readText(path: string): Promise<string> {
  try {
    const found = await Deno.stat(path);
    const other = notAFile(found);
    if (other !== undefined) throw new UserError(`it is ${other}, expected a file`);
    if (found.size > LARGEST_TEXT) {
      throw new UserError(
        `it has ${megabytes(found.size)}, expected at most ${LARGEST_TEXT / 1e6} MB`,
      );
    }
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(reason(cause), { cause });
  }
}

/** Which recipe is planned, and how. */
export interface RecipeChoice {
  readonly path: string;
  readonly overrides: readonly string[];
  /** Laid under the recipe instead of the one it extends. */
  readonly base?: string;
}

/** The plan of a recipe, with the built-in plugins and the losses in the files it names, which are run. @throws UserError */
export function planOf(host: Host, choice: RecipeChoice): Promise<RunPlan> {
  return planWith(host, { ...choice, readText, importPlugin });
}

/** What {@linkcode planUnrun} plans. */
export interface Unrun extends RecipeChoice {
  /** Called with the absolute path of every plugin file. */
  readonly onFile?: (path: string) => void;
  /** Whether a file that is not there is a mistake of the recipe; absent: it is not looked for. */
  readonly requireFiles?: boolean;
  /** Called with the absolute path of the recipe and of every one that it extends. */
  readonly onRecipe?: (path: string) => void;
}

/**
 * The same for commands that train nothing: the files of losses are neither run nor opened, so a recipe from a stranger is
 * safe to look at. Their losses have any options, and what else such files may define any name; none of it can be
 * used. @throws UserError
 */
export function planUnrun(
  host: Host,
  { onFile, onRecipe, requireFiles, ...choice }: Unrun,
): Promise<RunPlan> {
  return planWith(host, {
    ...choice,
    readText(path) {
      onRecipe?.(path);
      return readText(path);
    },
    async importPlugin(file) {
      onFile?.(file);
      const found = !requireFiles || await Deno.stat(file).then(({ isFile }) => isFile, () => false);
      if (!found) throw new UserError(`${file}: there is no such file`);
      return undefined;
    },
  });
}

interface Planning extends RecipeChoice {
  readText(path: string): Promise<string>;
  importPlugin(path: string): Promise<readonly Plugin[] | undefined>;
}

function planWith(host: Host, { path, ...options }: Planning): Promise<RunPlan> {
  return loadRecipe({ path }, { ...options, registry: builtins(), cwd: host.cwd });
}
