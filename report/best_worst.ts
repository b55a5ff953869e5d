/** Which images of a split to show. */

/**
 * Indices of the highest scores, highest first, and of the lowest, lowest first; of equal scores the earlier
 * image first. No index is in both: of fewer than 2 `count` scores the better half is among the best. Null
 * scores are not chosen.
 */
export function bestAndWorst(
  scores: readonly (number | null)[],
  count: number,
): { readonly best: readonly number[]; readonly worst: readonly number[] } {
  const ranked = scores.flatMap((score, index) => score === null ? [] : [{ score, index }])
    .sort((a, b) => b.score - a.score || a.index - b.index).map(({ index }) => index);
  const best = ranked.slice(0, Math.min(count, Math.ceil(ranked.length / 2)));
  return { best, worst: ranked.slice(best.length).reverse().slice(0, count) };
}
