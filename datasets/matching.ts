import { stem } from "./file_pairs.ts";

/**
 * The files with an extension and a suffix, by their path without both, in the order of `names`. Hidden files, and those
 * in hidden folders, do not count: macOS writes `._x.png` beside `x.png`.
 */
export function matching(names: readonly string[], extension: RegExp, suffix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const key = stem(name);
    if (extension.test(name) && key.endsWith(suffix) && !/(^|\/)\./.test(name)) {
      found.set(key.slice(0, key.length - suffix.length), name);
    }
  }
  return found;
}
