/**
 * Pairs that lack a file. Training refuses them, all in one error; a check lists each of them and
 * goes on with the rest (`onMissing`).
 */
import { DataError } from "../core/errors.ts";
import type { DatasetSetup } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { someOf } from "./faults.ts";
import { below, stem } from "./file_pairs.ts";

/** A file of a pair. */
export interface PairFile {
  /** Below the dataset's folder, or absolute. */
  readonly path: string;
  /** It is not there: who names it, as in `line 3 of train.lst`; "" when only its partner does. */
  readonly missing?: string;
}

/** An image and its labels, found or expected. */
export interface Pair {
  readonly id: string;
  readonly image: PairFile;
  /** Absent: none is named. */
  readonly labels?: PairFile;
}

/**
 * The pairs without those that `exclude` names, by id, by id with extension, or by path.
 * @throws DataError when it names something that is not there: most likely a typo, by which the wanted
 *   image would stay
 */
export function leaveOut(
  pairs: readonly Pair[],
  exclude: readonly string[],
  { title, example }: { readonly title: string; readonly example: string },
): readonly Pair[] {
  if (exclude.length === 0) return pairs;
  const wanted = new Set(exclude), unused = new Set(exclude);
  const kept = pairs.filter((pair) => {
    const named = namesOf(pair).filter((name) => wanted.has(name));
    for (const name of named) unused.delete(name);
    return named.length === 0;
  });
  if (unused.size > 0) {
    const names = someOf([...unused].map((name) => `"${name}"`));
    throw new DataError(
      "exclude",
      `${title} has no image called ${names} here; expected ids as in "${example}"`,
    );
  }
  return kept;
}

function namesOf({ id, image, labels }: Pair): string[] {
  const extension = image.path.slice(stem(image.path).length);
  return [id, `${id}${extension}`, image.path, ...(labels ? [labels.path] : [])];
}

/**
 * Throws what is missing as one error, or hands it to `onMissing` where that is given. Nothing missing:
 * nothing happens.
 */
export function tellMissing(missing: readonly DataError[], onMissing: DatasetSetup["onMissing"]): void {
  const [first, ...others] = missing;
  if (first === undefined) return;
  if (onMissing !== undefined) return onMissing(missing);
  if (others.length === 0) throw first;
  const reason = first.message.slice(`${first.file}: `.length);
  throw new DataError(
    first.file,
    `${reason} (and ${others.length} more: ${someOf(others.map(({ file }) => file))})`,
  );
}

/** How missing files are reported. */
export interface MissingReport {
  /** The dataset's folder. */
  readonly folder: string;
  readonly onMissing: DatasetSetup["onMissing"];
}

/**
 * The pairs that are whole. @throws DataError that names all others together, unless `onMissing` is given
 * them
 */
export function reportMissing(
  pairs: readonly Pair[],
  { folder, onMissing }: MissingReport,
): readonly Pair[] {
  const isWhole = ({ image, labels }: Pair) => image.missing === undefined && labels?.missing === undefined;
  const broken = pairs.filter((pair) => !isWhole(pair));
  if (broken.length === 0) return pairs;
  if (onMissing === undefined) throw new DataError(folder, together(broken, pairs.length));
  onMissing(broken.flatMap((pair) => each(pair, folder)));
  return pairs.filter(isWhole);
}

function together(broken: readonly Pair[], all: number): string {
  const absent = (files: readonly (PairFile | undefined)[], what: string) => {
    const missing = files.filter((file) => file?.missing !== undefined).map((file) => file!);
    if (missing.length === 0) return [];
    const named = missing.map(({ path, missing }) => missing === "" ? path : `${path} in ${missing}`);
    return [`${countOf(missing.length, what)} (${someOf(named)})`];
  };
  const parts = [
    ...absent(broken.map(({ image }) => image), "image"),
    ...absent(broken.map(({ labels }) => labels), "label file"),
  ];
  return `${broken.length} of ${all} pairs lack a file: ${parts.join(" and ")}; ` +
    "complete the download, or leave them out with `exclude` or `list`";
}

function each({ image, labels }: Pair, folder: string): DataError[] {
  const faults: DataError[] = [];
  for (const [file, what] of [[image, "image"], [labels, "label file"]] as const) {
    if (file?.missing === undefined) continue;
    const partner = file === image ? labels : image;
    const why = file.missing !== ""
      ? `${file.missing} names it`
      : `${partner!.path} ${what === "image" ? "has no image without it" : "has no labels without it"}`;
    faults.push(new DataError(below(folder, file.path), `there is no such ${what}; ${why}`));
  }
  return faults;
}
