import type { FileKind } from "./image_files.ts";
import { stem } from "./file_pairs.ts";

/** The files of a folder, sorted by what they are good for. */
export interface Matches {
  /**
   * The files of the kind, by their path without extension and suffix, in the order of the names. Of more than one that share
   * a path the first, the others compete with it. Keys are in Unicode's normal form C: macOS keeps names in form D.
   */
  readonly found: ReadonlyMap<string, string>;
  /** All files of the paths that more than one file has. */
  readonly competing: ReadonlyMap<string, readonly string[]>;
  /** Of another kind. */
  readonly otherKind: readonly string[];
  /** Without the suffix. */
  readonly otherSuffix: readonly string[];
}

/** Sorts names. Hidden files, and those in hidden folders, do not count: macOS writes `._x.png` beside `x.png`. */
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

/** Names that look the same are the same: Unicode's normal form C. */
export function normalForm(name: string): string {
  return name.normalize("NFC");
}
