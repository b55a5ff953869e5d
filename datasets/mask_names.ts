/**
 * Endings by which label files are known that lie among images. They raise a doubt, propose a suffix, or have
 * a file checked before it is used as an image (file_pairs.ts); they never make a file a label file.
 */

/** How annotation tools end the names of label files: a separator and one of these words. */
const SUFFIX =
  /^[_\-. ](l|lbls?|gt|gtfine|ground_?truth|masks?|labels?|labelids|labeltrainids|trainids|seg|segm|segmentation|segmap|anno|annot|annotations?|matte|ids)$/i;

/**
 * Which ids are another id with such an ending, as `a_mask` is of `a`. @returns from the longer id to the
 * other
 */
export function partnersOf(ids: readonly string[]): Map<string, string> {
  const all = new Set(ids);
  const found = new Map<string, string>();
  for (const id of ids) {
    const suffix = suffixOf(id);
    if (suffix === undefined) continue;
    const other = id.slice(0, -suffix.length);
    if (all.has(other)) found.set(id, other);
  }
  return found;
}

/** The suffix of the first name that has another as its partner. */
export function maskSuffixOf(stems: readonly string[]): string | undefined {
  for (const [id, other] of partnersOf(stems)) return id.slice(other.length);
  return undefined;
}

function suffixOf(id: string): string | undefined {
  for (let at = id.length - 1; at > 0 && id.length - at <= 20; at--) {
    if (id[at] === "/") return undefined;
    if (/[_\-. ]/.test(id[at]!) && SUFFIX.test(id.slice(at))) return id.slice(at);
  }
  return undefined;
}
