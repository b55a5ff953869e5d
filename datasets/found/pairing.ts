/**
 * Which image and which label file belong together, found from their names alone.
 *
 * People name files in many ways: `a.jpg` with `a.png`, `a_rgb.png` with `a_gtFine_labelIds.png`, `img_7.png`
 * with `mask_7.png`. The endings that occur often are tried in all combinations, and the pair of endings
 * under which most files match wins. Only where that finds nothing are common beginnings taken off, which a
 * recipe's suffixes cannot express, so that case needs a list. Pure.
 */
import { stem } from "../file_pairs.ts";
import { IMAGES } from "../image_files.ts";

/** The files below two folders, as relative paths with `/`. */
export interface FoundFiles {
  readonly images: readonly string[];
  readonly labels: readonly string[];
  /** Whether both are the same folder: a file is then never its own label. */
  readonly together: boolean;
}

/** An image and its label file, each below its folder. */
export interface FoundPair {
  readonly image: string;
  readonly labels: string;
}

/** How the files of two folders belong together, and which are left over. */
export interface Pairing {
  /** In the order of the images' names. */
  readonly pairs: readonly FoundPair[];
  /** How the names of images and labels end before the extension. */
  readonly imageSuffix: string;
  readonly labelSuffix: string;
  /** Whether names differ at their beginning too, which only a list can say. */
  readonly prefixed: boolean;
  /** Images without a label file. */
  readonly unlabelled: readonly string[];
  /** Label files without an image. */
  readonly orphans: readonly string[];
  /** Images passed over because another one has the same name but for its extension. */
  readonly competing: readonly string[];
}

/** Files that can be an image, by their extension. */
export const IMAGE = IMAGES.test;

/** Files that can hold labels, by their extension. */
export const LABELS = /\.png$/i;

/** Whether the file, or a folder it lies in, is hidden: macOS writes `._x.png` beside `x.png`. */
export function isHidden(name: string): boolean {
  return /(^|\/)\./.test(name);
}

/**
 * Pairs files by their names: paths must agree once an ending (`_rgb`, `_gtFine_labelIds`) is taken off, or
 * where that finds nothing, a beginning (`img_`, `mask_`) as well. The endings that pair most files win. No
 * pair: `pairs` is empty.
 */
export function pairFiles({ images, labels, together }: FoundFiles): Pairing {
  const seen = {
    images: images.filter((name) => IMAGE.test(name) && !isHidden(name)),
    labels: labels.filter((name) => LABELS.test(name) && !isHidden(name)),
    together,
  };
  const bare = { images: "", labels: "" };
  const plain = bestOf(seen, bare);
  if (plain.pairs.length > 0) return plain;
  return bestOf(seen, { images: beginning(seen.images), labels: beginning(seen.labels) });
}

/**
 * Splits images into the first of each name and those that differ from one before only in their extension.
 */
export function withoutRivals(
  images: readonly string[],
): { readonly first: string[]; readonly rivals: string[] } {
  const names = new Set<string>();
  const first: string[] = [], rivals: string[] = [];
  for (const image of images) {
    const name = stem(image).normalize("NFC");
    (names.has(name) ? rivals : first).push(image);
    names.add(name);
  }
  return { first, rivals };
}

/** What is taken off at the beginning of names. */
interface Beginnings {
  readonly images: string;
  readonly labels: string;
}

/** What is taken off at the end of names, and at their beginning. */
interface Endings extends Beginnings {
  readonly begin: Beginnings;
}

/** The pairing under the endings that pair most files. */
function bestOf(files: FoundFiles, begin: Beginnings): Pairing {
  const choices: Endings[] = [];
  for (const image of ["", ...endings(files.images)]) {
    for (const label of ["", ...endings(files.labels)]) {
      choices.push({ images: image, labels: label, begin });
    }
  }
  let best: { readonly count: number; readonly choice: Endings } | undefined;
  for (const choice of choices) {
    const count = paired(files, choice).size;
    if (!best || count > best.count || (count === best.count && isBetter(choice, best.choice))) {
      best = { count, choice };
    }
  }
  return pairingOf(files, best!.choice);
}

/** Of two choices that pair as many: names that speak of labels, then the shorter one. */
function isBetter(one: Endings, other: Endings): boolean {
  const [rank, otherRank] = [rankOf(one.labels), rankOf(other.labels)];
  if (rank !== otherRank) return rank < otherRank;
  const length = ({ images, labels }: Endings) => images.length + labels.length;
  return length(one) < length(other);
}

function rankOf(ending: string): number {
  if (/colou?r|instance|overlay|visual|rgb|depth/i.test(ending)) return 2;
  return /label|mask|seg|annot|class|ids?$|^_?(gt|l)$/i.test(ending) ? 0 : 1;
}

/** Of more names than this, an even selection is counted: endings repeat. */
const COUNTED = 2000;

/** The most endings that are tried on each side. */
const TRIED = 8;

/** Endings that begin with a separator and that many names have, the most frequent first. */
function endings(names: readonly string[]): string[] {
  const some = names.length <= COUNTED
    ? names
    : Array.from({ length: COUNTED }, (_, k) => names[Math.floor(k * names.length / COUNTED)]!);
  const counts = new Map<string, number>();
  for (const name of some) {
    const base = baseOf(name);
    for (const { index } of base.matchAll(/(?<=.)[_\-. ]/g)) {
      const tail = base.slice(index);
      counts.set(tail, (counts.get(tail) ?? 0) + 1);
    }
  }
  const least = some.length === 1 ? 1 : Math.max(2, some.length / 10);
  return [...counts].filter(([, count]) => count >= least)
    .toSorted(([a, x], [b, y]) => y - x || b.length - a.length || (a < b ? -1 : 1))
    .slice(0, TRIED).map(([tail]) => tail);
}

function baseOf(name: string): string {
  return stem(name.slice(name.lastIndexOf("/") + 1));
}

/** What all names begin with, without digits at its end, which count. */
function beginning(names: readonly string[]): string {
  if (names.length < 2) return /^\D*/.exec(baseOf(names[0] ?? ""))![0];
  const bases = names.map(baseOf);
  let common = bases[0]!;
  for (const base of bases) {
    while (!base.startsWith(common)) common = common.slice(0, -1);
  }
  return common.replace(/\d+$/, "");
}

/** The path without beginning and ending; undefined when the name has not both. */
function keyOf(name: string, begin: string, end: string): string | undefined {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const base = baseOf(name);
  if (base.length < begin.length + end.length || !base.startsWith(begin) || !base.endsWith(end)) {
    return undefined;
  }
  // macOS keeps names in Unicode's form D.
  return (folder + base.slice(begin.length, base.length - end.length)).normalize("NFC");
}

/** From image to label file, under a choice of endings; a label file is used once. */
function paired(files: FoundFiles, { images, labels, begin }: Endings): Map<string, string> {
  const byKey = new Map<string, string>();
  for (const name of files.labels) {
    const key = keyOf(name, begin.labels, labels);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, name);
  }
  const found = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of files.images) {
    const key = keyOf(name, begin.images, images);
    const label = key === undefined ? undefined : byKey.get(key);
    if (label === undefined || taken.has(label) || (files.together && label === name)) continue;
    found.set(name, label);
    taken.add(label);
  }
  // In one folder a file is an image or a label file, not both.
  if (files.together) {
    for (const image of [...found.keys()]) if (taken.has(image)) found.delete(image);
  }
  return found;
}

function pairingOf(files: FoundFiles, choice: Endings): Pairing {
  const found = paired(files, choice);
  const used = new Set(found.values());
  const others = files.images.filter((name) => !found.has(name) && !(files.together && used.has(name)));
  const names = new Set([...found.keys()].map(stem));
  const competes = (name: string) => names.has(stem(name));
  const isImage = (name: string) => keyOf(name, choice.begin.images, choice.images) !== undefined;
  return {
    pairs: [...found].map(([image, labels]) => ({ image, labels })),
    imageSuffix: choice.images,
    labelSuffix: choice.labels,
    prefixed: choice.begin.images !== choice.begin.labels,
    unlabelled: others.filter((name) => isImage(name) && !competes(name)),
    orphans: files.together
      ? []
      : files.labels.filter((name) =>
        !used.has(name) && keyOf(name, choice.begin.labels, choice.labels) !== undefined
      ),
    competing: others.filter(competes),
  };
}
