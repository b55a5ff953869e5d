/** Lists may come from anywhere: what they name must lie where the data does. */
import { DataError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";

/**
 * A reader of files below `folders` alone; symbolic links are followed before it is decided.
 * @param folders absolute; those that do not exist hold nothing
 * @returns a reader that throws DataError for any other file
 */
export function containedIn(files: FileReader, folders: readonly string[]): FileReader {
  let roots: Promise<readonly string[]> | undefined;
  // What does not exist leads nowhere: reading it says so.
  const real = async (path: string) => (await files.realPath?.(path)) ?? lexical(path);
  const requireInside = async (path: string) => {
    roots ??= Promise.all([...folders.map(real), ...folders.map(lexical)]);
    const place = await real(path);
    if ((await roots).some((root) => isBelow(place, root))) return;
    throw new DataError(
      path,
      `it lies outside ${[...new Set(folders)].join(" and ")}${place === path ? "" : `, at ${place}`}; ` +
        "a list may only name files below the data's folder",
    );
  };
  return {
    ...files,
    list: (folder) => files.list(folder),
    async read(path) {
      await requireInside(path);
      return await files.read(path);
    },
    ...(files.head === undefined ? {} : {
      async head(path: string, bytes: number) {
        await requireInside(path);
        return await files.head!(path, bytes);
      },
    }),
  };
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(/[\\/]$/.test(root) ? root : `${root}/`);
}

/** Without `.` and `..`. */
function lexical(path: string): string {
  const parts: string[] = [];
  for (const part of path.split(/[\\/]/)) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
