/**
 * Checksums of the files that a job left, so that a run that goes on later notices a changed or lost one.
 *
 * jobs.ts writes them into `done.json` and compares them on resume. Only the content counts, not the time of
 * a file, so a copied run folder is as good as the first one.
 */
import { createHash } from "node:crypto";
import { DataError } from "../core/errors.ts";

/** The file in a job's folder that says that the job is done, and holds the checksums of what it left. */
export const DONE = "done.json";

/** The SHA-256 of every file below a folder but {@linkcode DONE}, by its path in the folder, sorted. */
export async function digests(folder: string): Promise<Readonly<Record<string, string>>> {
  const sums: Record<string, string> = {};
  const visit = async (inner: string) => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(`${folder}/${inner}`)) {
      const path = `${inner}${name}`;
      if (isDirectory) await visit(`${path}/`);
      else if (isFile && path !== DONE) sums[path] = digest(await Deno.readFile(`${folder}/${path}`));
    }
  };
  await visit("");
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => a < b ? -1 : 1));
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Compares the files of a job's folder with the checksums in {@linkcode DONE}.
 * @param job the job's name, for errors
 * @throws DataError that names the first file that is missing or not as the job left it
 */
export async function requireUnchanged(folder: string, job: string): Promise<void> {
  const path = `${folder}/${DONE}`;
  let files: Readonly<Record<string, string>>;
  try {
    // Older versions of plca wrote no checksums.
    files = JSON.parse(await Deno.readTextFile(path)).files ?? {};
  } catch (cause) {
    throw new DataError(
      path,
      `is missing or damaged: it says what the job "${job}" left; put it back, or begin the run anew`,
      { cause },
    );
  }
  for (const [name, expected] of Object.entries(files)) {
    const file = `${folder}/${name}`;
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(file);
    } catch (cause) {
      throw new DataError(
        file,
        `is missing: the job "${job}" left it, and its phase reads it; put it back, or begin the run anew`,
        { cause },
      );
    }
    if (digest(bytes) === expected) continue;
    throw new DataError(
      file,
      `has changed since the job "${job}" left it; put back what it was, or begin the run anew`,
    );
  }
}
