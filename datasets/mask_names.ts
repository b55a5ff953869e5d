/** Names by which label files are known that lie among images. */

/** How annotation tools end the names of label files. */
const SUFFIX =
  /^[_\-. ](l|lbls?|gt|gtfine|ground_?truth|masks?|labels?|labelids|labeltrainids|trainids|seg|segm|segmentation|segmap|anno|annot|annotations?|matte|ids)$/i;

/** Of ids that are another's with such a suffix, as `a_L` of `a`: that other. */
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
