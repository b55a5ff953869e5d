/** What rounds of self-training minimise, against recorded values, taken from the list of cases. */
import * as tf from "@tensorflow/tfjs-core";
import { meanConfidence } from "../../ops/confidence.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { backendTest } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCases, read } from "../methods.ts";
import { tensorflowTest } from "../tensorflow.ts";

function test(name: string, run: () => Promise<void>): void {
  for (const backend of ["native", "wasm", "cpu"] as const) backendTest(backend, name, run);
  tensorflowTest(name, run);
}

/** Holds a value and its gradient by the logits to what was recorded. */
async function holds(one: MethodCase, lossOf: (z: tf.Tensor4D) => tf.Scalar): Promise<void> {
  const { value, grads: [gz] } = tf.valueAndGrads((z) => lossOf(z as tf.Tensor4D))([read(one, "z")]);
  await equalsRecorded(one, "loss", { actual: value });
  await equalsRecorded(one, "gz", { actual: gz! });
}

function labelsOf(one: MethodCase): tf.Tensor3D {
  return read<tf.Tensor3D>(one, "labels");
}

for (const one of methodCases("crst/mrkld_loss")) {
  test(`${one.name}: the weight enters twice, over the target's labelled pixels`, async () => {
    const labels = labelsOf(one), marks = read<tf.Tensor1D>(one, "reg_weights");
    const weight = one["weight"] as number;
    await equalsRecorded(one, "ce", { actual: crossEntropy(read<tf.Tensor4D>(one, "z"), { labels }) });
    await holds(one, (z) =>
      tf.add(
        crossEntropy(z, { labels }),
        tf.mul(weight, meanConfidence(z, { labels, marks, kind: "kld" })),
      ));
    // Said once, as recipes say it.
    const target = tf.cast(tf.greater(marks, 0), "float32") as tf.Tensor1D;
    await holds(one, (z) =>
      tf.add(
        crossEntropy(z, { labels }),
        tf.mul(weight * weight, meanConfidence(z, { labels, marks: target, kind: "kld" })),
      ));
  });
}

for (const one of methodCases("crst/soft_loss")) {
  test(`${one.name}: the mean over pixels that have a distribution`, async () => {
    await holds(one, (z) => crossEntropy(z, { soft: read<tf.Tensor4D>(one, "soft") }));
  });
}

for (const one of methodCases("crst/mrent_loss")) {
  test(`${one.name}: the negative entropy of the target's labelled pixels`, async () => {
    const labels = labelsOf(one), alpha = one["alpha"] as number;
    const marks = tf.tensor1d([0, ...Array.from({ length: labels.shape[0] - 1 }, () => 1)]);
    await holds(one, (z) =>
      tf.add(
        crossEntropy(z, { labels }),
        tf.mul(alpha, meanConfidence(z, { labels, marks, kind: "entropy" })),
      ));
  });
}
