/** Association and aggregation as the paper writes them, with whole matrices: what streaming is held against. */
import * as tf from "@tensorflow/tfjs-core";
import type {
  AggregationOptions,
  AssociationOptions,
  AssociationResult,
} from "../../../ops/association/options.ts";
import { constant } from "../../../ops/constant.ts";

/** Which pixels found each other. P source pixels, Q target pixels. */
export interface DenseCycles {
  /** int32 [N, P]: the most similar target pixel of every source pixel */
  readonly forward: tf.Tensor2D;
  /** int32 [N, P]: the source pixel that `forward`'s target pixel is most similar to */
  readonly back: tf.Tensor2D;
  /** float32 [N, P]: 1 where the cycle ends in the class it began in, and that class is not `ignoreLabel` */
  readonly associated: tf.Tensor2D;
}

/** Follows source to target to source. @param st [N, P, Q] @param ts [N, Q, P] @param labels int32 [N, P] */
export function findCycles(
  st: tf.Tensor3D,
  ts: tf.Tensor3D,
  { labels, ignoreLabel }: { readonly labels: tf.Tensor2D; readonly ignoreLabel: number },
): DenseCycles {
  return tf.tidy(() => {
    const forward = tf.argMax(st, 2) as tf.Tensor2D;
    const back = pick(tf.argMax(ts, 2) as tf.Tensor2D, forward);
    const closed = tf.logicalAnd(tf.equal(pick(labels, back), labels), tf.notEqual(labels, ignoreLabel));
    return { forward, back, associated: tf.cast(closed, "float32") as tf.Tensor2D };
  });
}

/** values[n, indices[n, k]] */
function pick(values: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [n, columns] = values.shape;
  const starts = tf.mul(tf.range(0, n, 1, "int32"), tf.scalar(columns, "int32"));
  const flat = tf.reshape(tf.add(indices, tf.reshape(starts, [n, 1])), [indices.size]) as tf.Tensor1D;
  return tf.reshape(tf.gather(tf.reshape(values, [values.size]), tf.cast(flat, "int32")), indices.shape);
}

/** 1 at a column of every row. @param columns int32 [N, P] @returns float32 [N, P, width] */
function marked(columns: tf.Tensor2D, width: number): tf.Tensor3D {
  return tf.cast(
    tf.equal(tf.expandDims(columns, 2), tf.range(0, width, 1, "int32")),
    "float32",
  ) as tf.Tensor3D;
}

/** (d - mean) / (unbiased deviation + 1e-10) by row, mean and deviation constant. @param d [N, P, Q] */
function normalised(d: tf.Tensor3D): tf.Tensor3D {
  const mean = constant(() => tf.mean(d, 2, true));
  const deviation = constant(() => {
    const squares = tf.sum(tf.square(tf.sub(d, mean)), 2, true);
    return tf.add(tf.sqrt(tf.div(squares, Math.max(1, d.shape[2] - 1))), 1e-10);
  });
  return tf.div(tf.sub(d, mean), deviation) as tf.Tensor3D;
}

/** As `associationLoss`. */
export function denseAssociation(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  { similarity, contrast, objective, ignoreLabel }: AssociationOptions,
): AssociationResult {
  const st = similarity.pairwise(source, target), ts = similarity.pairwise(target, source);
  // Each source pixel's j*, i* and whether it counts: [3, N, P].
  const found = constant(() => {
    const { forward, back, associated } = findCycles(st, ts, { labels, ignoreLabel });
    return tf.stack([forward, back, associated].map((x) => tf.cast(x, "float32")));
  }) as tf.Tensor3D;
  const [forward, back, associated] = tf.unstack(found) as tf.Tensor2D[];
  const there = marked(tf.cast(forward!, "int32"), st.shape[2]);
  const home = marked(tf.cast(back!, "int32"), ts.shape[2]);
  const score = (d: tf.Tensor3D) => objective === "direct" ? d : tf.logSoftmax(contrast ? normalised(d) : d);
  const first = tf.sum(tf.mul(score(st), there), 2);
  // The row of the target pixel that was chosen, read at i*.
  const second = tf.sum(tf.mul(tf.matMul(there, score(ts)), home), 2);
  const count = tf.maximum(tf.sum(associated!), 1);
  return {
    loss: tf.neg(tf.div(tf.sum(tf.mul(tf.add(first, second), associated!)), count)) as tf.Scalar,
    associated: tf.mean(associated!) as tf.Scalar,
  };
}

/** As `aggregate`. */
export function denseAggregate(
  x: tf.Tensor3D,
  { similarity, alpha, contrast }: AggregationOptions,
): tf.Tensor3D {
  const d = similarity.pairwise(x, x);
  const mixed = tf.matMul(tf.softmax(contrast ? normalised(d) : d), x);
  return tf.add(tf.mul(x, 1 - alpha), tf.mul(mixed, alpha)) as tf.Tensor3D;
}
