/**
 * The association loss, on whichever backend is current. README.md beside this file says how to think of it.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { kernels } from "../kernels.ts";
import { deviceAssociation } from "./device/association.ts";
import type { AssociationOptions, AssociationResult } from "./options.ts";
import { streamedAssociation } from "./streaming/association.ts";

/**
 * The association loss (Kang et al. 2020, Eq. 1-6 and 10), in memory that grows with the pixels:
 *
 *   -1 / |I| sum over i in I of (log softmax(z(i, .))[j*] + log softmax(z(j*, .))[i*])
 *
 * where j* is the target pixel most similar to i, i* the source pixel most similar to j*, z the similarities,
 * contrast-normalised by row if `contrast` is set, and I the source pixels whose label is that of i* and not
 * the ignore label. An ignored source pixel starts no cycle, but stays a candidate in every softmax and
 * maximum. Gradients flow to `source` and `target`.
 * @param source float32 [N, P, C] @param target float32 [N, Q, C] @param labels int32 [N, P], of the source;
 * the k-th source image is paired with the k-th target image
 * @returns the loss is 0 without an associated pixel, and NaN if any source pixel cannot be compared (its
 * similarities are NaN, or Q = 0); without source pixels the share is NaN
 */
export function associationLoss(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  options: AssociationOptions,
): AssociationResult {
  const { rows, deviceRows } = kernels();
  return deviceRows
    ? deviceAssociation([source, target], labels, { ...options, kernels: deviceRows })
    : streamedAssociation([source, target], labels, { ...options, kernels: rows });
}
