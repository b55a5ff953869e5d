/** The recorded terms of pyCDA. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { averagePool } from "../../ops/average_pool.ts";
import { imageShares, ownLabels, placeShares } from "../../ops/own_labels.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { formula } from "../formula.ts";
import { withGradients } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCase, methodCases, norms, read, stored } from "../methods.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";

interface TermsCase extends MethodCase {
  readonly threshold: number;
  readonly sizes: readonly number[];
  readonly formula_inputs: { readonly local: string };
}

const terms = methodCase<TermsCase>("pycda/terms");

/** The upsampled logits that every case has. */
function upsampled(): tf.Tensor4D {
  const size = [...read(terms, "size").dataSync()] as [number, number];
  return resizeBilinear(read(terms, "z_low") as tf.Tensor4D, size, { alignCorners: true });
}

const prior = () => read<tf.Tensor1D>(terms, "prior");

/** Of each recorded value, by its name. */
const TERMS: Readonly<Record<string, (z: tf.Tensor4D) => tf.Scalar>> = {
  pixel: (z) => ownLabels(z, { ...terms, sizes: [1] }),
  squares: (z) => ownLabels(z, terms),
  merged: (z) => ownLabels(z, { ...terms, sizes: [1, ...terms.sizes] }),
  image_released: (z) => imageShares(z),
  image_matched: (z) => imageShares(z, prior()),
};

/** The place prior as the case makes it. */
function local(of: TermsCase): tf.Tensor4D {
  const [classes, height, width] = stored(of, "local_shape").shape.length === 0
    ? []
    : [...read(of, "local_shape").dataSync()] as [number, number, number];
  const values = formula(of.formula_inputs.local, classes! * height! * width!);
  const raw = tf.tensor4d(
    Float32Array.from(values, (value) => value * 0.5 + 0.5 / classes! + 0.25),
    [1, classes!, height!, width!],
  );
  return tf.transpose(tf.div(raw, tf.sum(raw, 1, true)), [0, 2, 3, 1]);
}

/** A value and its gradient by the logits. */
async function differentiate(f: (z: tf.Tensor4D) => tf.Scalar) {
  const { value, grads } = tf.tidy(() => withGradients((z) => f(z as tf.Tensor4D), [upsampled()]));
  await value.data();
  return { value, grad: grads[0]! };
}

const CASES: Readonly<Record<string, (one: TermsCase) => Promise<void>>> = {
  async "pycda/terms"(one) {
    for (const [name, f] of Object.entries(TERMS)) {
      const { value, grad } = await differentiate(f);
      await equalsRecorded(one, name, { actual: value });
      if (`gz_${name}` in one.tensors) await equalsRecorded(one, `gz_${name}`, { actual: grad });
    }
    await equalsRecorded(one, "mean_probability", { actual: tf.mean(tf.softmax(upsampled()), [0, 1, 2]) });
  },
  async "pycda/image_gradients"(one) {
    for (const which of ["released", "matched"]) {
      const { grad } = await differentiate(TERMS[`image_${which}`]!);
      await equalsRecorded(one, `gz_${which}_norm`, { actual: tf.norm(grad) });
      const [n, height, width, classes] = grad.shape as [number, number, number, number];
      const fifths = tf.stridedSlice(grad, [0, 0, 0, 0], [n, height, width, classes], [1, 5, 5, 1]);
      await equalsRecorded(one, `gz_${which}`, { actual: fifths });
    }
    await equalsRecorded(one, "mean_probability", { actual: tf.mean(tf.softmax(upsampled()), [0, 1, 2]) });
  },
  async "pycda/objective"(one) {
    const { value, grad } = await differentiate((z) =>
      tf.addN([TERMS["pixel"]!(z), TERMS["squares"]!(z), TERMS["image_released"]!(z)]) as tf.Scalar
    );
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gz_norm", { actual: tf.norm(grad) });
  },
  async "pycda/spatial"(one) {
    const { value, grad } = await differentiate((z) =>
      placeShares(z, one, (size) => averagePool(local(one), size))
    );
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gz_norm", { actual: tf.norm(grad) });
  },
};

for (const one of methodCases<TermsCase>("pycda/")) {
  alsoOnTensorflow("native", `${one.name} equals the recorded values`, async () => {
    const check = CASES[one.name];
    assert.ok(check, `nothing checks ${one.name}`);
    await check(one);
  });
}

alsoOnTensorflow("native", "where nothing is sure, own labels give 0 and no gradient", async () => {
  const flat = tf.zeros([1, 8, 8, 3]) as tf.Tensor4D;
  const { value, grads } = withGradients(
    (z) => ownLabels(z as tf.Tensor4D, { sizes: [1, 4], threshold: 0.5 }),
    [flat],
  );
  // -0 is fine.
  assert.ok((await value.data())[0] === 0);
  assert.ok((await norms(grads).data()).every((norm) => norm === 0));
});
