/** Made images that are to look real: the gradient by their pixels, through the opponent, against finite differences. */
import * as tf from "@tensorflow/tfjs-core";
import type { StepContext } from "../../core/plugin.ts";
import { gradients } from "../../ops/gradients.ts";
import { checkGradient, normals } from "../contracts/differences.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { termOf } from "./terms.ts";

/** Two scores along each side. */
const SHAPE: [number, number, number, number] = [1, 32, 32, 3];
const SIZE = 32 * 32 * 3;

alsoOnTensorflow("native", "realism: the gradient by the made images agrees with finite differences", () => {
  // Of one channel at first: of few values, short steps bend no leaky ReLU.
  const term = termOf("realism", { numClasses: 5, made: "made", real: "real", width: 1 });
  const real = tf.tensor4d(normals(SIZE, 1, "real"), SHAPE);
  const lossOf = (made: tf.Tensor4D) => {
    const images = (stream: string) => ({ pixels: stream === "made" ? made : real });
    return term.compute({ images } as StepContext).loss;
  };
  const at = normals(SIZE, 1, "made");
  const made = tf.tensor4d(at, SHAPE);
  const { grads: [gradient] } = gradients(() => lossOf(made), [made]);
  checkGradient("made", {
    at,
    gradient: gradient!.dataSync(),
    f: (values) => tf.tidy(() => lossOf(tf.tensor4d(values, SHAPE)).dataSync()[0]!),
  });
  return Promise.resolve();
});
