/**
 * "Did you mean": the known name nearest to one that was mistyped, by Levenshtein distance.
 *
 * Errors of the recipe, the command line and plugins end with it. It suggests only what is near, since a
 * wrong guess costs more than none.
 */
import { closest, distance } from "fastest-levenshtein";

/**
 * The known name with the smallest edit distance to `name`; undefined when the distance is more than 2 and
 * more than a third of the name's length, or when nothing is known.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(name, [...known]);
  return distance(name, candidate) <= Math.max(2, Math.floor(name.length / 3)) ? candidate : undefined;
}

/** `; did you mean "layer4"?` or, when nothing is near, `; expected one of a, b, c`. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `; did you mean "${near}"?`;
  return known.length === 0 ? "" : `; expected one of ${known.join(", ")}`;
}
