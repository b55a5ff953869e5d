/** What a job left, file by file, so that a run that goes on later knows when something was changed. */
import { createHash } from "node:crypto";
import { DataError } from "../core/errors.ts";

/** In a job's folder: says that the job is done, and what it left. */
export const DONE = "done.json";

/** The SHA-256 of every file below a folder but {@linkcode DONE}, by its path in the folder, sorted. */
export async function digests(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const visit = async (inner: string) => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(`${folder}/${inner}`)) {
      const path = `${inner}${name}`;
      if (isDirectory) await visit(`${path}/`);
      else if (isFile && path !== DONE) found[path] = digest(await Deno.readFile(`${folder}/${path}`));
    }
  };
  await visit("");
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1));
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @param job its name @throws DataError that names a file that is missing or not as the job left it */
export async function requireUnchanged(folder: string, job: string): Promise<void> {
  const path = `${folder}/${DONE}`;
  let files: Readonly<Record<string, string>>;
  try {
    // Older versions wrote none.
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
