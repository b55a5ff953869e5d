/**
 * The association loss, on whichever backend is current. README.md beside this file says how to think of it.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { kernels } from "../kernels.ts";
import { deviceAssociation } from "./device/association.ts";
import type { AssociationOptions, AssociationResult } from "./options.ts";
import { streamedAssociation } from "./streaming/association.ts";

/**
 * The association loss (Kang et al. 2020, Eq. 1-6 and 10), in memory that grows with the pixels. Ignored
 * source pixels start no cycle and stay candidates in everything else.
 * @param source float32 [N, P, C] @param target float32 [N, Q, C] @param labels int32 [N, P], of the source
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
