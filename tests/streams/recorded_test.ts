/** What DACS and DAFormer make of images and of a teacher, against recorded values. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { gaussianBlur, kernelSide } from "../../streams/gaussian_blur.ts";
import { maskOf, mixImages, presentLabels } from "../../streams/mixing.ts";
import { backendTest, withGradients } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCase, methodCases, read } from "../methods.ts";
import { tensorflowTest } from "../tensorflow.ts";

const IGNORE = 255;

function test(name: string, run: () => Promise<void>): void {
  for (const backend of ["native", "wasm", "cpu"] as const) backendTest(backend, name, run);
  tensorflowTest(name, run);
}

/** float32 [N, K + 1] of the recorded lists of chosen labels, which -1 fills up. */
function chosenOf(one: MethodCase, classes: number): tf.Tensor2D {
  const lists = read<tf.Tensor2D>(one, "chosen").arraySync();
  return tf.tensor2d(lists.map((list) => {
    const values = list.filter((id) => id >= 0).map((id) => id === IGNORE ? classes : id);
    return Array.from({ length: classes + 1 }, (_, id) => Number(values.includes(id)));
  }));
}

function read4(one: MethodCase, key: string): tf.Tensor4D {
  return read<tf.Tensor4D>(one, key);
}

/** The mixture of a recorded case. */
function mixtureOf(one: MethodCase, rows: { readonly top: number; readonly bottom: number }) {
  const low = read4(one, "teacher_low"), pixels = read4(one, "source");
  const [, height, width] = pixels.shape;
  const labels = read<tf.Tensor3D>(one, "labels");
  return mixImages({
    source: { pixels, labels },
    target: { pixels: read4(one, "target") },
    logits: resizeBilinear(low, [height, width], { alignCorners: true }),
    mask: maskOf(labels, chosenOf(one, low.shape[3])),
  }, {
    threshold: read(one, "threshold").dataSync()[0]!,
    ignoreTop: rows.top,
    ignoreBottom: rows.bottom,
  });
}

for (const one of methodCases("dacs/class_mix")) {
  test(`${one.name}: masks, mixed images, labels and weights are the recorded ones`, async () => {
    const { pixels, labels, weights, values } = mixtureOf(one, { top: 0, bottom: 0 });
    const classes = one.tensors["teacher_low"]![1]!;
    const ids = read<tf.Tensor3D>(one, "labels");
    const mask = maskOf(ids, chosenOf(one, classes));
    assert.deepEqual(mask.arraySync(), read(one, "masks").arraySync());
    await equalsRecorded(one, "mixed", { actual: pixels });
    await equalsRecorded(one, "weights", { actual: weights });
    await equalsRecorded(one, "fraction", { actual: values["sure"]! });
    assert.deepEqual(labels.arraySync(), read(one, "mixed_labels").arraySync());
    // As many of the present values were chosen as are drawn here.
    const present = presentLabels(ids, classes, "image").arraySync();
    const halves = present.map((row) => Math.ceil(row.reduce((sum, value) => sum + value) / 2));
    assert.deepEqual(
      (await chosenOf(one, classes).array()).map((row) => row.reduce((sum, value) => sum + value)),
      halves,
    );
  });
}

for (
  const one of methodCases<MethodCase & Record<"ignore_top" | "ignore_bottom", number>>(
    "daformer/pseudo_weight",
  )
) {
  test(`${one.name}: rows at the top and the bottom weigh nothing before mixing`, async () => {
    const mixing = methodCase("dacs/class_mix");
    const { weights } = mixtureOf(mixing, { top: one.ignore_top, bottom: one.ignore_bottom });
    await equalsRecorded(one, "mixed", { actual: weights });
  });
}

for (const one of methodCases("dacs/unlabelled_loss")) {
  test(`${one.name}: the mean over all pixels of weighted cross-entropy`, async () => {
    const labels = read<tf.Tensor3D>(one, "mixed_labels"), weights = read<tf.Tensor3D>(one, "weights");
    const [, height, width] = labels.shape;
    const { value, grads } = withGradients((z) => {
      const logits = resizeBilinear(z as tf.Tensor4D, [height, width], { alignCorners: true });
      return crossEntropy(logits, { labels, weights }, "all");
    }, [read(one, "student_low")]);
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gz", { actual: grads[0]! });
  });
}

for (const one of methodCases<MethodCase & { sigma: number; kernel: number[] }>("dacs/gaussian_blur")) {
  test(`${one.name}: a tenth of each side, reflected at the border`, async () => {
    const x = read4(one, "x");
    assert.deepEqual(x.shape.slice(1, 3).map(kernelSide), one.kernel);
    await equalsRecorded(one, "y", { actual: gaussianBlur(x, one.sigma) });
  });
}
