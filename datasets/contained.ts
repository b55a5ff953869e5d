/**
 * Lists of files may come from strangers. What a list names must lie where the data does, or a list could
 * make a run read, and show in a report, any file of the person.
 */
import { DataError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { below } from "./file_pairs.ts";
import { finder, plainPath } from "./places.ts";

/**
 * A reader that reads below `folders` alone; all else throws. Paths count as written, with `..` taken back;
 * links below the folders are followed, since the person who set up the folder made them, not the list. A
 * file whose name has another Unicode form is found.
 * @param folders absolute; those that do not exist hold nothing
 * @returns a reader that throws DataError for any other file
 */
export function containedIn(files: FileReader, folders: readonly string[]): FileReader {
  const find = finder(files);
  const lexical = folders.map(plainPath);
  let real: Promise<readonly string[]> | undefined;
  const realOnes = () =>
    real ??= Promise.all(folders.map(async (folder) => (await files.realPath?.(folder)) ?? folder));
  /**
   * The folder that holds a path, and the path; one that leads there by links from elsewhere by its real
   * name.
   */
  const placed = async (path: string) => {
    const place = plainPath(path);
    const home = lexical.find((folder) => isBelow(place, folder));
    if (home !== undefined) return { home, place };
    const actual = await files.realPath?.(place) ?? place;
    const other = (await realOnes()).find((folder) => isBelow(actual, folder));
    if (other !== undefined) return { home: other, place: actual };
    throw new DataError(path, outside(place, [...new Set(folders)]));
  };
  /** Where to read what is called so. */
  const actual = async (path: string) => {
    const { home, place } = await placed(path);
    const inside = place.slice(home.length).replace(/^[\\/]+/, "");
    return inside === "" ? path : below(home, await find(home, inside) ?? inside);
  };
  return {
    ...files,
    list: (folder, onUnlisted) => files.list(folder, onUnlisted),
    async read(path) {
      return await files.read(await actual(path));
    },
    ...(files.head === undefined ? {} : {
      async head(path: string, bytes: number) {
        return await files.head!(await actual(path), bytes);
      },
    }),
  };
}

function outside(place: string, folders: readonly string[]): string {
  const parent = commonFolder([place, folders[0]!]);
  const remedy = parent === "" ? "" : `; \`data.root: ${parent}\` would hold both`;
  return `it lies outside ${
    folders.join(" and ")
  }; a list may only name files below the data's folder${remedy}`;
}

/** The folder that holds both paths; "" where it is the disk's root or another disk. */
function commonFolder(paths: readonly [string, string]): string {
  const [one, other] = paths.map((path) => path.split(/[\\/]/));
  const differs = one!.findIndex((part, k) => part !== other![k]);
  return one!.slice(0, differs < 0 ? -1 : differs).join("/");
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(/[\\/]$/.test(folder) ? folder : `${folder}/`);
}
