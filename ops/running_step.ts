import * as tf from "@tensorflow/tfjs-core";
import type { RunningCall } from "./kernel_types.ts";

/** See {@linkcode Kernels.runningStep}, composed of tfjs operators. */
export function portableRunningStep({ variable, changes }: RunningCall): void {
  for (const { keep, add, factor } of changes) {
    variable.assign(
      tf.tidy(() => tf.add(tf.mul(variable, keep), factor === undefined ? add : tf.mul(add, factor))),
    );
  }
}
