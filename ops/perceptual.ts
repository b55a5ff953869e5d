/**
 * How far images are from each other in the features of a network (Johnson et al. 2016; Chang et al. 2019).
 * Features of early layers hold colours and surfaces, those of late layers what is seen; so their distance
 * says more about images than that of their pixels.
 */
import * as tf from "@tensorflow/tfjs-core";

/** The features of one batch of images: a map for each layer, float32 [N, h, w, C]. */
export type Features = readonly tf.Tensor4D[];

/**
 * The sum over layers of the mean absolute difference times the layer's weight. `made` and `other` have the
 * same layers and shapes, at least one.
 */
export function featureDistance(made: Features, other: Features, weights: readonly number[]): tf.Scalar {
  return made.map((x, layer) => tf.mul(tf.mean(tf.abs(tf.sub(x, other[layer]!))), weights[layer]!))
    .reduce((a, b) => tf.add(a, b)) as tf.Scalar;
}

/**
 * The same of each channel's mean over an image's pixels. What an image is made of counts, and not where it
 * is: the two may show different scenes, and differ in size.
 */
export function textureDistance(made: Features, other: Features, weights: readonly number[]): tf.Scalar {
  const means = (features: Features) => features.map((x) => tf.mean(x, [1, 2], true) as tf.Tensor4D);
  return featureDistance(means(made), means(other), weights);
}
