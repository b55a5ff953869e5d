/** The parts of mixing, the plain makers of images, and what is drawn for them. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { builtins } from "../../builtins.ts";
import type { Images, StepContext } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { gradients } from "../../ops/gradients.ts";
import { changeColours, drawChanges } from "../../streams/colour_jitter.ts";
import { disturbed } from "../../streams/disturbance.ts";
import { drawHalf, maskOf, mixImages, paste, presentLabels, trustedLabels } from "../../streams/mixing.ts";
import { contextOf } from "../contexts.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

const registry = builtins();

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

const ids = (values: readonly number[], shape: [number, number, number]) =>
  tf.tensor3d([...values], shape, "int32");
const pixelsOf = (n: number, h: number, w: number, seed = 1) =>
  tf.tensor4d(normals(n * h * w * 3, seed, "pixels"), [n, h, w, 3]);

test("presentLabels: by image or by batch, all ids from K on as one more value", () => {
  const labels = ids([0, 0, 2, 2, 7, 255, 1, 1], [2, 2, 2]);
  assert.deepEqual(presentLabels(labels, 3, "image").arraySync(), [[1, 0, 1, 0], [0, 1, 0, 1]]);
  assert.deepEqual(presentLabels(labels, 3, "batch").arraySync(), [[1, 1, 1, 1], [1, 1, 1, 1]]);
});

test("drawHalf: of k present values ceil(k / 2), never an absent one, and of none none", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      fc.nat(99),
      (rows, seed) => {
        const present = tf.tensor2d(rows.map((row) => row.map(Number)));
        const chosen = drawHalf(present, Random.stream(seed, "half")).arraySync();
        rows.forEach((row, n) => {
          const count = row.filter(Boolean).length;
          assert.equal(chosen[n]!.reduce((a, b) => a + b), Math.ceil(count / 2));
          assert.ok(chosen[n]!.every((one, id) => one === 0 || row[id]));
        });
      },
    ),
    { seed: 1, numRuns: 40 },
  );
});

test("maskOf: the pixels of the values chosen in their own image, ignored ones with the last value", () => {
  const labels = ids([0, 1, 2, 255, 0, 1, 9, 2], [2, 1, 4]);
  const chosen = tf.tensor2d([[1, 0, 0, 1], [0, 1, 1, 0]]);
  assert.deepEqual([...maskOf(labels, chosen).dataSync()], [1, 0, 0, 1, 0, 1, 0, 1]);
});

test("paste: pixels, labels and weights of the source where the mask is 1, of the target elsewhere", () => {
  const [source, target] = [pixelsOf(1, 1, 3), pixelsOf(1, 1, 3, 2)];
  const found = paste({
    source: { pixels: source, labels: ids([1, 2, 255], [1, 1, 3]), weights: tf.ones([1, 1, 3]) },
    target: { pixels: target, labels: ids([4, 5, 6], [1, 1, 3]), weights: tf.fill([1, 1, 3], 0.25) },
    mask: tf.tensor3d([0, 1, 1], [1, 1, 3]),
  });
  const [from, under] = [source.dataSync(), target.dataSync()];
  assert.deepEqual([...found.pixels.dataSync()], [...under.slice(0, 3), ...from.slice(3)]);
  assert.deepEqual([found.labels.dtype, [...found.labels.dataSync()]], ["int32", [4, 2, 255]]);
  assert.deepEqual([...found.weights.dataSync()], [0.25, 1, 1]);
});

const trust = { threshold: 0.75, ignoreTop: 0, ignoreBottom: 0 };

test("trustedLabels: every pixel weighs the share of sure ones, the threshold itself included", () => {
  const p = tf.tensor4d([0.75, 0.25, 0.1, 0.9, 0.5, 0.5, 0.4, 0.6], [1, 4, 1, 2]);
  const { labels, weights, sure } = trustedLabels(p, trust);
  assert.deepEqual([[...labels.dataSync()], sure.dataSync()[0]], [[0, 1, 0, 1], 0.5]);
  assert.deepEqual([...weights.dataSync()], [0.5, 0.5, 0.5, 0.5]);
  const cut = trustedLabels(p, { ...trust, ignoreTop: 1, ignoreBottom: 2 });
  assert.deepEqual([[...cut.weights.dataSync()], cut.sure.dataSync()[0]], [[0, 0.5, 0, 0], 0.5]);
  const all = trustedLabels(p, { ...trust, ignoreTop: 3, ignoreBottom: 2 });
  assert.deepEqual([...all.weights.dataSync()], [0, 0, 0, 0]);
});

test("mixImages: source pixels weigh 1 whatever their label, target pixels as the teacher is sure", () => {
  const logits = tf.tensor4d([9, 0, 0, 1], [1, 1, 2, 2]);
  const { labels, weights, values } = mixImages({
    source: { pixels: pixelsOf(1, 1, 2), labels: ids([255, 1], [1, 1, 2]) },
    target: { pixels: pixelsOf(1, 1, 2, 2) },
    logits,
    mask: tf.tensor3d([1, 0], [1, 1, 2]),
  }, trust);
  assert.deepEqual([[...labels.dataSync()], [...weights.dataSync()]], [[255, 1], [1, 0.5]]);
  assert.equal(values["sure"]!.dataSync()[0], 0.5);
});

/** A context whose streams are these. */
function contextWith(streams: Readonly<Record<string, Images>>, name = "test"): StepContext {
  const view = {
    logits: tf.zeros([1, 1, 1, 2]) as tf.Tensor4D,
    taps: {},
    labels: tf.zeros([1, 1, 1], "int32") as tf.Tensor3D,
  };
  return {
    ...contextOf({ source: view }),
    random: Random.stream(0, name),
    images: (stream) => streams[stream]!,
  };
}

/** What a stream of a type makes. */
function made(type: string, options: object, context: StepContext): Images {
  const setup = {
    seed: 0,
    numClasses: 2,
    taps: {},
    classes: [],
    alignCorners: false,
    variable: () => assert.fail("owns nothing"),
  };
  return registry.plan("stream", { type, options }).create(setup).make(context);
}

const whole = (): Required<Pick<Images, "pixels" | "labels" | "weights" | "soft" | "values">> => ({
  pixels: pixelsOf(1, 2, 3),
  labels: ids([0, 1, 2, 3, 4, 5], [1, 2, 3]),
  weights: tf.tensor3d([0, 1, 2, 3, 4, 5], [1, 2, 3]),
  soft: tf.tensor4d(Array.from({ length: 12 }, (_, k) => k), [1, 2, 3, 2]),
  values: { sure: tf.scalar(1) },
});

test("mirrored: left and right are exchanged in all that a stream has; values are left out", () => {
  const given = whole(),
    { pixels, labels, weights, soft, values } = made("mirrored", { stream: "a" }, contextWith({ a: given }));
  assert.deepEqual([...labels!.dataSync()], [2, 1, 0, 5, 4, 3]);
  assert.deepEqual([...weights!.dataSync()], [2, 1, 0, 5, 4, 3]);
  assert.deepEqual([...soft!.dataSync()], [4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7]);
  assert.deepEqual(pixels.dataSync().slice(0, 3), given.pixels.dataSync().slice(6, 9));
  assert.equal(values, undefined);
  const plain = made("mirrored", { stream: "a" }, contextWith({ a: { pixels: given.pixels } }));
  assert.deepEqual(Object.keys(plain), ["pixels"]);
});

test("offered: what a stream offers, or its own pixels with all it has but values; no such value is an error", () => {
  const given = whole();
  const context = contextWith({
    a: { ...given, values: { other: tf.neg(given.pixels), sure: tf.scalar(1) } },
  });
  const other = made("offered", { stream: "a", value: "other" }, context);
  assert.deepEqual(Object.keys(other), ["pixels"]);
  assert.deepEqual(other.pixels.dataSync()[0], -given.pixels.dataSync()[0]!);
  const own = made("offered", { stream: "a" }, context);
  assert.deepEqual([own.pixels, own.labels, own.soft, own.values], [
    given.pixels,
    given.labels,
    given.soft,
    undefined,
  ]);
  assert.throws(() => made("offered", { stream: "a", value: "third" }, context), {
    message: 'the stream "a" offers no "third" (other, sure)',
  });
  assert.throws(
    () => made("offered", { stream: "a", value: "third" }, contextWith({ a: { pixels: given.pixels } })),
    {
      message: 'the stream "a" offers no "third"',
    },
  );
});

test("offered: gradients flow to what made the images, unless they are constants", () => {
  const x = pixelsOf(1, 2, 2);
  const slope = (constant: boolean) =>
    gradients(() => {
      const context = contextWith({ a: { pixels: tf.mul(x, 2) } });
      return tf.sum(made("offered", { stream: "a", constant }, context).pixels);
    }, [x]).grads[0];
  assert.ok(slope(false)!.dataSync().every((value) => value === 2));
  assert.equal(slope(true), undefined);
});

test("masked: a share of 0 hides nothing, nearly 1 hides nearly all; the grid has rounded sides, at least one cell", () => {
  const pixels = tf.ones([2, 10, 7, 3]) as tf.Tensor4D;
  const seen = (options: object, name?: string) => {
    const given = { ...whole(), pixels };
    const plain = { stream: "a", jitter: false, blur: false, ...options };
    return made("masked", plain, contextWith({ a: given }, name));
  };
  assert.ok(seen({ share: 0, cell: 3 }).pixels.dataSync().every((value) => value === 1));
  assert.ok(seen({ share: 0.999999, cell: 3 }).pixels.dataSync().every((value) => value === 0));
  // round(10 / 4) = 3 rows of cells and round(7 / 4) = 2 columns, enlarged by nearest neighbours.
  const cells = seen({ share: 0.5, cell: 4 }).pixels;
  const mask = tf.slice(cells, [0, 0, 0, 0], [1, 10, 7, 1]).dataSync();
  const random = Random.stream(0, "test");
  const kept = Array.from({ length: 6 }, () => Number(random.next() > 0.5));
  mask.forEach((value, k) => {
    const row = Math.floor(Math.floor(k / 7) * 3 / 10), column = Math.floor((k % 7) * 2 / 7);
    assert.equal(value, kept[2 * row + column]);
  });
  const large = seen({ share: 0.5, cell: 100 }, "large").pixels.dataSync();
  assert.equal(new Set(large.slice(0, 210)).size, 1, "one cell an image");
  const { hide, labels, values } = seen({ share: 0.5, cell: 4 });
  assert.deepEqual([hide, labels!.shape, values], [undefined, [1, 2, 3], undefined]);
});

test("drawChanges takes as many numbers whatever comes out, so that later draws stay the same", () => {
  const next = (jitter: object) => {
    const random = Random.stream(2, "changes");
    drawChanges({ brightness: 0, contrast: 0, saturation: 0, hue: 0, ...jitter }, random);
    return random.next();
  };
  const all = [{}, { brightness: 1 }, { hue: 0.5, saturation: 1 }, { form: "torchvision", contrast: 0.3 }];
  assert.equal(new Set(all.map(next)).size, 1);
});

test("disturbed: without either, images are the same tensor; a blur keeps the mean, small images stay sharp", () => {
  const context = () => contextWith({}, "blur");
  const pixels = pixelsOf(2, 30, 30);
  assert.equal(disturbed(pixels, { jitter: false, blur: false }, context()), pixels);
  const blur = { probability: 1, drawn: "step", sigma: [1, 1] } as const;
  const soft = disturbed(pixels, { jitter: false, blur: { ...blur, sigma: [1, 1] } }, context());
  assert.ok(relative(soft.dataSync(), pixels.dataSync()) > 0.1);
  const small = pixelsOf(1, 9, 9);
  assert.ok(
    relative(
      disturbed(small, { jitter: false, blur: { ...blur, sigma: [1, 1] } }, context()).dataSync(),
      small.dataSync(),
    ) < 1e-6,
  );
  const never = disturbed(
    pixels,
    { jitter: false, blur: { ...blur, probability: 0, sigma: [1, 1] } },
    context(),
  );
  assert.equal(never, pixels);
});

test("changeColours: values outside of [0, 1] are cut, also of images without a change", () => {
  const normalization = { order: "rgb", scale: 1 / 255, mean: [0, 0, 0], deviation: [1, 1, 1] } as const;
  const pixels = tf.tensor4d([-0.5, 0.25, 1.5, 0.5, 0.5, 2], [2, 1, 1, 3]);
  const found = changeColours(pixels, [[], [(image) => tf.mul(image, 2)]], normalization).dataSync();
  [0, 0.25, 1, 1, 1, 1].forEach((one, k) => assert.ok(Math.abs(found[k]! - one) < 1e-6, `${found}`));
});
