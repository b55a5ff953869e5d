/** Losses of pixels by their definitions, in double precision: what counts, what it is divided by, what nothing gives. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { meanConfidence } from "../../ops/confidence.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { cosineOf, discrepancyMap } from "../../ops/discrepancy.ts";
import { misjudged } from "../../ops/discrimination.ts";
import { normalisedEntropy, selfInformation } from "../../ops/entropy.ts";
import { focalCrossEntropy } from "../../ops/focal_cross_entropy.ts";
import { adaptiveLabelSmoothing } from "../../ops/label_smoothing.ts";
import { lovasz } from "../../ops/lovasz.ts";
import { maskedDistance } from "../../ops/masked_distance.ts";
import { featureDistance, textureDistance } from "../../ops/perceptual.ts";
import { checkGradient, normals } from "../contracts/differences.ts";
import { backendTest, withGradients } from "../goldens.ts";

const IGNORE = 255;
const [N, H, W, K] = [2, 2, 3, 4];
const PIXELS = N * H * W;

const logits = normals(PIXELS * K, 1, "logits").map((value) => 2 * value);
/** Ids beyond the classes on either side are ignored. */
const labels = [0, 1, 2, IGNORE, 3, 3, -1, 1, K, 0, 2, 1];
const weights = Array.from({ length: PIXELS }, (_, k) => (k % 4) / 2);

const z = () => tf.tensor4d(logits, [N, H, W, K]);
const ids = (values: readonly number[] = labels) => tf.tensor3d([...values], [N, H, W], "int32");

/** Softmax of every pixel. */
const p = Array.from({ length: PIXELS }, (_, pixel) => {
  const powers = Array.from(logits.subarray(pixel * K, (pixel + 1) * K), (value) => Math.exp(value));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
});

const known = labels.flatMap((label, pixel) => label >= 0 && label < K ? [{ label, pixel }] : []);
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const near = (actual: tf.Tensor, expected: number, tolerance = 1e-5) => {
  assert.deepEqual(actual.shape, []);
  const [value] = actual.dataSync();
  assert.ok(
    Math.abs(value! - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${value}, ${expected}`,
  );
};

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

/** Fails unless the gradient of a loss is the slope of its value, on the heap as well. */
function slopes(what: string, loss: (z: tf.Tensor4D) => tf.Scalar, at = logits): void {
  const shape = [N, H, W, at.length / PIXELS] as [number, number, number, number];
  const { grads } = withGradients((x) => loss(x as tf.Tensor4D), [tf.tensor4d(at, shape)]);
  checkGradient(what, {
    at,
    gradient: grads[0]!.dataSync(),
    f: (values) => tf.tidy(() => loss(tf.tensor4d(values, shape)).dataSync()[0]!),
  });
}

test("crossEntropy: the mean over labelled pixels, or their sum over all pixels", () => {
  const sum = total(known.map(({ label, pixel }) => -Math.log(p[pixel]![label]!)));
  assert.equal(known.length, 9);
  near(crossEntropy(z(), { labels: ids() }), sum / 9);
  near(crossEntropy(z(), { labels: ids() }, "valid"), sum / 9);
  near(crossEntropy(z(), { labels: ids() }, "all"), sum / 12);
});

test("crossEntropy: weights are factors of the terms and change no denominator", () => {
  const sum = total(known.map(({ label, pixel }) => -weights[pixel]! * Math.log(p[pixel]![label]!)));
  const weighted = { labels: ids(), weights: tf.tensor3d(weights, [N, H, W]) };
  near(crossEntropy(z(), weighted), sum / 9);
  near(crossEntropy(z(), weighted, "all"), sum / 12);
  slopes("weighted cross-entropy", (x) => crossEntropy(x, weighted));
});

test("crossEntropy: distributions are taken instead of labels; a pixel of zeros counts nowhere", () => {
  const shares = p.map((row, pixel) =>
    row.map((_, c) => pixel % 3 === 0 ? 0 : c === pixel % K ? 0.75 : 0.25 / (K - 1))
  );
  const soft = tf.tensor4d(shares.flat(), [N, H, W, K]);
  const terms = shares.map((row, pixel) => -total(row.map((q, c) => q * Math.log(p[pixel]![c]!))));
  near(crossEntropy(z(), { soft }), total(terms) / 8);
  near(crossEntropy(z(), { soft, labels: ids() }, "all"), total(terms) / 12);
  // A pixel whose shares add up to a half counts as a whole one.
  near(crossEntropy(z(), { soft: tf.mul(soft, 0.5) }), total(terms) / 16);
  slopes("cross-entropy of distributions", (x) => crossEntropy(x, { soft }));
  slopes("cross-entropy of halves", (x) => crossEntropy(x, { soft: tf.mul(soft, 0.5) }));
});

test("crossEntropy, focalCrossEntropy and meanConfidence: without a label 0, and no gradient", () => {
  const none = ids(labels.map((_, k) => k % 2 === 0 ? IGNORE : -3));
  const losses: readonly ((x: tf.Tensor4D) => tf.Scalar)[] = [
    (x) => crossEntropy(x, { labels: none }),
    (x) => crossEntropy(x, { soft: tf.zerosLike(x) }),
    (x) => focalCrossEntropy(x, none, { gamma: 2 }),
    (x) => meanConfidence(x, { labels: none, kind: "kld" }),
    (x) => meanConfidence(x, { labels: ids(), marks: tf.zeros([N]), kind: "entropy" }),
    (x) => lovasz(tf.softmax(x), none),
  ];
  for (const loss of losses) {
    const { value, grads } = withGradients((x) => loss(x as tf.Tensor4D), [z()]);
    assert.ok(value.dataSync()[0] === 0);
    assert.ok(grads[0]!.dataSync().every((slope) => slope === 0));
  }
});

test("focalCrossEntropy: -(1 - q)^gamma log q over labelled pixels; with gamma 0 the cross-entropy", () => {
  for (const gamma of [0.5, 1, 2, 3]) {
    const terms = known.map(({ label, pixel }) => {
      const q = p[pixel]![label]!;
      return -((1 - q) ** gamma) * Math.log(q);
    });
    near(focalCrossEntropy(z(), ids(), { gamma }), total(terms) / 9);
  }
  near(focalCrossEntropy(z(), ids(), { gamma: 0 }), crossEntropy(z(), { labels: ids() }).dataSync()[0]!);
});

test("focalCrossEntropy: gradients are slopes at every gamma, ignored and certain pixels included", () => {
  for (const gamma of [0, 0.5, 1, 2]) slopes(`gamma ${gamma}`, (x) => focalCrossEntropy(x, ids(), { gamma }));
  // Certain to the last bit: as good as known, and no gradient.
  const sure = tf.mul(tf.oneHot(labels.map((label) => Math.max(0, Math.min(label, K - 1))), K), 200);
  const x = tf.reshape(sure, [N, H, W, K]);
  for (const gamma of [0, 0.5, 2]) {
    const { value, grads } = withGradients((one) => focalCrossEntropy(one as tf.Tensor4D, ids(), { gamma }), [
      x,
    ]);
    near(value, 0);
    assert.ok(grads[0]!.dataSync().every((slope) => Math.abs(slope) < 1e-6), `${gamma}: ${grads[0]}`);
  }
});

test("meanConfidence: a pixel's value times its image's mark, over pixels whose mark is not 0", () => {
  const kld = known.map(({ pixel }) => -total(p[pixel]!.map(Math.log)) / K);
  const entropy = known.map(({ pixel }) => total(p[pixel]!.map((q) => q * Math.log(q))));
  near(meanConfidence(z(), { labels: ids(), kind: "kld" }), total(kld) / 9);
  near(meanConfidence(z(), { labels: ids(), kind: "entropy" }), total(entropy) / 9);
  const ofSecond = known.map(({ pixel }, k) => pixel >= H * W ? kld[k]! : 0);
  const count = ofSecond.filter((value) => value !== 0).length;
  const marks = tf.tensor1d([0, 3]);
  near(meanConfidence(z(), { labels: ids(), kind: "kld", marks }), 3 * total(ofSecond) / count);
  near(
    meanConfidence(z(), { labels: ids(), kind: "kld", marks: tf.tensor1d([0.5, 3]) }),
    (0.5 * total(kld) + 2.5 * total(ofSecond)) / 9,
  );
});

test("meanConfidence: both measures are least where all classes are alike", () => {
  const even = tf.zeros([N, H, W, K]) as tf.Tensor4D;
  for (const [kind, least] of [["kld", Math.log(K)], ["entropy", -Math.log(K)]] as const) {
    near(meanConfidence(even, { labels: ids(), kind }), least);
    assert.ok(meanConfidence(z(), { labels: ids(), kind }).dataSync()[0]! > least);
  }
});

test("adaptiveLabelSmoothing: gamma u, and its gradient is gamma's share of u's slope", () => {
  const u = p.map((row) => -total(row.map(Math.log)) / K);
  for (const lambda of [0.5, 2, 10]) {
    near(adaptiveLabelSmoothing(z(), lambda), total(u.map((one) => (one / lambda - 1) * one)) / PIXELS);
    const { grads } = withGradients((x) => adaptiveLabelSmoothing(x as tf.Tensor4D, lambda), [z()]);
    const found = grads[0]!.dataSync();
    p.forEach((row, pixel) =>
      row.forEach((q, c) => {
        const expected = (u[pixel]! / lambda - 1) * (q - 1 / K) / PIXELS;
        assert.ok(Math.abs(found[pixel * K + c]! - expected) < 1e-6);
      })
    );
  }
});

test("selfInformation: the parts add up to the normalised entropy, and each is at most 1 / (e log K)", () => {
  const parts = selfInformation(z());
  const each = tf.sum(parts, 3);
  near(tf.mean(each), normalisedEntropy(z()).dataSync()[0]!);
  const values = parts.dataSync();
  assert.ok(values.every((value) => value >= 0 && value <= 1 / (Math.E * Math.log(K)) + 1e-6));
  p.flat().forEach((q, k) => assert.ok(Math.abs(values[k]! + q * Math.log(q) / Math.log(K)) < 1e-6));
  // A probability that rounds to 0 is no NaN.
  assert.ok(selfInformation(tf.tensor4d([0, -500], [1, 1, 1, 2])).dataSync().every((value) => value === 0));
});

test("maskedDistance: the mean Euclidean distance where the mask is 1; other pixels have no gradient", () => {
  const own = tf.tensor4d([3, 4, 1, 1, 9, 9], [1, 1, 3, 2]);
  const other = tf.tensor4d([0, 0, 1, 1, 0, NaN], [1, 1, 3, 2]);
  const mask = tf.tensor3d([1, 1, 0], [1, 1, 3]);
  const { value, grads } = withGradients((x) => maskedDistance(x as tf.Tensor4D, other, mask), [own]);
  near(value, 2.5);
  const found = [...grads[0]!.dataSync()];
  [0.3, 0.4, 0, 0, 0, 0].forEach((slope, k) => assert.ok(Math.abs(found[k]! - slope) < 1e-6, `${found}`));
});

test("discrepancyMap: 0 where two heads agree, 1 where each is sure of another class, alike both ways round", () => {
  const sure = (id: number) => tf.mul(tf.oneHot(tf.fill([1, 1, 1], id, "int32"), 3), 80) as tf.Tensor4D;
  assert.ok(Math.abs(discrepancyMap(sure(0), sure(0)).dataSync()[0]!) < 1e-6);
  assert.ok(Math.abs(discrepancyMap(sure(0), sure(2)).dataSync()[0]! - 1) < 1e-6);
  const other = tf.reverse(z(), 3);
  const [there, back] = [discrepancyMap(z(), other), discrepancyMap(other, z())];
  assert.deepEqual(there.shape, [N, H, W]);
  assert.deepEqual(there.dataSync(), back.dataSync());
  assert.ok(Number.isNaN(cosineOf(tf.zeros([2]), tf.ones([2])).dataSync()[0]!));
  near(cosineOf(tf.tensor1d([1, 2]), tf.tensor1d([-2, -4])), -1);
});

test("misjudged: the error of each score by label and measure, finite however large the score", () => {
  const scores = [-90, -1, 0, 2, 90];
  const errors = (label: 0 | 1, by?: "bce" | "ls") => [
    ...misjudged(tf.tensor1d(scores), by ? { label, by } : { label }).dataSync(),
  ];
  const softplus = (u: number) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));
  const close = (found: number[], expected: number[]) =>
    expected.forEach((one, k) => assert.ok(Math.abs(found[k]! - one) < 1e-4, `${found}`));
  close(errors(1), scores.map((u) => softplus(-u)));
  close(errors(0, "bce"), scores.map(softplus));
  close(errors(1, "ls"), scores.map((u) => (u - 1) ** 2));
  close(errors(0, "ls"), scores.map((u) => u ** 2));
});

test("featureDistance weighs each layer; textureDistance does not see where things are", () => {
  const made = [tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]), tf.tensor4d([1, -1], [1, 1, 1, 2])];
  const other = [tf.tensor4d([4, 3, 2, 1], [1, 2, 2, 1]), tf.tensor4d([0, 0], [1, 1, 1, 2])];
  near(featureDistance(made, other, [0.5, 10]), 0.5 * (3 + 1 + 1 + 3) / 4 + 10 * 1);
  near(textureDistance(made, other, [0.5, 10]), 10);
  const larger = tf.fill([1, 5, 3, 1], 2.5) as tf.Tensor4D;
  near(textureDistance(made.slice(0, 1), [larger], [7]), 0);
});

/** The Lovasz-Softmax loss as the paper has it: errors in descending order, times the steps of the Jaccard loss. */
function lovaszByDefinition(rows: readonly (readonly number[])[], truth: readonly number[]): number {
  const counted = rows.flatMap((row, k) =>
    truth[k]! >= 0 && truth[k]! < row.length ? [{ row, label: truth[k]! }] : []
  );
  const present = [...new Set(counted.map(({ label }) => label))];
  const perClass = present.map((c) => {
    const errors = counted.map(({ row, label }) => ({
      member: label === c,
      e: label === c ? 1 - row[c]! : row[c]!,
    }))
      .sort((a, b) => b.e - a.e);
    const members = errors.filter(({ member }) => member).length;
    let [hit, others, before, sum] = [0, 0, 0, 0];
    for (const { member, e } of errors) {
      if (member) hit++;
      else others++;
      const jaccard = 1 - (members - hit) / (members + others);
      sum += e * (jaccard - before);
      before = jaccard;
    }
    return sum;
  });
  return present.length === 0 ? 0 : total(perClass) / present.length;
}

const drawn = fc.record({
  pixels: fc.integer({ min: 1, max: 40 }),
  classes: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(1000),
  // Coarse, so that errors are equal.
  steps: fc.constantFrom(4, 1e6),
});

for (const backend of ["cpu", "native", "wasm"] as const) {
  backendTest(
    backend,
    "lovasz is the paper's sum, in [0, 1], and does not depend on the order of pixels",
    () => {
      fc.assert(
        fc.property(drawn, ({ pixels, classes, seed, steps }) =>
          tf.tidy(() => {
            const values = normals(pixels * classes, seed, "lovasz");
            const rows = Array.from({ length: pixels }, (_, k) => {
              const row = Array.from(values.subarray(k * classes, (k + 1) * classes), Math.exp);
              return row.map((value) => Math.round(steps * value / total(row)) / steps);
            });
            const truth = rows.map((_, k) => (k * 7 + seed) % (classes + 2) - 1);
            const of = (order: readonly number[]) =>
              lovasz(
                tf.tensor4d(order.flatMap((k) => rows[k]!), [1, 1, pixels, classes]),
                tf.tensor3d(order.map((k) => truth[k]!), [1, 1, pixels], "int32"),
              ).dataSync()[0]!;
            const order = rows.map((_, k) => k), found = of(order);
            assert.ok(Math.abs(found - lovaszByDefinition(rows, truth)) < 1e-5);
            assert.ok(found >= -1e-6 && found <= 1 + 1e-6);
            assert.ok(Math.abs(of(order.toReversed()) - found) < 1e-5);
          })),
        { seed: 1, numRuns: 60 },
      );
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "lovasz: 0 for right and certain predictions, 1 for wrong and certain ones; absent classes count nowhere",
    () => {
      tf.tidy(() => {
        const certain = (predicted: readonly number[]) =>
          tf.reshape(tf.cast(tf.oneHot(tf.tensor1d([...predicted], "int32"), 5), "float32"), [
            1,
            1,
            predicted.length,
            5,
          ]);
        const of = (predicted: readonly number[], truth: readonly number[]) =>
          lovasz(certain(predicted) as tf.Tensor4D, tf.tensor3d([...truth], [1, 1, truth.length], "int32"))
            .dataSync()[0]!;
        const equal = (found: number, expected: number) =>
          assert.ok(Math.abs(found - expected) < 1e-6, `${found}`);
        equal(of([0, 1, 1, 3], [0, 1, 1, 3]), 0);
        equal(of([4, 4, 4], [0, 1, 1]), 1);
        // The IoU of class 0 is 1/2, and so is that of class 1; the ignored pixel makes neither smaller.
        equal(of([0, 1, 1, 0], [0, 0, 1, IGNORE]), (1 / 2 + 1 / 2) / 2);
      });
      return Promise.resolve();
    },
  );
}

test("lovasz: the gradient is the slope of the value", () => {
  slopes("lovasz", (x) => lovasz(tf.softmax(x), ids()));
});
