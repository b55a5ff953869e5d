/** Masks of classes, losses by class, patches of label maps, and self-labelled cells. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import {
  classLosses,
  labelMasks,
  lossWeights,
  meanOfClasses,
  seenMasks,
  sureMasks,
} from "../../ops/class_reweighting.ts";
import { imageLayerNorm, instanceNorm } from "../../ops/image_norm.ts";
import { labelsByShare } from "../../ops/label_shares.ts";
import { imageShares, ownLabels, placeShares } from "../../ops/own_labels.ts";
import { nearestCentres, patchGrid, patchHistograms, patchMeans } from "../../ops/patch_modes.ts";
import { checkGradient, normals } from "../contracts/differences.ts";
import { backendTest, relative, withGradients } from "../goldens.ts";

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

const near = (actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5) => {
  assert.equal(actual.length, expected.length);
  expected.forEach((one, k) => assert.ok(Math.abs(actual[k]! - one) <= tolerance, `${Array.from(actual)}`));
};
const ids = (values: readonly number[], shape: [number, number, number]) =>
  tf.tensor3d([...values], shape, "int32");

test("sureMasks: 1 in the most probable class where that is above the threshold, the first of equal ones", () => {
  const p = tf.tensor4d([0.5, 0.5, 0, 0.2, 0.1, 0.7, 0.4, 0.35, 0.25], [1, 1, 3, 3]);
  near(sureMasks(p, 0.45).dataSync(), [1, 0, 0, 0, 0, 1, 0, 0, 0]);
  near(sureMasks(p, 0.5).dataSync(), [0, 0, 0, 0, 0, 1, 0, 0, 0]);
});

test("labelMasks: 1 in the class of the nearest label, nothing where that is none of them", () => {
  const labels = ids([0, 9, 1, 9, 2, 2, 255, 2], [1, 2, 4]);
  const masks = labelMasks(labels, [2, 2], 3);
  assert.deepEqual(masks.shape, [1, 2, 2, 3]);
  near(masks.dataSync(), [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
});

test("seenMasks: a score saw what lies in its receptive field of seven pixels", () => {
  for (const at of [0, 3, 4, 7, 8]) {
    const mask = tf.reshape(tf.cast(tf.oneHot(tf.scalar(at, "int32"), 9), "float32"), [
      1,
      1,
      9,
      1,
    ]) as tf.Tensor4D;
    const seen = seenMasks(tf.tile(mask, [1, 9, 1, 1]));
    assert.deepEqual(seen.shape, [1, 3, 3, 1]);
    // Scores stand at the pixels 0, 4 and 8; two windows of three reach three pixels far.
    const expected = [0, 4, 8].map((centre) => Number(Math.abs(centre - at) <= 3));
    near(tf.slice(seen, [0, 1, 0, 0], [1, 1, 3, 1]).dataSync(), expected);
  }
});

test("classLosses, lossWeights and meanOfClasses: means of the cells of each class, weighed by how large they are", () => {
  const losses = tf.tensor4d([1, 8, 5, 3, 8, 5, 7, 8, 5], [1, 1, 3, 3]);
  const masks = tf.tensor4d([1, 1, 0, 1, 0, 0, 0, 1, 0], [1, 1, 3, 3]);
  const each = classLosses(losses, masks);
  near(each.losses.dataSync(), [2, 8, 0]);
  near(each.present.dataSync(), [1, 1, 0]);
  near(meanOfClasses(each).dataSync(), [5]);
  const weights = lossWeights(each);
  near(weights.dataSync(), [0.4, 1.6, 0]);
  near(meanOfClasses(each, weights).dataSync(), [(2 * 0.4 + 8 * 1.6) / 2]);
  const none = lossWeights(classLosses(tf.zeros([1, 1, 3, 3]), masks));
  near(none.dataSync(), [0, 0, 0]);
});

test("lossWeights are constants: the gradient of a weighted mean is the weight's share", () => {
  const masks = tf.ones([1, 1, 2, 2]) as tf.Tensor4D;
  const { grads } = withGradients((x) => {
    const each = classLosses(x as tf.Tensor4D, masks);
    return meanOfClasses(each, lossWeights(each));
  }, [tf.tensor4d([1, 3, 1, 3], [1, 1, 2, 2])]);
  near(grads[0]!.dataSync(), [0.5 / 4, 1.5 / 4, 0.5 / 4, 1.5 / 4]);
});

test("patchGrid, patchHistograms: shares of the classes in each quarter, patches row by row, rests left out", () => {
  assert.deepEqual(patchGrid([5, 9], [2, 4]), [2, 2]);
  assert.deepEqual(patchGrid([1, 9], [2, 4]), [0, 2]);
  const labels = ids([0, 0, 1, 1, 9, 1, 0, 255, 1, 9], [1, 2, 5]);
  const histograms = patchHistograms(labels, [2, 4], 2);
  assert.deepEqual(histograms.shape, [1, 1, 8]);
  // Quarters of one row and two columns: 0 0 | 1 1 above, 1 0 | 255 1 below.
  near(histograms.dataSync(), [1, 0, 0, 1, 0.5, 0.5, 0, 1]);
  const twoRows = ids([0, 0, 0, 0, 1, 1, 1, 1, 255, 255, 1, 0, 255, 255, 0, 0], [1, 4, 4]);
  const rows = patchHistograms(twoRows, [2, 2], 2).arraySync() as number[][][];
  assert.deepEqual(rows[0]!.map((one) => one.map((share) => Math.round(4 * share) / 4)), [
    [1, 0, 1, 0, 0, 1, 0, 1],
    [1, 0, 1, 0, 0, 1, 0, 1],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 0, 1, 0, 1, 0],
  ]);
});

test("nearestCentres: the nearest by distance, the first of equally near ones", () => {
  const centres = tf.tensor2d([[0, 0], [4, 0], [0, 4]]);
  const found = nearestCentres(tf.tensor3d([1, 1, 3, 0, 2, 0, 0, 9], [1, 4, 2]), centres);
  assert.deepEqual([found.dtype, found.shape, [...found.dataSync()]], ["int32", [1, 4], [0, 1, 0, 2]]);
});

test("patchMeans: the mean of each patch; a rest has no part in it and no gradient", () => {
  const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 2, 5, 1]);
  const { value, grads } = withGradients((y) => patchMeans(y as tf.Tensor4D, [1, 2], [2, 2]), [x]);
  near(value.dataSync(), [(1 + 2 + 6 + 7) / 4, (3 + 4 + 8 + 9) / 4]);
  near(grads[0]!.dataSync(), [1, 1, 1, 1, 0, 1, 1, 1, 1, 0].map((one) => one / 4));
});

test("labelsByShare: ids from K on are one class more, and what covers exactly the least share counts", () => {
  const of = (
    labels: readonly number[],
    least: number,
  ) => [
    ...labelsByShare(ids(labels, [1, 1, labels.length]), [1, 1], { classes: 2, least, ignore: 7 }).dataSync(),
  ];
  assert.deepEqual(of([0, 0, 1], 2 / 3), [0]);
  assert.deepEqual(of([0, 0, 1], 0.7), [7]);
  assert.deepEqual(of([2, 255, 1], 0.5), [7], "two different ids that are no class win together");
  assert.deepEqual(of([1], 1), [1]);
});

test("ownLabels: the mean of -log max p over sure cells; certain ones and unsure ones do not count", () => {
  // Probabilities of the first class: 0.5, 0.9, 0.99 and 1 to the last bit.
  const odds = [0, Math.log(9), Math.log(99), 200];
  const z = tf.tensor4d(odds.flatMap((one) => [one, 0]), [1, 2, 2, 2]);
  const of = (threshold: number) => ownLabels(z, { sizes: [1], threshold });
  near(of(0.6).dataSync(), [-(Math.log(0.9) + Math.log(0.99)) / 2]);
  near(of(0.95).dataSync(), [-Math.log(0.99)]);
  near(of(0.999).dataSync(), [0]);
  // Of one square the logits are averaged before it is judged.
  const mean = odds.reduce((a, b) => a + b) / 4;
  near(ownLabels(z, { sizes: [2], threshold: 0.5 }).dataSync(), [Math.log1p(Math.exp(-mean))], 1e-6);
});

for (const backend of ["cpu", "native", "wasm"] as const) {
  // Sums of rounded shares: whatever the sides, a share that equals `least` is enough.
  backendTest(
    backend,
    "labelsByShare: a class that covers exactly the least share wins, however it is rounded",
    () => {
      for (let pixels = 2; pixels <= 24; pixels++) {
        for (let covered = Math.floor(pixels / 2) + 1; covered <= pixels; covered++) {
          const labels = Array.from({ length: pixels }, (_, k) => Number(k >= covered));
          const least = covered / pixels;
          const found = tf.tidy(() =>
            labelsByShare(ids(labels, [1, 1, pixels]), [1, 1], { classes: 2, least, ignore: 7 }).dataSync()[0]
          );
          assert.equal(found, 0, `${covered} of ${pixels}`);
        }
      }
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "ownLabels, placeShares: squares that are larger than the image add no cell, and alone give 0",
    () => {
      const odds = [0, Math.log(9), Math.log(99), 2];
      tf.tidy(() => {
        const z = tf.tensor4d(odds.flatMap((one) => [one, 0]), [1, 2, 2, 2]);
        const of = (sizes: readonly number[]) =>
          withGradients((x) => ownLabels(x as tf.Tensor4D, { sizes, threshold: 0.6 }), [z]);
        const pixels = of([1]), both = of([1, 4]), none = of([4]);
        near(both.value.dataSync(), [...pixels.value.dataSync()]);
        near(both.grads[0]!.dataSync(), [...pixels.grads[0]!.dataSync()]);
        assert.ok(none.value.dataSync()[0] === 0 && none.grads[0]!.dataSync().every((slope) => slope === 0));
        const prior = (_: number, cells: readonly [number, number]) =>
          tf.fill([1, ...cells, 2], 0.5) as tf.Tensor4D;
        const places = (sizes: readonly number[]) =>
          withGradients((x) => placeShares(x as tf.Tensor4D, { sizes, threshold: 0.6 }, prior), [z]);
        near(places([1, 4]).value.dataSync(), [...places([1]).value.dataSync()]);
        const nowhere = places([4]);
        assert.ok(
          nowhere.value.dataSync()[0] === 0 && nowhere.grads[0]!.dataSync().every((slope) => slope === 0),
        );
      });
      return Promise.resolve();
    },
  );
}

test("ownLabels: all cells of all sizes count alike, and the class is a constant", () => {
  const values = normals(4 * 4 * 3, 1, "own").map((value) => 2 * value);
  const shape: [number, number, number, number] = [1, 4, 4, 3];
  const at = { sizes: [1, 2], threshold: 0 };
  const each = [1, 2].map((size) =>
    ownLabels(tf.tensor4d(values, shape), { ...at, sizes: [size] }).dataSync()[0]!
  );
  near(ownLabels(tf.tensor4d(values, shape), at).dataSync(), [(16 * each[0]! + 4 * each[1]!) / 20]);
  const { grads } = withGradients((z) => ownLabels(z as tf.Tensor4D, at), [tf.tensor4d(values, shape)]);
  checkGradient("own labels", {
    at: values,
    gradient: grads[0]!.dataSync(),
    f: (x) => tf.tidy(() => ownLabels(tf.tensor4d(x, shape), at).dataSync()[0]!),
  });
});

test("imageShares: least where the mean probabilities are the shares; without shares those are even", () => {
  const z = (odds: number) => tf.tensor4d([odds, 0], [1, 1, 1, 2]);
  const of = (odds: number, shares?: readonly number[]) =>
    imageShares(z(odds), shares && tf.tensor1d([...shares])).dataSync()[0]!;
  near([of(0), of(0, [0.5, 0.5])], [Math.log(2), Math.log(2)]);
  near([of(Math.log(3))], [of(Math.log(3), [0.5, 0.5])]);
  // Of two classes either share would give the same; of three 1/3 shows.
  const third = [0.5, 0.25, 0.25].map((p) => -(Math.log(p) + 2 * Math.log(1 - p)) / 3);
  near(imageShares(tf.tensor4d([Math.log(2), 0, 0], [1, 1, 1, 3])).dataSync(), [
    third.reduce((a, b) => a + b) / 3,
  ]);
  const least = of(Math.log(3), [0.75, 0.25]);
  near([least], [-0.75 * Math.log(0.75) - 0.25 * Math.log(0.25)], 1e-5);
  for (const odds of [Math.log(2), Math.log(4)]) assert.ok(of(odds, [0.75, 0.25]) > least);
});

test("placeShares: the shares of a place are compared once for each image that is sure of it", () => {
  // Two images of one pixel: sure of the first class, and undecided.
  const z = tf.tensor4d([Math.log(9), 0, 0, 0], [2, 1, 1, 2]);
  const prior = () => tf.tensor4d([0.5, 0.5], [1, 1, 1, 2]);
  const mean = 3 / (3 + 1);
  const expected = -0.5 * Math.log(mean) - 0.5 * Math.log(1 - mean);
  near(placeShares(z, { sizes: [1], threshold: 0.6 }, prior).dataSync(), [expected]);
  near(placeShares(z, { sizes: [1], threshold: 0.4 }, prior).dataSync(), [expected]);
  near(placeShares(z, { sizes: [1], threshold: 0.95 }, prior).dataSync(), [0]);
  const asked: unknown[] = [];
  placeShares(tf.zeros([1, 5, 9, 2]), { sizes: [2, 4], threshold: 0 }, (size, cells) => {
    asked.push([size, ...cells]);
    return tf.fill([1, ...cells, 2], 0.5) as tf.Tensor4D;
  });
  assert.deepEqual(asked, [[2, 2, 4], [4, 1, 2]]);
});

for (const backend of ["cpu", "native", "wasm"] as const) {
  backendTest(
    backend,
    "instanceNorm: every channel of every image has mean 0 and deviation 1, whatever is beside it",
    () => {
      tf.tidy(() => {
        const values = normals(3 * 5 * 7 * 2, 1, "norm").map((value, k) =>
          value * (1 + k % 2) + Math.floor(k / 70)
        );
        const x = tf.tensor4d(values, [3, 5, 7, 2]);
        const y = instanceNorm(x);
        const { mean, variance } = tf.moments(y, [1, 2]);
        assert.ok(mean.dataSync().every((one) => Math.abs(one) < 1e-5));
        assert.ok(variance.dataSync().every((one) => Math.abs(one - 1) < 1e-3));
        const alone = instanceNorm(tf.slice(x, [1, 0, 0, 0], [1, 5, 7, 2]));
        assert.ok(relative(tf.slice(y, [1, 0, 0, 0], [1, 5, 7, 2]).dataSync(), alone.dataSync()) < 1e-5);
        assert.ok(
          instanceNorm(x, { relu: true }).dataSync().every((one, k) =>
            Math.abs(one - Math.max(0, y.dataSync()[k]!)) < 1e-6
          ),
        );
        assert.ok(instanceNorm(tf.fill([1, 3, 3, 2], 5)).dataSync().every((one) => Math.abs(one) < 1e-2));
      });
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "imageLayerNorm: an image's values together, with the unbiased deviation; a plain image becomes beta",
    () => {
      tf.tidy(() => {
        const affine = { gamma: tf.tensor1d([1, 2]), beta: tf.tensor1d([0, 10]) };
        // Values 1, 2, 3, 4: mean 2.5, deviation sqrt(5/3).
        const y = imageLayerNorm(tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]), affine).dataSync();
        const unit = (value: number) => (value - 2.5) / Math.sqrt(5 / 3);
        near(y, [unit(1), 2 * unit(2) + 10, unit(3), 2 * unit(4) + 10], 1e-4);
        const { value, grads } = withGradients(
          (x, gamma, beta) =>
            imageLayerNorm(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }),
          [tf.fill([1, 3, 3, 2], 7), affine.gamma, affine.beta],
        );
        assert.deepEqual([...value.dataSync()], Array.from({ length: 18 }, (_, k) => 10 * (k % 2)));
        assert.ok(grads.every((grad) => grad.dataSync().every(Number.isFinite)));
        assert.deepEqual([...imageLayerNorm(tf.ones([1, 1, 1, 2]), affine).dataSync()], [0, 10]);
      });
      return Promise.resolve();
    },
  );

  backendTest(backend, "imageLayerNorm: gradients by image, factors and offsets are slopes", () => {
    tf.tidy(() => {
      const shape: [number, number, number, number] = [2, 3, 4, 2], size = 48;
      const points = [normals(size, 1, "x"), Float32Array.of(0.5, 2), Float32Array.of(1, -1)];
      const tensors =
        (): tf.Tensor[] => [tf.tensor4d(points[0]!, shape), tf.tensor1d(points[1]!), tf.tensor1d(points[2]!)];
      const f = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
        imageLayerNorm(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D });
      const by = tf.tensor4d(normals(size, 2, "by"), shape);
      const { grads } = withGradients((...xs) => f(xs[0]!, xs[1]!, xs[2]!), tensors(), by);
      points.forEach((at, k) =>
        checkGradient(`image layer norm, input ${k}`, {
          at,
          gradient: grads[k]!.dataSync(),
          f: (values) =>
            tf.tidy(() => {
              const xs = tensors();
              xs[k] = tf.tensor(values, xs[k]!.shape);
              const [x, gamma, beta] = xs;
              return tf.sum(tf.mul(f(x!, gamma!, beta!), by)).dataSync()[0]!;
            }),
        })
      );
    });
    return Promise.resolve();
  });
}
