/**
 * The account of a folder or list: what a dataset does not use of it, by reason. A dataset that silently uses
 * 40 of 400 images trains without complaint and badly.
 */
import type { PassedOver, TakenFiles, UnlistedEntry } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { someOf } from "./faults.ts";
import type { FileKind } from "./image_files.ts";
import { isHidden, type Matches } from "./matching.ts";

/** A folder's names, and what could not be looked into. */
export interface Listing {
  readonly names: readonly string[];
  readonly unlisted: readonly UnlistedEntry[];
}

/** What a folder was searched for, and what was found. */
export interface Searched {
  /** As the recipe writes it. */
  readonly place: string;
  readonly as: "images" | "label files";
  readonly kind: FileKind;
  readonly suffix: string;
  readonly listing: Listing;
  readonly matches: Matches;
  readonly taken: number;
  /** Files that match and are not used, by reason. */
  readonly others: readonly Reason[];
  readonly doubt?: string | undefined;
}

/** Files with what they have in common. */
export interface Reason {
  readonly why: string;
  readonly names: readonly string[];
  /** As in {@linkcode PassedOver}. */
  readonly meant?: boolean;
}

/** The account of one folder; empty when all of it is used and there is no doubt. */
export function takenOf(searched: Searched): readonly TakenFiles[] {
  const { place, as, kind, suffix, listing, matches, taken, others, doubt } = searched;
  const why = new Map(listing.unlisted.map(({ name, why }) => [name, why]));
  const listed = new Set(listing.names);
  const told = (names: readonly string[]) => names.filter((name) => !why.has(name));
  const dead = [...matches.otherKind, ...matches.otherSuffix].filter((name) => why.has(name));
  const unread = listing.unlisted.filter(({ name }) => !listed.has(name));
  const reasons: readonly Reason[] = [
    ...byEnding(told(matches.otherKind), as, kind),
    { why: `without "${suffix}" at the end`, names: told(matches.otherSuffix), meant: true },
    ...others,
    ...grouped([...dead.map((name) => ({ name, why: why.get(name)! })), ...unread]),
  ];
  const passedOver = reasons.filter(({ names }) => names.length > 0).map((
    { names, ...rest },
  ): PassedOver => ({
    ...rest,
    count: names.length,
    named: names.slice(0, NAMED),
  }));
  if (passedOver.length === 0 && doubt === undefined) return [];
  const of = listing.names.filter((name) => !isHidden(name)).length + unread.length;
  return [{ place, as, of, taken, passedOver, ...(doubt === undefined ? {} : { doubt }) }];
}

/** How many files are named; the rest are counted. */
const NAMED = 20;

function byEnding(names: readonly string[], as: Searched["as"], { words }: FileKind): readonly Reason[] {
  const pictures = names.filter((name) => PICTURES.test(name));
  const rest = names.filter((name) => !PICTURES.test(name));
  const remedy = as === "images" ? "save it as PNG" : "save it as PNG with the same ids";
  return [
    { why: `no ${words}, ${remedy}`, names: pictures },
    { why: `no ${words}`, names: rest },
  ];
}

/** Pictures in forms that are not read, or not read as labels. */
const PICTURES =
  /\.(bmp|dib|gif|tiff?|webp|jpe?g|jfif|jp2|j2k|jxl|heic|heif|avif|exr|p[bgnp]m|tga|npy|mat)$/i;

function grouped(entries: readonly UnlistedEntry[]): readonly Reason[] {
  const reasons = new Map<string, string[]>();
  for (const { name, why } of entries) reasons.set(why, [...reasons.get(why) ?? [], name]);
  return [...reasons].map(([why, names]) => ({ why, names }));
}

/**
 * An account in one line, as in `photos: 4 of 5 files taken as images; 1 passed over: no JPEG, PNG, TIFF or
 * WebP, save it as PNG (e.bmp)`.
 */
export function takenText({ place, as, of, taken, passedOver, doubt }: TakenFiles): string {
  const [file, used] = as === "lines" ? ["line", "read"] : ["file", `taken as ${as}`];
  const parts = passedOver.map(({ why, count, named }) =>
    `${count} passed over: ${why} (${someOf(named, count)})`
  );
  return [`${place}: ${taken} of ${countOf(of, file)} ${used}`, ...parts, ...(doubt ? [doubt] : [])].join(
    "; ",
  );
}
