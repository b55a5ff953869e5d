/**
 * The contrast normalisation of similarities (Kang et al. 2020, Eq. 5-6), as every backend computes it: z =
 * (d - mean) / (deviation + 1e-10) by row. Mean and deviation carry no gradient, as in the published code.
 * The deviation is unbiased (divided by one less than the columns), and 0 where there is one column. Kernels
 * keep 1 / (deviation + 1e-10), called `inverse`.
 *
 * What it is for: cosines lie in [-1, 1], so in their plain softmax no weight is more than e^2 times another;
 * over thousands of pixels it is nearly flat. After the division a row has deviation 1, whatever the scale of
 * D.
 *
 * Where a row's similarities are all equal, z is 0 and the softmax flat. Its `inverse` is then 1e10. If the
 * backward pass rounded such a row otherwise than the forward pass did, a difference of 1e-8 would become
 * 100. Therefore all kernels that compute D round it the same way, forward and again for the gradient.
 */

/** Added to the deviation, so that a row of equal similarities is not divided by 0. */
export const EPSILON = 1e-10;
