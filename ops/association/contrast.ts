/**
 * The contrast normalisation of similarities (Kang et al. 2020, Eq. 5-6), as every backend computes it:
 * z = (d - mean) / (deviation + 1e-10) by row. Mean and deviation carry no gradient; the deviation is
 * unbiased (divided by one less than the columns), and 0 where there is one column. Kernels keep
 * 1 / (deviation + 1e-10).
 */

/** Added to the deviation. */
export const EPSILON = 1e-10;
