/**
 * What can be wrong with a pair of files, as kinds of error, so that a check of a whole dataset can count
 * each kind and a person sees "412 label files of another size" rather than 412 lines.
 */
import { DataError } from "../core/errors.ts";
import { hex } from "./hex.ts";

/** A label file with ids, or colours, that its dataset does not know. */
export class UnknownIdsError extends DataError {
  /** In ascending order; colours as 0xrrggbb. */
  readonly ids: readonly number[];
  /** Whether they are colours. */
  readonly colours: boolean;

  /** The message names every id; of up to eight, a pixel that has it, else one pixel of the lowest. */
  constructor(
    file: string,
    found: UnknownIds,
    { expected, colours = false }: { readonly expected: string; readonly colours?: boolean },
  ) {
    super(file, `${colours ? unknownColours(found) : unknownText(found)} not known; expected ${expected}`);
    this.ids = [...found.keys()].sort((a, b) => a - b);
    this.colours = colours;
  }
}

/** An image has a rotation tag, and nothing says whether its labels follow it. */
export class RotationError extends DataError {
}

/** A label file of another size than its image. */
export class SizesDifferError extends DataError {
}

/** Several files that could each be the image, or the labels, of one id. */
export class CompetingError extends DataError {
}

/** Stored ids, and for each one pixel that has it, as [column, row]. */
export type UnknownIds = ReadonlyMap<number, readonly [number, number]>;

/** Ids up to this many are listed with a pixel each. */
const WITH_PIXELS = 8;

function unknownText(found: UnknownIds): string {
  const ids = [...found.keys()].sort((a, b) => a - b);
  const at = (id: number) => `at pixel (${found.get(id)!.join(", ")})`;
  const [lowest] = ids;
  if (ids.length === 1) return `label id ${lowest} ${at(lowest!)} is`;
  if (ids.length <= WITH_PIXELS) return `label ids ${ids.map((id) => `${id} ${at(id)}`).join(", ")} are`;
  return `label ids ${ranges(ids)} (${ids.length} ids, ${lowest} ${at(lowest!)}) are`;
}

/** Colours are listed in the order met: smoothed edges make many, which have no order. */
function unknownColours(found: UnknownIds): string {
  const all = [...found];
  const named = all.slice(0, all.length <= WITH_PIXELS ? WITH_PIXELS : 1)
    .map(([colour, at]) => `${hex(colour)} at pixel (${at.join(", ")})`);
  if (all.length === 1) return `colour ${named[0]} is`;
  return `${all.length <= WITH_PIXELS ? "" : `${all.length} `}colours ${named.join(", ")}${
    all.length <= WITH_PIXELS ? "" : " and others"
  } are`;
}

function ranges(ids: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const id of ids) {
    const last = parts.at(-1);
    if (last && last[1] === id - 1) last[1] = id;
    else parts.push([id, id]);
  }
  return parts.map(([from, to]) => from === to ? `${from}` : `${from} to ${to}`).join(", ");
}

/** How many of several files are named in one line. */
const NAMED = 3;

/** `a, b, c and 9 more`. @param of how many there are; absent: `names` are all */
export function someOf(names: readonly string[], of: number = names.length): string {
  const rest = of - NAMED;
  return rest > 0 ? `${names.slice(0, NAMED).join(", ")} and ${rest} more` : names.join(", ");
}
