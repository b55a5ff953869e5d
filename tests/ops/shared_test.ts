/** What several processes compute of the parts of a batch is what one computes of the whole, gradients included. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Random } from "../../core/random.ts";
import { solo, type World } from "../../core/world.ts";
import { builtins } from "../../builtins.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { batchNorm } from "../../ops/batch_norm.ts";
import { classLosses, lossWeights, meanOfClasses } from "../../ops/class_reweighting.ts";
import { meanConfidence } from "../../ops/confidence.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { focalCrossEntropy } from "../../ops/focal_cross_entropy.ts";
import { drawnFactors } from "../../ops/layers/dropout.ts";
import { lovasz } from "../../ops/lovasz.ts";
import { maskedDistance } from "../../ops/masked_distance.ts";
import { imageShares, ownLabels, placeShares } from "../../ops/own_labels.ts";
import { scoped } from "../../ops/scoped.ts";
import { sharedCount, sharedMean } from "../../ops/shared.ts";
import { drawHalf, presentLabels, trustedLabels } from "../../streams/mixing.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative, withGradients } from "../goldens.ts";
import { inWorld } from "../worlds.ts";

const IMAGES = 4, SIDE = 4, CLASSES = 3, IGNORE = 255;

/** One process's part of the batch; values differ much between images, so that no part is like another. */
interface Part {
  readonly logits: tf.Tensor4D;
  readonly others: tf.Tensor4D;
  readonly labels: tf.Tensor3D;
  readonly mask: tf.Tensor3D;
  readonly marks: tf.Tensor1D;
}

const values = normals(IMAGES * SIDE * SIDE * CLASSES, 1, "logits").map((one, k) =>
  one * (1 + 2 * Math.floor(k / (SIDE * SIDE * CLASSES)))
);
const otherValues = normals(values.length, 2, "others");
// The first image has hardly a label, the last nothing of class 2.
const ids = Int32Array.from({ length: IMAGES * SIDE * SIDE }, (_, k) => {
  const image = Math.floor(k / (SIDE * SIDE));
  return image === 0 && k % 7 !== 0 ? IGNORE : (k * 5 + image) % (image === IMAGES - 1 ? 2 : CLASSES);
});

/** The images that belong to a process. */
function partOf({ rank, size }: World, given: ArrayLike<number> = values): Part {
  const images = IMAGES / size, first = rank * images;
  const cut = (all: ArrayLike<number>) =>
    Float32Array.from(all).slice(first * perImage(all), (first + images) * perImage(all));
  const perImage = (all: ArrayLike<number>) => all.length / IMAGES;
  const maps: [number, number, number] = [images, SIDE, SIDE];
  return {
    logits: tf.tensor4d(cut(given), [...maps, CLASSES]),
    others: tf.tensor4d(cut(otherValues), [...maps, CLASSES]),
    labels: tf.cast(tf.tensor3d(cut(ids), maps), "int32"),
    mask: tf.tensor3d(cut(ids).map((id) => Number(id === 1)), maps),
    marks: tf.tensor1d(cut([0, 1, 0.5, 2])),
  };
}

type Term = (logits: tf.Tensor4D, part: Part, world: World) => tf.Tensor;

const cosine = builtins().plan("similarity", "cosine");
const flat = <T extends tf.Tensor>(x: tf.Tensor4D | tf.Tensor3D, channels: number[]) =>
  tf.reshape(x as tf.Tensor, [x.shape[0], SIDE * SIDE, ...channels]) as T;

const TERMS: Readonly<Record<string, Term>> = {
  "crossEntropy over labelled pixels": (z, { labels }, world) => crossEntropy(z, { labels }, "valid", world),
  "crossEntropy over all pixels": (z, { labels }, world) => crossEntropy(z, { labels }, "all", world),
  "crossEntropy of distributions": (z, { others, mask }, world) =>
    crossEntropy(z, { soft: tf.mul(tf.softmax(others), tf.expandDims(mask, 3)) }, "valid", world),
  focalCrossEntropy: (z, { labels }, world) => focalCrossEntropy(z, labels, { gamma: 2, world }),
  "meanConfidence with marks": (z, { labels, marks }, world) =>
    meanConfidence(z, { labels, marks, kind: "kld", world }),
  "meanConfidence as entropy": (z, { labels }, world) =>
    meanConfidence(z, { labels, kind: "entropy", world }),
  maskedDistance: (z, { others, mask }, world) => maskedDistance(z, others, mask, world),
  "ownLabels of pixels and squares": (z, _, world) => ownLabels(z, { sizes: [1, 2], threshold: 0.6 }, world),
  placeShares: (z, _, world) =>
    placeShares(
      z,
      { sizes: [2, 4], threshold: 0.5 },
      (__, cells) => tf.fill([1, ...cells, CLASSES], 0.2),
      world,
    ),
  "imageShares of even shares": (z, _, world) => imageShares(z, undefined, world),
  "imageShares of given shares": (z, _, world) => imageShares(z, tf.tensor1d([0.5, 0.3, 0.2]), world),
  lovasz: (z, { labels }, world) => lovasz(tf.softmax(z), labels, world),
  classLosses: (z, { labels }, world) => {
    const masks = tf.cast(tf.oneHot(tf.reshape(labels, [-1]), CLASSES), "float32");
    const each = classLosses(tf.softplus(z), tf.reshape(masks, z.shape), world);
    return meanOfClasses(each, lossWeights(each));
  },
  sharedMean: (z, _, world) => tf.sum(tf.square(sharedMean(tf.mean(z, [0, 1, 2]), world))),
  "associationLoss, contrastive": (z, { others, labels }, world) =>
    associationLoss([flat(z, [CLASSES]), flat(others, [CLASSES])], flat(labels, []), {
      similarity: cosine,
      contrast: true,
      objective: "contrastive",
      ignoreLabel: IGNORE,
      world,
    }).loss,
};

for (const [name, term] of Object.entries(TERMS)) {
  backendTest(
    "cpu",
    `${name}: the mean over two and four processes is the value of one, and its gradient`,
    () => {
      const computed = (world: World) => {
        const part = partOf(world);
        const { value, grads } = withGradients((z) => term(z as tf.Tensor4D, part, world), [part.logits]);
        return { value: value.dataSync()[0]!, gradient: grads[0]!.dataSync() as Float32Array };
      };
      const whole = scoped(() => computed(solo));
      assert.ok(Math.abs(whole.value) > 1e-3 && whole.gradient.some((slope) => slope !== 0));
      for (const size of [2, 4]) {
        const all = inWorld(size, computed);
        const mean = all.reduce((sum, one) => sum + one.value, 0) / size;
        assert.ok(Math.abs(mean - whole.value) <= 1e-5 * Math.abs(whole.value), `${mean}, ${whole.value}`);
        const gradient = all.flatMap((one) => [...one.gradient].map((slope) => slope / size));
        const error = relative(gradient, whole.gradient);
        assert.ok(error < 1e-5, `${size} processes: the gradient is off by ${error}`);
      }
      return Promise.resolve();
    },
  );
}

for (const backend of ["cpu", "wasm"] as const) {
  backendTest(
    backend,
    "batchNorm: parts that go on in other processes have the statistics of all of them",
    () => {
      const computed = (world: World) => {
        const { logits, others } = partOf(world), seen: number[] = [];
        const gamma = tf.tensor1d([1, 2, 3]), beta = tf.tensor1d([0, 1, 0]);
        const { value, grads } = withGradients(
          (x, g, b) =>
            batchNorm(x as tf.Tensor4D, { gamma: g as tf.Tensor1D, beta: b as tf.Tensor1D }, {
              epsilon: 1e-5,
              world,
              relu: true,
              record: ({ mean, variance }) => void seen.push(...mean.dataSync(), ...variance.dataSync()),
            }),
          [logits, gamma, beta],
          others,
        );
        return { y: [...value.dataSync()], seen, grads: grads.map((grad) => [...grad.dataSync()]) };
      };
      const whole = scoped(() => computed(solo));
      const all = inWorld(2, computed);
      assert.ok(relative(all.flatMap(({ y }) => y), whole.y) < 1e-5);
      for (const { seen } of all) assert.ok(relative(seen, whole.seen) < 1e-5);
      assert.ok(relative(all.flatMap(({ grads }) => grads[0]!), whole.grads[0]!) < 1e-5);
      // Of factors and offsets each process has its own part; the trainer adds them up.
      for (const k of [1, 2]) {
        const sum = whole.grads[k]!.map((_, c) => all.reduce((sum, { grads }) => sum + grads[k]![c]!, 0));
        assert.ok(relative(sum, whole.grads[k]!) < 1e-5);
      }
      return Promise.resolve();
    },
  );
}

backendTest("cpu", "sharedCount: at least one in all, and divided among the processes", () => {
  const counted = (counts: readonly number[]) =>
    inWorld(counts.length, (world) => sharedCount(tf.scalar(counts[world.rank]!), world).dataSync()[0]!);
  assert.deepEqual(counted([3]), [3]);
  assert.deepEqual(counted([0]), [1]);
  assert.deepEqual(counted([6, 0]), [3, 3]);
  assert.deepEqual(counted([0, 0, 0, 0]), [0.25, 0.25, 0.25, 0.25]);
  return Promise.resolve();
});

backendTest("cpu", "classes, draws and trust of a mixing step are those of the whole batch", () => {
  const mixed = (world: World) => {
    const { labels, logits } = partOf(world);
    const present = presentLabels(labels, CLASSES, "batch", world);
    const chosen = drawHalf(presentLabels(labels, CLASSES, "image"), Random.stream(3, "half"), world);
    const trust = { threshold: 0.7, ignoreTop: 0, ignoreBottom: 0, world };
    const { sure, weights } = trustedLabels(tf.softmax(logits), trust);
    const pass = { random: { images: [labels.shape[0]], streams: [Random.stream(3, "drop")] }, world };
    return {
      present: present.arraySync(),
      chosen: chosen.arraySync(),
      sure: sure.dataSync()[0]!,
      weight: weights.dataSync()[0]!,
      dropped: [...drawnFactors(5, 0.5, pass)!],
    };
  };
  const whole = scoped(() => mixed(solo));
  for (const size of [2, 4]) {
    const all = inWorld(size, mixed);
    assert.deepEqual(all.flatMap(({ present }) => present), whole.present);
    assert.deepEqual(all.flatMap(({ chosen }) => chosen), whole.chosen);
    assert.deepEqual(all.flatMap(({ dropped }) => dropped), whole.dropped);
    for (const { sure, weight } of all) {
      assert.ok(Math.abs(sure - whole.sure) < 1e-6 && sure === weight, `${sure}, ${whole.sure}`);
    }
  }
  assert.ok(whole.sure > 0 && whole.sure < 1);
  return Promise.resolve();
});
