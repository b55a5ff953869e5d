/**
 * The vocabulary of similarities: how two pixels are compared. A similarity is a function D(a, b) of two
 * feature vectors, larger for more alike ones, and not necessarily symmetric or bounded.
 *
 * `pairwise` defines it. `product` says the same as a matrix product, where D has that form: then nothing of
 * size pixels x pixels needs to be held at once, which is what makes associations of large images possible.
 * Both must agree; tests compare them.
 */
import type { TapInfo } from "./model.ts";
import type { Tensor3D } from "./tensors.ts";

/** A way to compare pixels. */
export interface Similarity {
  /** Which taps it is defined on. */
  readonly accepts: TapInfo["space"];
  /** Whether D(a, b) = D(b, a), so that one product serves both directions. */
  readonly symmetric: boolean;
  /** a [N, P, C], b [N, Q, C] to [N, P, Q]; larger is more alike. */
  pairwise(a: Tensor3D, b: Tensor3D): Tensor3D;
  /** The same D as a product of factors, where it is one: much faster and leaner on large images. */
  readonly product?: SimilarityProduct;
}

/** D(a, b) = left(a) right(b)^T + offset(a). */
export interface SimilarityProduct {
  /**
   * Whether the factors' vectors are brought to length 1 before they are multiplied; zero vectors stay zero.
   */
  readonly unit: boolean;
  /** [N, P, C] to [N, P, K]; `a` itself where nothing changes. */
  left(a: Tensor3D): Tensor3D;
  /** [N, Q, C] to [N, Q, K]; `b` itself where nothing changes. */
  right(b: Tensor3D): Tensor3D;
  /** [N, P, C] to [N, P, 1]; absent: 0. */
  offset?(a: Tensor3D): Tensor3D;
}
