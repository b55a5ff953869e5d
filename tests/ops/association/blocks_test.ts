/** The pieces in which an association is computed: blocks and tiles, sums that grow, summaries, and levels. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { builtins } from "../../../builtins.ts";
import { aggregate } from "../../../ops/association/aggregation.ts";
import { direction, distinctInputs, imagesOf, joinImages } from "../../../ops/association/directions.ts";
import {
  type AssociationLevel,
  associationLevels,
  contrastByDefault,
  levelPixels,
} from "../../../ops/association/level.ts";
import { associationLoss } from "../../../ops/association/loss.ts";
import { cycleOutcome } from "../../../ops/association/outcome.ts";
import {
  blockRows,
  everyRow,
  forEachBlock,
  isRun,
  tileSide,
} from "../../../ops/association/streaming/blocks.ts";
import { columnPeaks, emptyPeaks, rowPeaks } from "../../../ops/association/streaming/peaks.ts";
import { portableRows } from "../../../ops/association/streaming/portable_rows.ts";
import { Summaries, valuesAt } from "../../../ops/association/streaming/summaries.ts";
import { Sums } from "../../../ops/association/streaming/sums.ts";
import { normals } from "../../contracts/differences.ts";
import { backendTest, relative, withGradients } from "../../goldens.ts";

const registry = builtins();
const cosine = registry.plan("similarity", "cosine"), kl = registry.plan("similarity", "negative-kl");

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

Deno.test("forEachBlock: every index once, in order, in pieces of one size but for the last; none of none", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 12 }), (count, size) => {
      const indices = everyRow(count).map((k) => 3 * k), seen: number[] = [], lengths: number[] = [];
      forEachBlock(indices, size, (block, start) => {
        assert.equal(block[0], indices[start]);
        seen.push(...block);
        lengths.push(block.length);
      });
      assert.deepEqual(seen, [...indices]);
      assert.ok(lengths.slice(0, -1).every((length) => length === size));
    }),
    { seed: 1 },
  );
});

Deno.test("isRun: consecutive numbers, a single one and none are a run, gaps are not", () => {
  const runs = [[], [7], [3, 4, 5]], others = [[3, 5], [0, 1, 3], [2, 3, 4, 6]];
  assert.deepEqual(runs.map((list) => isRun(Int32Array.from(list))), [true, true, true]);
  assert.deepEqual(others.map((list) => isRun(Int32Array.from(list))), [false, false, false]);
});

Deno.test("blockRows: at most 512 rows, at most 16 MiB of them, and at least one", () => {
  assert.deepEqual([1, 8192, 8193, 2 ** 21, 2 ** 22, 2 ** 23].map(blockRows), [512, 512, 511, 2, 1, 1]);
});

Deno.test("tileSide: equal parts of about 1056 pixels, all pixels in one where there are few", () => {
  assert.deepEqual([1, 100, 1056, 1583].map(tileSide), [1, 100, 1056, 1583]);
  fc.assert(
    fc.property(fc.integer({ min: 1584, max: 200_000 }), (pixels) => {
      const side = tileSide(pixels), parts = Math.ceil(pixels / side);
      assert.ok(side >= 700 && side <= 1410, `${side}`);
      // The last part is no small rest.
      assert.ok(pixels - (parts - 1) * side > side - parts);
    }),
    { seed: 1 },
  );
});

Deno.test("rowPeaks: the first of equal largest values of each row, written at the row's own place", () => {
  const peaks = emptyPeaks(5);
  rowPeaks(Float32Array.of(1, 3, 3, -5, -7, NaN, NaN, NaN, NaN), Int32Array.of(4, 0, 2), peaks);
  assert.deepEqual([...peaks.values], [-5, NaN, NaN, NaN, 3]);
  assert.deepEqual([...peaks.columns], [0, 0, 0, 0, 1]);
});

Deno.test("columnPeaks: raised block by block; an equal value does not replace an earlier one", () => {
  const peaks = emptyPeaks(3);
  columnPeaks(Float32Array.of(1, NaN, -2, 1, 5, -3), Int32Array.of(2, 4), peaks);
  columnPeaks(Float32Array.of(0, 5, -1), Int32Array.of(7), peaks);
  assert.deepEqual([[...peaks.values], [...peaks.columns]], [[1, 5, -1], [2, 4, 7]]);
  columnPeaks(new Float32Array(0), new Int32Array(0), peaks);
  assert.deepEqual([...peaks.columns], [2, 4, 7]);
});

Deno.test("cycleOutcome: an ignored start is ignored wherever it ends; else the classes decide", () => {
  const outcomes = [[255, 255], [255, 1], [1, 255], [1, 1], [1, 2]] as const;
  assert.deepEqual(outcomes.map((ends) => cycleOutcome(ends, 255)), [
    "ignored",
    "ignored",
    "other class",
    "consistent",
    "other class",
  ]);
});

test("Summaries: the softmax of some rows as tensors, and the log softmax of a cell", () => {
  const summaries = new Summaries(3);
  summaries.mean.set([1, 2, 3]);
  summaries.inverse.set([10, 20, 30]);
  summaries.logSum.set([5, 6, 7]);
  const { mean, inverse, logSum } = summaries.of(Int32Array.of(2, 0));
  assert.deepEqual([mean, inverse, logSum].map((x) => [...x.dataSync()]), [[3, 1], [30, 10], [7, 5]]);
  assert.equal(summaries.logSoftmax(1, 2.5), (2.5 - 2) * 20 - 6);
  assert.deepEqual([...valuesAt(summaries.mean, Int32Array.of(1, 1)).dataSync()], [2, 2]);
});

test("Sums: what was never added is zeros, parts are added to their rows, and nothing outlives `take`", () => {
  const x = tf.tensor2d([[3, 4], [0, 2], [1, 0]]), other = tf.tensor2d([[1, 1]]);
  const before = tf.memory().numTensors, sums = new Sums(portableRows);
  tf.tidy(() => {
    sums.start(x, tf.tensor2d([[1, 1], [1, 1], [1, 1]]));
    sums.add(x, tf.tensor2d([[10, 20], [30, 40]]), Int32Array.of(2, 0));
    const product = {
      a: tf.tensor2d([[2]]),
      b: { of: other, indices: Int32Array.of(0) },
      transposeA: false,
      rows: Int32Array.of(1),
    };
    sums.addProduct(x, product);
  });
  const taken = sums.take(x);
  assert.deepEqual(taken.arraySync(), [[31, 41], [3, 3], [11, 21]]);
  assert.deepEqual(sums.take(x).arraySync(), [[0, 0], [0, 0], [0, 0]], "taken once, it begins anew");
  tf.tidy(() => {
    sums.acrossOnly(other, tf.tensor1d([Math.SQRT1_2]));
    sums.start(x, tf.tensor2d([[5, 0], [7, 7], [2, 3]]));
    sums.acrossOnly(x, tf.tensor1d([0.2, 0.5, 1]));
  });
  const across = sums.take(x).arraySync();
  [[3.2, -2.4], [7, 0], [0, 3]].forEach((row, k) =>
    row.forEach((value, c) => assert.ok(Math.abs(across[k]![c]! - value) < 1e-5, `${across}`))
  );
  tf.tidy(() => sums.subtract(x, tf.tensor1d([1, 2, 3])));
  assert.deepEqual(
    sums.take(x).arraySync(),
    [[-3, -4], [-0, -4], [-3, -0]].map((row) => row.map((value) => value + 0)),
  );
  assert.ok(tf.memory().numTensors - before <= 4);
});

test("direction, distinctInputs: factors that are the pixels themselves are one input, others their own", () => {
  const [a, b] = [tf.ones([1, 2, 3]), tf.fill([1, 4, 3], 1 / 3)] as [tf.Tensor3D, tf.Tensor3D];
  const there = direction(cosine, a, b), back = direction(cosine, b, a);
  assert.deepEqual(distinctInputs([there, back]), [a, b]);
  assert.deepEqual(distinctInputs([direction(cosine, a, a)]), [a]);
  const divergence = direction(kl, b, a);
  assert.deepEqual([divergence.left === b, divergence.right === a, divergence.offset!.shape], [true, false, [
    1,
    4,
    1,
  ]]);
  assert.equal(distinctInputs([divergence]).length, 3);
  const euclidean = direction(registry.plan("similarity", "negative-euclidean"), a, b);
  assert.deepEqual(euclidean, { left: a, right: b });
});

test("imagesOf and joinImages: image by image, and back into a batch", () => {
  const x = tf.tensor3d(normals(2 * 3 * 4, 1, "x"), [2, 3, 4]),
    y = tf.tensor3d(normals(2 * 5, 2, "y"), [2, 5, 1]);
  const byImage = [0, 1].map((n) => imagesOf([x, y], n));
  assert.deepEqual(byImage[1]!.map(({ shape }) => shape), [[3, 4], [5, 1]]);
  const joined = joinImages([x, y], byImage);
  assert.deepEqual(joined.map(({ shape }) => shape), [[2, 3, 4], [2, 5, 1]]);
  assert.deepEqual(joined.map((one) => one.dataSync()), [x, y].map((one) => one.dataSync()));
});

test("levelPixels: maps become rows, labels those of the nearest pixel; without aggregation candidates are raw", () => {
  const source = tf.tensor4d(normals(2 * 2 * 2 * 3, 1, "s"), [2, 2, 2, 3]);
  const target = tf.tensor4d(normals(2 * 3 * 1 * 3, 2, "t"), [2, 3, 1, 3]);
  const labels = tf.tensor3d(Array.from({ length: 32 }, (_, k) => k), [2, 4, 4], "int32");
  const plain = levelPixels({ source, target, labels }, { similarity: cosine });
  assert.deepEqual([plain.from.shape, plain.raw.shape], [[2, 4, 3], [2, 3, 3]]);
  assert.equal(plain.candidates, plain.raw);
  assert.deepEqual(plain.labels.arraySync(), [[0, 2, 8, 10], [16, 18, 24, 26]]);
  const aggregation = { alpha: 0.5, contrast: false };
  const mixed = levelPixels({ source, target, labels }, { similarity: cosine, aggregation });
  const expected = aggregate(plain.raw, { similarity: cosine, ...aggregation });
  assert.deepEqual(mixed.candidates.dataSync(), expected.dataSync());
  assert.ok(relative(mixed.candidates.dataSync(), plain.raw.dataSync()) > 1e-2);
});

test("associationLevels picks the levels among exhibits; contrastByDefault spares probabilities", () => {
  const level = { kind: "association", label: "a" } as AssociationLevel;
  assert.deepEqual(associationLevels([{ kind: "other" }, level]), [level]);
  assert.deepEqual(associationLevels(), []);
  assert.deepEqual([contrastByDefault(cosine), contrastByDefault(kl)], [true, false]);
});

const options = { similarity: cosine, contrast: true, objective: "contrastive", ignoreLabel: 255 } as const;

for (const backend of ["cpu", "native", "wasm"] as const) {
  backendTest(backend, "aggregate: no pixels give none, alpha 0 changes nothing, equal pixels stay", () => {
    tf.tidy(() => {
      const of = (x: tf.Tensor3D, alpha: number) =>
        aggregate(x, { similarity: cosine, alpha, contrast: true });
      const empty = withGradients((x) => of(x as tf.Tensor3D, 0.5), [tf.zeros([2, 0, 3])]);
      assert.deepEqual([empty.value.shape, empty.grads[0]!.shape], [[2, 0, 3], [2, 0, 3]]);
      const x = tf.tensor3d(normals(2 * 7 * 3, 1, "x"), [2, 7, 3]);
      assert.ok(relative(of(x, 0).dataSync(), x.dataSync()) < 1e-6);
      const alike = tf.tile(tf.tensor3d([1, -2, 3], [1, 1, 3]), [1, 6, 1]) as tf.Tensor3D;
      assert.ok(relative(of(alike, 1).dataSync(), alike.dataSync()) < 1e-5);
      const single = tf.tensor3d([0.5, 2], [1, 1, 2]);
      assert.deepEqual([...of(single, 1).dataSync()], [0.5, 2]);
    });
    return Promise.resolve();
  });

  backendTest(
    backend,
    "aggregate: distributions stay distributions, and each image is mixed by itself",
    () => {
      tf.tidy(() => {
        const p = tf.softmax(tf.tensor3d(normals(2 * 9 * 4, 1, "p"), [2, 9, 4]));
        const mixed = aggregate(p, { similarity: kl, alpha: 0.7, contrast: false });
        const values = mixed.dataSync();
        assert.ok(values.every((value) => value >= 0));
        assert.ok(tf.sum(mixed, 2).dataSync().every((sum) => Math.abs(sum - 1) < 1e-5));
        const second = tf.slice(p, [1, 0, 0], [1, 9, 4]) as tf.Tensor3D;
        const alone = aggregate(second, { similarity: kl, alpha: 0.7, contrast: false }).dataSync();
        assert.ok(relative(values.slice(36), alone) < 1e-6);
      });
      return Promise.resolve();
    },
  );

  backendTest(backend, "associationLoss: the order of pixels changes neither the loss nor the share", () => {
    tf.tidy(() => {
      const [source, target] = [
        tf.tensor3d(normals(60, 1, "s"), [1, 12, 5]),
        tf.tensor3d(normals(50, 2, "t"), [1, 10, 5]),
      ];
      const labels = tf.tensor2d(Array.from({ length: 12 }, (_, k) => k % 3), [1, 12], "int32");
      const of = (s: tf.Tensor3D, t: tf.Tensor3D, l: tf.Tensor2D) => {
        const { loss, associated } = associationLoss([s, t], l, options);
        return [loss.dataSync()[0]!, associated.dataSync()[0]!];
      };
      const [loss, share] = of(source, target, labels);
      assert.ok(share! > 0 && loss! > 0);
      const turned = of(tf.reverse(source, 1), tf.reverse(target, 1), tf.reverse(labels, 1));
      assert.ok(Math.abs(turned[0]! - loss!) < 1e-5 && turned[1] === share, `${turned}`);
    });
    return Promise.resolve();
  });

  backendTest(backend, "associationLoss: nothing associated is 0, and what cannot be compared is NaN", () => {
    tf.tidy(() => {
      const [source, target] = [
        tf.tensor3d(normals(60, 1, "s"), [1, 12, 5]),
        tf.tensor3d(normals(50, 2, "t"), [1, 10, 5]),
      ];
      const all = (label: number) => tf.fill([1, 12], label, "int32") as tf.Tensor2D;
      const ignored = associationLoss([source, target], all(255), options);
      assert.ok(ignored.loss.dataSync()[0] === 0 && ignored.associated.dataSync()[0] === 0);
      const same = associationLoss([source, source], all(1), options);
      assert.equal(same.associated.dataSync()[0], 1, "every pixel finds itself");
      const lost = associationLoss([tf.fill([1, 12, 5], NaN), target], all(1), options);
      assert.ok(Number.isNaN(lost.loss.dataSync()[0]!));
      const nowhere = associationLoss([source, tf.zeros([1, 0, 5])], all(1), options);
      assert.ok(Number.isNaN(nowhere.loss.dataSync()[0]!), "no target pixel");
      const none = associationLoss([tf.zeros([1, 0, 5]), target], tf.zeros([1, 0], "int32"), options);
      assert.ok(
        Number.isNaN(none.associated.dataSync()[0]!) && none.loss.dataSync()[0] === 0,
        "no source pixel",
      );
    });
    return Promise.resolve();
  });
}
