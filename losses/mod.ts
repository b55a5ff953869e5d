/**
 * The built-in terms of an objective and ways to compare pixels. Terms are independent of each other: a
 * recipe adds up any of them by weight. By what they learn from:
 *
 * - labels, true or pseudo: cross-entropy, focal-cross-entropy, lovasz-softmax;
 * - predictions on images without labels, sharpened or held back: entropy, maximum-squares, own-labels,
 *   self-guidance, class-shares, label-smoothing, confidence-regularization;
 * - pixels of the other domain, drawn together: association;
 * - an opponent that tells domains apart: adversarial, local-adversarial (with weight-discrepancy),
 *   domain-classifier, separable-adversarial, patch-alignment, realism for images;
 * - a frozen network: feature-distance, perceptual;
 * - nothing: statistics.
 *
 * A term returns 0 when it has nothing to learn from; a value that is not finite ends the run.
 */
import type { Plugin } from "../core/plugin.ts";
import { adversarial } from "./adversarial.ts";
import { association } from "./association.ts";
import { classShares } from "./class_shares.ts";
import { confidenceRegularization } from "./confidence_regularization.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { entropy } from "./entropy.ts";
import { featureDistance } from "./feature_distance.ts";
import { focalCrossEntropy } from "./focal_cross_entropy.ts";
import { labelSmoothing } from "./label_smoothing.ts";
import { localAdversarial } from "./local_adversarial.ts";
import { lovaszSoftmax } from "./lovasz_softmax.ts";
import { maximumSquares } from "./maximum_squares.ts";
import { domainClassifier } from "./domain_classifier.ts";
import { ownLabels } from "./own_labels.ts";
import { patchAlignment } from "./patch_alignment.ts";
import { perceptual } from "./perceptual.ts";
import { realism } from "./realism.ts";
import { separableAdversarial } from "./separable_adversarial.ts";
import { statistics } from "./statistics.ts";
import { selfGuidance } from "./self_guidance.ts";
import { cosine } from "./similarity/cosine.ts";
import { negativeEuclidean } from "./similarity/negative_euclidean.ts";
import { negativeKl } from "./similarity/negative_kl.ts";
import { weightDiscrepancy } from "./weight_discrepancy.ts";

/** The built-in terms of an objective. */
export const losses: readonly Plugin[] = [
  crossEntropy,
  lovaszSoftmax,
  association,
  labelSmoothing,
  entropy,
  maximumSquares,
  adversarial,
  confidenceRegularization,
  featureDistance,
  selfGuidance,
  focalCrossEntropy,
  localAdversarial,
  weightDiscrepancy,
  ownLabels,
  classShares,
  statistics,
  perceptual,
  realism,
  domainClassifier,
  separableAdversarial,
  patchAlignment,
];

/** The built-in ways to compare pixels. */
export const similarities: readonly Plugin[] = [cosine, negativeKl, negativeEuclidean];
