/**
 * A measure of adaptation that needs no labels of the target: how many cycles between source and target end
 * in the class that they began in.
 *
 * Take a pixel of a source image, find the target pixel whose features are most like its own, and from there
 * the source pixel most like that one. If the two domains agree on what a class looks like, the cycle ends in
 * a pixel of the class it began in. The labels of the source alone tell. The same cycles are what the
 * association loss trains with (docs/method.md); here they are counted on whole images in inference mode.
 */
import * as tf from "@tensorflow/tfjs-core";
import { associationMeasures } from "../ops/association/measures.ts";
import { nearestLabels } from "../ops/nearest.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Segmenter, Similarity } from "../core/plugin.ts";
import { type EvaluationImage, evaluationImages, type NetworkInput } from "../datasets/evaluation.ts";
import type { InputDataset } from "../datasets/input.ts";

/** Number of pairs of images. */
const PAIRS = 4;

/** Largest number of pixels of an image that are compared, in even distances. */
const PIXELS = 2048;

/** The network and the images between which cycles are followed. */
export interface CycleSetup {
  readonly plan: Pick<RunPlan, "evaluation" | "input" | "labelSpace" | "model">;
  readonly segmenter: Segmenter;
  readonly similarity: Similarity;
  /** The source, opened with labels. */
  readonly source: InputDataset;
  /** The target; its labels are not read. */
  readonly target: InputDataset;
}

/**
 * The share of source pixels whose cycle ends in their own class (Kang et al. 2020, Eq. 2 and 3), in [0, 1]:
 * the mean over up to four pairs, the k-th source image with the k-th target image, by the features at the
 * model's feature tap. Undefined where there is no pair, or the source has no labels.
 * @throws DataError when an image cannot be read
 */
export async function consistentCycles(setup: CycleSetup): Promise<number | undefined> {
  const { plan: { labelSpace }, similarity, source, target } = setup;
  const shares: number[] = [];
  const targets = imagesOf(setup, target);
  for await (const image of imagesOf(setup, source)) {
    const { value: other } = await targets.next();
    if (other === undefined || image.labels === undefined) break;
    const associated = tf.tidy(() => {
      const from = features(setup, image.inputs[0]!), candidates = features(setup, other.inputs[0]!);
      const { labelHeight, labelWidth, labels } = image;
      const whole = tf.tensor3d(Int32Array.from(labels!), [1, labelHeight, labelWidth], "int32");
      const [, height, width] = from.shape;
      const small = tf.reshape(nearestLabels(whole, [height, width]), [1, height * width, 1]);
      return associationMeasures({
        from: sampled(flat(from)),
        candidates: sampled(flat(candidates)),
        labels: tf.squeeze(sampled(small as tf.Tensor3D), [2]) as tf.Tensor2D,
      }, { similarity, ignoreLabel: labelSpace.ignore }).associated;
    });
    shares.push((await associated.data())[0]!);
    associated.dispose();
  }
  await targets.return();
  return shares.length === 0 ? undefined : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function imagesOf({ plan }: CycleSetup, dataset: InputDataset): AsyncGenerator<EvaluationImage, void, void> {
  const { size } = plan.evaluation;
  const evaluation = { ...(size === undefined ? {} : { size }), labelSize: "input" as const, limit: PAIRS };
  return evaluationImages(dataset, { evaluation, normalization: plan.input.normalization });
}

/** The features at the model's feature tap, float32 [1, h, w, C]. */
function features({ segmenter, plan }: CycleSetup, { images, height, width }: NetworkInput): tf.Tensor4D {
  const tap = plan.model.plan.featureTap;
  const pixels = tf.tensor4d(images, [1, height, width, 3]);
  return segmenter.forward([pixels], { training: false, taps: [tap] })[0]!.taps[tap]!;
}

function flat(x: tf.Tensor4D): tf.Tensor3D {
  return tf.reshape(x, [1, -1, x.shape[3]]) as tf.Tensor3D;
}

/** Of [1, P, C] at most {@linkcode PIXELS} pixels, in even distances: [1, min(P, PIXELS), C]. */
function sampled(x: tf.Tensor3D): tf.Tensor3D {
  const pixels = x.shape[1];
  if (pixels <= PIXELS) return x;
  const indices = Int32Array.from({ length: PIXELS }, (_, k) => Math.floor((k + 0.5) * pixels / PIXELS));
  return tf.gather(x, tf.tensor1d(indices, "int32"), 1) as tf.Tensor3D;
}
