/**
 * From a recipe's text to a {@linkcode RunPlan}. The stations, each a file of this folder:
 *
 * 1. `locate.ts` parses YAML into a tree whose nodes remember the line that they were written on.
 * 2. `merge.ts` lays the recipe over those it `extends`, and each `--set` over the result. Nodes keep
 *    their line, so a value that came from the third recipe up is still reported there.
 * 3. `used_files.ts` imports the person's own plugin files, the only step that may run code.
 * 4. `plan_recipe.ts` goes through the sections; zod schemas (`sections.ts`, `recipe.ts` and the
 *    plugins') check them, `explain.ts` turns what zod says into sentences, and `findings.ts` collects these.
 * 5. When there is anything in the collection, all of it is thrown at once; else the plan is returned.
 *
 * Mistakes that leave no tree to look at end the reading at once: text that is no YAML, a chain of `extends`
 * that cannot be followed, a change or a `--set` of an entry that does not exist. Everything else is
 * collected.
 *
 * Nothing here touches data or tensors, so `plca check` needs neither.
 */
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { ConfigError, type ConfigPath, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { suggestion } from "../core/suggest.ts";
import { messageOf } from "../core/words.ts";
import { EMBEDDED, embeddedRecipe, isMethod, isRecipeName, methodHint, methodPaths } from "./embedded.ts";
import { Findings } from "./findings.ts";
import { find, locate, type Located, type LocatedMapping, parseYaml } from "./locate.ts";
import { applySet, flattenDatasets, merge } from "./merge.ts";
import { planRecipe } from "./plan_recipe.ts";
import { importUsed, withAbsoluteFiles } from "./used_files.ts";

/** What is loaded: a file, or a text in the place of a file. */
export interface RecipeSource {
  /**
   * A path, relative to {@linkcode LoadOptions.cwd} or absolute, or a bare name such as `street` for an
   * embedded recipe. With `text`, it only says what the text is called and where its relative paths start.
   */
  readonly path: string;
  /** The YAML itself; absent: the file at `path` is read. */
  readonly text?: string;
}

/** What loading may use. */
export interface LoadOptions {
  /** The plugins that recipes may name. */
  readonly registry: Registry;
  /** `path=value`, in the order given; the value is YAML. */
  readonly overrides?: readonly string[];
  /** Reads a recipe; `path` is absolute. Its error's message tells the person why it failed. */
  readText(path: string): Promise<string>;
  /** Imports a user's file; undefined: it is not run. Absent: `use:` is an error. @throws UserError */
  importPlugin?(path: string): Promise<readonly Plugin[] | undefined>;
  /** Absolute; relative paths given by the person start here. */
  readonly cwd: string;
  /** Laid under the recipe instead of the one it extends: a path, or the name of an embedded recipe. */
  readonly base?: string;
}

/**
 * Reads, merges and checks a recipe. No data file is opened and no tensor is made; the only files read are
 * recipes (by `readText`) and, through `importPlugin`, the person's plugins.
 * @returns the plan, its `resolved` complete: every default filled in, every path absolute
 * @throws ConfigError with every mistake at once, each as `file:line:col path: message`
 * @throws UserError when the recipe itself cannot be read, or no embedded recipe has that name
 */
export async function loadRecipe(source: RecipeSource, options: LoadOptions): Promise<RunPlan> {
  const path = await recipePath(source, options);
  let root: Located;
  try {
    const text = source.text ?? await options.readText(path);
    root = await readChain({ path, text, chain: [] }, options);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const cause = error instanceof Error ? error : new Error(String(error));
    throw new UserError(`the recipe ${display(path, options.cwd)} cannot be read: ${cause.message}`, {
      cause,
    });
  }
  const findings = new Findings(withAbsoluteFiles(applySets(root, options)));
  const user = await importUsed(findings, options);
  const stem = basename(path).replace(/\.ya?ml$/, "");
  try {
    return planRecipe(findings, { registry: options.registry, user, stem });
  } catch (error) {
    throw isMethod(path) ? withMethodHint(error, path, options.cwd) : error;
  }
}

/** A method that lacks data was most likely meant for data of one's own. */
function withMethodHint(error: unknown, path: string, cwd: string): unknown {
  if (!(error instanceof ConfigError) || error.issues.every((issue) => issue.path[0] !== "data")) {
    return error;
  }
  const shown = display(path, cwd);
  const message = methodHint(basename(path, ".yaml"), shown);
  return new ConfigError([...error.issues, { path: [], position: shown, message }]);
}

/** Applies every `--set` in the order given, then complains about all of them that failed together. */
function applySets(root: Located, { overrides = [], cwd }: LoadOptions): Located {
  const issues = [];
  for (const text of overrides) {
    try {
      root = flattenDatasets(applySet(root, text, cwd));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues);
    }
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return root;
}

async function recipePath({ path, text }: RecipeSource, options: LoadOptions): Promise<string> {
  if (text === undefined && isRecipeName(path)) {
    const embedded = embeddedRecipe(path);
    if (embedded !== undefined) return embedded;
    const open = options.overrides?.find((override) => !override.includes("="));
    // A blank in the place of `=` makes a recipe of the value.
    if (open !== undefined) {
      throw new UserError(`--set ${open}: expected path=value without a blank, as in --set ${open}=${path}`);
    }
    throw new UserError(`there is no recipe called "${path}"${await insteadOf(path, options)}`);
  }
  return resolve(options.cwd, path);
}

/** What a name that is no recipe's may mean: a method, or a recipe that was mistyped. */
async function insteadOf(name: string, { readText, cwd }: LoadOptions): Promise<string> {
  for (const file of methodPaths(name)) {
    const found = await readText(file).then(() => true, () => false);
    if (found) return `; ${methodHint(name, display(file, cwd))}`;
  }
  return suggestion(name, EMBEDDED);
}

/** Paths below the current folder are shown from there. */
function display(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}

/** A file on the chain of `extends`. */
interface Link {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** The recipes that led here, absolute. */
  readonly chain: readonly string[];
}

/**
 * The recipe with everything it extends laid below it. Of a list `extends: [a, b]`, `a` is followed up its
 * own chain, while `b` is a layer: only what the file `b` says itself counts, not what `b` extends. So a
 * method can be written as a full recipe and also be laid onto another dataset's recipe.
 * @throws ConfigError for a circle, and for a base that cannot be read, at the place that names it
 */
async function readChain({ path, text, chain }: Link, options: LoadOptions): Promise<Located> {
  const { cwd } = options;
  const own = ownPart({ path, text }, cwd);
  if (chain.length === 0 && options.base !== undefined) {
    const base = await recipePath({ path: options.base }, options);
    const baseText = await options.readText(base);
    return laidOn(await readChain({ path: base, text: baseText, chain: [path] }, options), own);
  }
  const seen = [...chain, path];
  let whole: Located | undefined;
  for (const { base, refuse } of await basesOf(own, path, options)) {
    if (seen.includes(base)) {
      throw refuse(
        `a recipe cannot extend itself: ${[...seen, base].map((file) => basename(file)).join(" -> ")}`,
      );
    }
    let baseText: string;
    try {
      baseText = await options.readText(base);
    } catch (error) {
      throw refuse(`${display(base, cwd)} cannot be read: ${messageOf(error)}`);
    }
    const link = { path: base, text: baseText, chain: seen };
    // The first one is a whole recipe; of the others counts what they say themselves.
    whole = whole === undefined ? await readChain(link, options) : laidOn(whole, ownPart(link, cwd));
  }
  return whole === undefined ? own : laidOn(whole, own);
}

/** What one file says, without its bases. @throws ConfigError when it is not a mapping */
function ownPart({ path, text }: Pick<Link, "path" | "text">, cwd: string): LocatedMapping {
  const own = flattenDatasets(parseYaml({ name: display(path, cwd), folder: dirname(path), text }));
  if (own.kind === "mapping") return own;
  throw new ConfigError([{
    path: [],
    position: own.where,
    message: `a recipe is a mapping with keys such as data, model and losses: this is a ${
      own.kind === "sequence" ? "list" : "single value"
    }`,
  }]);
}

interface Base {
  /** Absolute. */
  readonly base: string;
  /** An error that stands where the recipe names it. */
  readonly refuse: (message: string) => ConfigError;
}

/** The recipes that `extends` names, in their order. @throws ConfigError */
async function basesOf(
  own: LocatedMapping,
  path: string,
  options: LoadOptions,
): Promise<readonly Base[]> {
  const parent = find(own, ["extends"]);
  if (parent === undefined) return [];
  const items = parent.kind === "sequence" ? parent.items : [parent];
  const refuseAt = (at: ConfigPath) => (message: string) =>
    new ConfigError([{ path: at, position: locate(own, at).where, message }]);
  if (items.length === 0) throw refuseAt(["extends"])("expected at least one recipe");
  return await Promise.all(items.map(async (item, k) => {
    const refuse = refuseAt(parent.kind === "sequence" ? ["extends", k] : ["extends"]);
    if (item.kind !== "scalar" || typeof item.value !== "string" || item.value === "") {
      throw refuse(`expected the path of a recipe, or one of ${EMBEDDED.join(", ")}`);
    }
    const base = isRecipeName(item.value) ? embeddedRecipe(item.value) : resolve(dirname(path), item.value);
    if (base !== undefined) return { base, refuse };
    throw refuse(`there is no recipe called "${item.value}"${await insteadOf(item.value, options)}`);
  }));
}

/**
 * A recipe over its base. The base's `name` is dropped first: a recipe without a name is called after its own
 * file.
 */
function laidOn(parent: Located, own: LocatedMapping): Located {
  if (parent.kind !== "mapping" || own.entries.has("name")) return merge(parent, own);
  const entries = new Map(parent.entries);
  entries.delete("name");
  return merge({ ...parent, entries }, own);
}
