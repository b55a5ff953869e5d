/**
 * Mean IoUs in words, never without the size at which pixels were counted: the same network has another mIoU
 * at half the size, and a number without its size cannot be compared.
 */
import type { Evaluation, SubsetMean } from "../core/events.ts";
import { countOf, percent } from "../core/words.ts";

/** The means of an evaluation or a validation. */
export interface Means {
  /** In 0..1; null: over nothing. */
  readonly miou: number | null;
  readonly subsets?: readonly SubsetMean[];
  readonly labelSize: string;
}

/**
 * The means in one line, as in `mIoU 45.0 %, mIoU of 16 47.1 %, mIoU* 52.0 % at label size original
 * 2048x1024`.
 */
export function meansText({ miou, subsets = [], labelSize }: Means): string {
  const all = [{ name: "mIoU", miou }, ...subsets];
  return `${all.map(({ name, miou }) => `${name} ${withSign(miou)}`).join(", ")} at label size ${labelSize}`;
}

/** What was counted, as in `40 images of val, pixels counted at size original 160x96; flip`. */
export function countedText({ images, split, labelSize, inference }: Evaluation): string {
  const how = inference === undefined ? "" : `; ${inference}`;
  return `${countOf(images, "image")} of ${split}, pixels counted at size ${labelSize}${how}`;
}

/** A mean over some of the classes, as in `mean of 13 classes, without wall, fence, pole`. */
export function describeSubset(classes: readonly string[], subset: readonly string[]): string {
  const absent = classes.filter((name) => !subset.includes(name));
  return `mean of ${subset.length} classes, without ${absent.join(", ")}`;
}

/**
 * How pixels were counted: one sentence when all variants were evaluated alike, else one for each way with
 * the variants' names.
 */
export function countedNotes(
  variants: readonly { readonly name: string; readonly evaluations: readonly Evaluation[] }[],
): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { name, evaluations } of variants) {
    for (const text of evaluations.map(countedText)) {
      owners.set(text, (owners.get(text) ?? new Set()).add(name));
    }
  }
  if (owners.size === 1) return [...owners.keys()];
  return [...owners].map(([text, names]) => `${[...names].join(", ")}: ${text}`);
}

/**
 * Shares in percent as mean and, from two on, sample standard deviation (divided by n - 1), as in `34.0 ±
 * 1.2`. Nulls are left out; "-" when nothing is left.
 */
export function spread(means: readonly (number | null)[]): string {
  const shares = means.filter((share) => share !== null);
  if (shares.length === 0) return "-";
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const text = (100 * mean).toFixed(1);
  if (shares.length === 1) return text;
  const squares = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0);
  return `${text} ± ${(100 * Math.sqrt(squares / (shares.length - 1))).toFixed(1)}`;
}

/** A share in percent, as in `45.1 %`; "-" for null. */
export function withSign(share: number | null): string {
  return share === null ? "-" : `${percent(share)} %`;
}

/**
 * Names of classes for a terminal: short ones ({@linkcode shortClass}), but where two would read alike, as
 * `class_0` and `class_1`, both are whole.
 */
export function shortClasses(names: readonly string[]): string[] {
  const short = names.map(shortClass);
  return names.map((name, k) => short.indexOf(short[k]!) === short.lastIndexOf(short[k]!) ? short[k]! : name);
}

/** The last word of a class's name, at most six letters. */
export function shortClass(name: string): string {
  const word = name.split(" ").at(-1)!;
  return word.length > 6 ? `${word.slice(0, 5)}.` : word;
}
