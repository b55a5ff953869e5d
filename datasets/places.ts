/**
 * Where the files lie that lists and recipes name. Names are compared as they look: a name typed on Linux and
 * a file copied from macOS may differ in Unicode's form, and a path with `\` may come from Windows.
 */
import { DataError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { below, isAbsolute, stem } from "./file_pairs.ts";
import { normalForm } from "./matching.ts";

/**
 * Looks for a file below a folder; gives its path there as the disk writes it, undefined when nothing has it.
 */
export type Finder = (folder: string, path: string) => Promise<string | undefined>;

/** A folder that is asked for more names than this is listed. */
const FEW = 64;

/**
 * Finds files by their names or, where nothing is called exactly so, by names that look the same. A folder is
 * asked name by name at first and listed only once many of its names were asked for. A dead link is found:
 * reading it says what it is.
 */
export function finder(files: FileReader): Finder {
  const folders = new Map<string, Asked>();
  const trees = new Map<string, Promise<readonly string[]>>();
  const asked = (folder: string): Asked => {
    const known = folders.get(folder) ?? { times: 0 };
    folders.set(folder, known);
    return known;
  };
  const namesIn = (folder: string) => {
    const known = asked(folder);
    known.names ??= entriesOf(files, folder, trees);
    known.forms ??= known.names.then(byForm);
    return known.names;
  };

  /** The name in a folder that looks as this one does; undefined where none or more than one does. */
  const alike = async (folder: string, name: string): Promise<string | undefined> => {
    const names = await namesIn(folder);
    return names.has(name) ? name : (await asked(folder).forms!).get(normalForm(name));
  };
  const walk = async (folder: string, parts: readonly string[]): Promise<string | undefined> => {
    const found: string[] = [];
    for (const part of parts) {
      const name = await alike([folder, ...found].join("/"), part);
      if (name === undefined) return undefined;
      found.push(name);
    }
    return found.join("/");
  };

  return async (folder, path) => {
    const parts = path.split("/");
    const at = [folder, ...parts.slice(0, -1)].join("/");
    const known = asked(at);
    const exact = known.names !== undefined || files.realPath === undefined || ++known.times > FEW
      ? (await namesIn(at)).has(parts.at(-1)!)
      : await files.realPath(`${folder}/${path}`) !== undefined;
    return exact ? path : await walk(folder, parts);
  };
}

/** What is known of a folder. */
interface Asked {
  times: number;
  names?: Promise<ReadonlySet<string>>;
  /** Names by their normal form; undefined where two have one. */
  forms?: Promise<ReadonlyMap<string, string | undefined>>;
}

function byForm(names: ReadonlySet<string>): ReadonlyMap<string, string | undefined> {
  const forms = new Map<string, string | undefined>();
  for (const name of names) {
    const form = normalForm(name);
    forms.set(form, forms.has(form) ? undefined : name);
  }
  return forms;
}

async function entriesOf(
  files: FileReader,
  folder: string,
  trees: Map<string, Promise<readonly string[]>>,
): Promise<ReadonlySet<string>> {
  if (files.entries !== undefined) return new Set(await files.entries(folder));
  const tree = trees.get(folder) ?? files.list(folder).catch((error) => {
    if (error instanceof DataError) return [];
    throw error;
  });
  trees.set(folder, tree);
  return new Set((await tree).map((name) => name.split("/", 1)[0]!));
}

/**
 * A path of the recipe, absolute. Where nothing has the path as written, the name below the root that looks
 * the same is taken.
 */
export async function recipePath(files: FileReader, root: string, written: string): Promise<string> {
  if (files.realPath === undefined || isAbsolute(written) || root === "") return below(root, written);
  if (await files.realPath(below(root, written)) !== undefined) return below(root, written);
  return below(root, await finder(files)(root, plainPath(written)) ?? written);
}

/**
 * A path of a list as it is looked for: `\` is turned round unless a file is called so, `.` is left out, and
 * `..` taken back as written, whatever links are on the way.
 */
export async function pathOf(files: FileReader, root: string, written: string): Promise<string> {
  if (!written.includes("\\")) return plainPath(written);
  const exact = isAbsolute(written) || root === "" ? written : `${root}/${written}`;
  return await files.realPath?.(exact) === undefined ? plainPath(written.replaceAll("\\", "/")) : written;
}

/**
 * Ids of a list's images: their paths without ending, or with it where two of them differ in nothing else.
 */
export function uniqueIds(paths: readonly string[]): (path: string) => string {
  const owners = new Map<string, string>();
  const shared = new Set<string>();
  for (const path of paths) {
    const id = idOf(path), owner = owners.get(id);
    if (owner === undefined) owners.set(id, path);
    else if (owner !== path) shared.add(id);
  }
  return (path) => shared.has(idOf(path)) ? normalForm(path.replaceAll("\\", "/")) : idOf(path);
}

function idOf(path: string): string {
  return normalForm(stem(path.replaceAll("\\", "/")));
}

/** A path without `.`, and without each `..` that follows a folder's name. */
export function plainPath(path: string): string {
  if (!/(^|\/)\.{1,2}(\/|$)/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    const last = parts.at(-1);
    if (part === ".." && last !== undefined && last !== "" && last !== "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
