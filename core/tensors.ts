/**
 * The tensor library's types under names of plca, so that the documentation of the public API is complete
 * without it.
 *
 * Types only: a value from here would be a second copy of the library for plugin files of users.
 */
import type * as tf from "@tensorflow/tfjs-core";

/** A tensor of any rank. */
export type Tensor = InstanceType<(typeof tf)["Tensor"]>;
/** One number. */
export type Scalar = ReturnType<(typeof tf)["scalar"]>;
/** Labels [N, H, W] or pixels [N, P, C]. */
export type Tensor3D = ReturnType<(typeof tf)["tensor3d"]>;
/** Images and features, [N, H, W, C]. */
export type Tensor4D = ReturnType<(typeof tf)["tensor4d"]>;
/** A tensor that is updated in place. */
export type Variable = InstanceType<(typeof tf)["Variable"]>;
