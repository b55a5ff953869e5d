/**
 * The folder that the recipe's paths start at. A wrong `data.root` shows as a missing file deep below it;
 * here that is traced back to the root, so that the error names what the person has to change.
 */
import { DataError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { isAbsolute } from "./file_pairs.ts";

/**
 * Does what needs files below `data.root`. When it fails with a DataError, the root is looked at, and if it
 * is missing or empty, that is the error instead. The root is not listed beforehand: it may hold far more
 * than the recipe asks for.
 * @param paths what is looked for; where all are absolute, the root does not matter
 * @throws DataError when the data root does not exist, is empty or was not given
 */
export async function belowRoot<T>(
  { files, root, paths }: {
    readonly files: FileReader;
    readonly root: string;
    readonly paths: readonly string[];
  },
  work: () => Promise<T>,
): Promise<T> {
  const needed = paths.some((path) => !isAbsolute(path));
  if (needed && root === "") {
    throw new DataError("data.root", "it is not set; expected the folder that holds the data");
  }
  try {
    return await work();
  } catch (error) {
    if (needed && error instanceof DataError) await requireRoot(files, root);
    throw error;
  }
}

async function requireRoot(files: FileReader, root: string): Promise<void> {
  // Not one name more than it takes to know that there are some.
  if (files.entries !== undefined && (await files.entries(root)).length > 0) return;
  const named = `data.root ${root}`;
  let names;
  try {
    names = await files.list(root);
  } catch (error) {
    if (!(error instanceof DataError) || error.file !== root) throw error;
    throw new DataError(named, error.message.slice(`${root}: `.length), { cause: error });
  }
  if (names.length === 0) throw new DataError(named, "the folder is empty");
}
