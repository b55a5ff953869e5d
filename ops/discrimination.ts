import * as tf from "@tensorflow/tfjs-core";

/**
 * The error of an opponent's scores against a label: `bce`, the binary cross-entropy of their sigmoid, or
 * `ls`, the squared difference (least squares).
 */
export type Judgement = "bce" | "ls";

/** Each of {@linkcode Judgement}. */
export const JUDGEMENTS = ["bce", "ls"] as const;

/**
 * The error of every score u, not averaged. bce: softplus(-u) = -log sigmoid(u) for the label 1, softplus(u)
 * = -log(1 - sigmoid(u)) for 0, finite for all finite u; ls: (u - label)^2.
 * @param scores float32 of any shape @returns the same shape
 */
export function misjudged<T extends tf.Tensor>(
  scores: T,
  { label, by = "bce" }: { readonly label: 0 | 1; readonly by?: Judgement },
): T {
  if (by === "ls") return tf.square(tf.sub(scores, label)) as T;
  return tf.softplus(label === 1 ? tf.neg(scores) : scores) as T;
}
