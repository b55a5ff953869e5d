/**
 * Planning a recipe from the command line. There are two ways, and the choice is about safety: {@linkcode
 * planOf} runs the recipe's plugin files, {@linkcode planUnrun} neither runs nor opens them. Only training
 * needs the first.
 */
import { join } from "node:path";
import { loadRecipe } from "../config/load.ts";
import { UserError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Plugin } from "../core/plugin.ts";
import { megabytes, reason } from "../core/words.ts";
import { CONFIG } from "../run_folder/layout.ts";
import { builtins } from "../builtins.ts";
import type { Host } from "./host.ts";
import { importPlugin } from "./import_plugin.ts";
import { neighbour } from "./neighbour.ts";

/** The most bytes of a recipe, or of any other text that plca reads whole. */
const LARGEST_TEXT = 16e6;

/** Reads a text file of at most 16 MB. @throws UserError that says why it cannot be read, without the path */
export async function readText(path: string): Promise<string> {
  try {
    const found = await Deno.stat(path);
    if (found.isDirectory && await Deno.stat(join(path, CONFIG)).then(() => true, () => false)) {
      throw new UserError(
        `it is the folder of a run, expected a file: its recipe is ${CONFIG} in it, and train --resume goes on with it`,
      );
    }
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
    const near = cause instanceof Deno.errors.NotFound ? await neighbour(path) : "";
    throw new UserError(`${reason(cause)}${near}`, { cause });
  }
}

/** Which recipe is planned, and how. */
export interface RecipeChoice {
  readonly path: string;
  readonly overrides: readonly string[];
  /** Laid under the recipe instead of the one it extends. */
  readonly base?: string;
}

/**
 * The plan of a recipe, with the built-in plugins and those of the files that it names, which are run.
 * @throws UserError
 */
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
 * The plan of a recipe without running its plugin files, so that a stranger's recipe is safe to look at.
 * Their plugins accept any options, an unknown plugin name may be one of theirs, and none of them can be
 * used.
 * @throws UserError
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

/** How the files of a recipe are read, and plugins come from its files. */
interface Planning extends RecipeChoice {
  readText(path: string): Promise<string>;
  importPlugin(path: string): Promise<readonly Plugin[] | undefined>;
}

/** The plan of a recipe, with the built-in plugins. */
function planWith(host: Host, { path, ...options }: Planning): Promise<RunPlan> {
  return loadRecipe({ path }, { ...options, registry: builtins(), cwd: host.cwd });
}
