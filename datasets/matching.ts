/**
 * Sorting the names of a folder: which are of the wanted kind, which have the suffix, and which share an id.
 */
import type { FileKind } from "./image_files.ts";
import { stem } from "./file_pairs.ts";

/**
 * The files of a folder, sorted by what they are good for. Keys are paths without suffix and extension, in
 * Unicode's normal form C: macOS stores names in form D, so the same name typed on two systems would else be
 * two.
 */
export interface Matches {
  /**
   * Files of the kind by key, in the order of the names. Of several with one key the first stands here, and
   * all of them in `competing`.
   */
  readonly found: ReadonlyMap<string, string>;
  /** All files of each key that more than one file has. */
  readonly competing: ReadonlyMap<string, readonly string[]>;
  /** Files of another kind. */
  readonly otherKind: readonly string[];
  /** Files of the kind, without the suffix. */
  readonly otherSuffix: readonly string[];
}

/**
 * Sorts names. Hidden files, and those in hidden folders, do not count: macOS writes `._x.png` beside
 * `x.png`.
 */
export function matching(names: readonly string[], { test }: FileKind, suffix: string): Matches {
  const found = new Map<string, string>();
  const competing = new Map<string, string[]>();
  const otherKind: string[] = [], otherSuffix: string[] = [];
  const ending = normalForm(suffix);
  for (const name of names) {
    if (isHidden(name)) continue;
    const key = normalForm(stem(name));
    if (!test.test(name)) otherKind.push(name);
    else if (!key.endsWith(ending)) otherSuffix.push(name);
    else {
      const id = key.slice(0, key.length - ending.length);
      const first = found.get(id);
      if (first === undefined) found.set(id, name);
      else competing.set(id, [...competing.get(id) ?? [first], name]);
    }
  }
  return { found, competing, otherKind, otherSuffix };
}

/** Whether a file or a folder on the way to it is hidden. */
export function isHidden(name: string): boolean {
  return /(^|\/)\./.test(name);
}

/** A name in Unicode's normal form C, so that names that look the same are the same. */
export function normalForm(name: string): string {
  return name.normalize("NFC");
}
