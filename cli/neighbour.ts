/**
 * "Did you mean" for files and folders. A path that is not there is followed down to its first missing part;
 * the entry beside it whose name is nearly the same is taken, if the rest of the path lies below it.
 *
 * Nearly the same is narrower than for words of a recipe: `a.png` beside `b.png` is another file, no mistake.
 */
import { basename, dirname, extname, isAbsolute, join, relative } from "node:path";
import { nearest } from "../core/suggest.ts";

/**
 * `; did you mean "my game/images"?`, or "" where nothing near lies there, or the folder cannot be listed.
 * @param path absolute, of something that is not there
 * @param cwd what the suggestion is shown from when it lies below; absent: it is shown as its name alone where
 *   only that differs
 */
export async function neighbour(path: string, cwd?: string): Promise<string> {
  const found = await nearTo(path);
  if (found === undefined) return "";
  const short = cwd === undefined ? basename(found) : relative(cwd, found);
  const below = short !== "" && !short.startsWith("..") && !isAbsolute(short);
  const named = cwd === undefined && dirname(found) !== dirname(path) || !below ? found : short;
  return `; did you mean "${named}"?`;
}

/** The path that is nearest to one that is not there, absolute. */
async function nearTo(path: string): Promise<string | undefined> {
  let [folder, missing, rest] = [dirname(path), basename(path), ""];
  while (!await exists(folder)) {
    if (dirname(folder) === folder) return undefined;
    [folder, missing, rest] = [dirname(folder), basename(folder), join(missing, rest)];
  }
  const name = await nearName(folder, missing);
  if (name === undefined) return undefined;
  const whole = join(folder, name, rest);
  return await exists(whole) ? whole : undefined;
}

/** The entry of a folder with nearly this name. */
async function nearName(folder: string, name: string): Promise<string | undefined> {
  const stems = new Map<string, string>();
  try {
    for await (const entry of Deno.readDir(folder)) {
      // Of equal stems the first in alphabetical order.
      const stem = stemOf(entry.name);
      const known = stems.get(stem);
      if (known === undefined || entry.name < known) stems.set(stem, entry.name);
    }
  } catch {
    return undefined;
  }
  const wanted = stemOf(name);
  const near = nearest(wanted, [...stems.keys()]);
  // A name of few letters is near to every other one.
  if (near === undefined || near !== wanted && wanted.length < 6) return undefined;
  return stems.get(near);
}

/** A name without its ending and what people mistake: capitals, blanks, and the signs between words. */
function stemOf(name: string): string {
  return basename(name, extname(name)).toLowerCase().replace(/[\s_.-]+/g, "");
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
