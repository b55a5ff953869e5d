/** Where new pixels lie among old ones: resizing, pooling, picking, padding and blurring, by their definitions. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../core/errors.ts";
import { adaptiveAveragePool, averagePool } from "../../ops/average_pool.ts";
import { conv2dTranspose } from "../../ops/conv2d_transpose.ts";
import { maxPool } from "../../ops/max_pool.ts";
import { nearestLabels } from "../../ops/nearest.ts";
import { reflectPad } from "../../ops/reflect_pad.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { resizePositions } from "../../ops/resize_positions.ts";
import { place, weights } from "../../ops/resize_products.ts";
import { gaussianBlur, kernelSide } from "../../streams/gaussian_blur.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, withGradients } from "../goldens.ts";

const BACKENDS = ["cpu", "native", "wasm"] as const;
const side = fc.integer({ min: 1, max: 13 });

/** One row of pixels of a channel. */
const line = (...values: number[]) => tf.tensor4d(values, [1, 1, values.length, 1]);
const near = (actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-6) => {
  assert.equal(actual.length, expected.length);
  expected.forEach((one, k) =>
    assert.ok(Math.abs(actual[k]! - one) <= tolerance, `${[...Array.from(actual)]}`)
  );
};

Deno.test("weights: those of a new pixel are not negative and add up to 1, whatever the sides", () => {
  fc.assert(
    fc.property(side, side, fc.boolean(), (from, to, alignCorners) => {
      const { data, shape } = weights(from, to, { alignCorners });
      assert.deepEqual(shape, [to, from]);
      assert.ok(data.every((weight) => weight >= 0));
      for (let row = 0; row < to; row++) {
        const sum = data.subarray(row * from, (row + 1) * from).reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - 1) < 1e-6);
      }
    }),
    { seed: 1 },
  );
});

Deno.test("place: both pixels lie in the image beside each other, and the share is in [0, 1)", () => {
  fc.assert(
    fc.property(side, side, fc.boolean(), (from, to, alignCorners) => {
      const at = place({ from, to, alignCorners });
      const centres = Array.from({ length: to }, (_, pixel) => {
        const { low, high, share } = at(pixel);
        assert.ok(low >= 0 && high < from && high - low <= 1 && share >= 0 && share < 1);
        return low + share;
      });
      assert.ok(centres.every((centre, k) => k === 0 || centre >= centres[k - 1]!));
      if (alignCorners && to > 1) assert.deepEqual([centres[0], centres.at(-1)], [0, from - 1]);
    }),
    { seed: 1 },
  );
  assert.deepEqual(place({ from: 5, to: 1, alignCorners: true })(0), { low: 0, high: 1, share: 0 });
});

for (const backend of BACKENDS) {
  backendTest(
    backend,
    "resizeBilinear: a plain map stays plain, mirrored maps are mirrored, no value is exceeded",
    () => {
      fc.assert(
        fc.property(side, side, side, side, fc.boolean(), (h, w, tall, wide, alignCorners) =>
          tf.tidy(() => {
            const size = [tall, wide] as const;
            const plain = resizeBilinear(tf.fill([1, h, w, 2], 0.75), size, { alignCorners }).dataSync();
            assert.ok(plain.every((value) => Math.abs(value - 0.75) < 1e-6));
            const x = tf.tensor4d(normals(h * w * 2, 1, "x"), [1, h, w, 2]);
            const there = resizeBilinear(x, size, { alignCorners });
            assert.deepEqual(there.shape, [1, tall, wide, 2]);
            // The only pixel of one column is the first with aligned corners.
            if (!alignCorners || (tall > 1 && wide > 1)) {
              const turned = tf.reverse(resizeBilinear(tf.reverse(x, [1, 2]), size, { alignCorners }), [
                1,
                2,
              ]);
              near(turned.dataSync(), [...there.dataSync()], 1e-5);
            }
            const [values, all] = [x.dataSync(), there.dataSync()];
            assert.ok(Math.max(...all) <= Math.max(...values) + 1e-6);
            assert.ok(Math.min(...all) >= Math.min(...values) - 1e-6);
          })),
        { seed: 1, numRuns: 40 },
      );
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "resizePositions: a plain table stays plain, and the first token stays as it is",
    () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 6 }),
          side,
          side,
          fc.boolean(),
          (table, tall, wide, antialias) =>
            tf.tidy(() => {
              const x = tf.concat(
                [tf.fill([1, 1, 2], 9), tf.fill([1, table ** 2, 2], 0.5)],
                1,
              ) as tf.Tensor3D;
              const y = resizePositions(x, [tall, wide], { offset: 0.1, antialias });
              assert.deepEqual(y.shape, [1, 1 + tall * wide, 2]);
              const values = y.dataSync();
              assert.deepEqual([values[0], values[1]], [9, 9]);
              assert.ok(values.slice(2).every((value) => Math.abs(value - 0.5) < 1e-5));
            }),
        ),
        { seed: 1, numRuns: 30 },
      );
      return Promise.resolve();
    },
  );

  backendTest(backend, "resizeBilinear: the same size gives the same pixels, bit by bit", () => {
    tf.tidy(() => {
      const x = tf.tensor4d(normals(3 * 5 * 7 * 2, 1, "x"), [3, 5, 7, 2]);
      for (const alignCorners of [false, true]) {
        const y = resizeBilinear(x, [5, 7], { alignCorners });
        assert.notEqual(y, x, "a handle of its own");
        assert.deepEqual(y.dataSync(), x.dataSync());
      }
    });
    return Promise.resolve();
  });

  backendTest(
    backend,
    "averagePool: the mean of whole windows; a rest is left out, and too small an image gives none",
    () => {
      tf.tidy(() => {
        near(averagePool(line(1, 2, 3, 5, 9), 1).dataSync(), [1, 2, 3, 5, 9]);
        const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 2, 5, 1]);
        near(averagePool(x, 2).dataSync(), [(1 + 2 + 6 + 7) / 4, (3 + 4 + 8 + 9) / 4]);
        const { value, grads } = withGradients((y) => averagePool(y as tf.Tensor4D, 4), [
          tf.ones([2, 3, 4, 5]),
        ]);
        assert.deepEqual(value.shape, [2, 0, 1, 5]);
        assert.deepEqual([grads[0]!.shape, tf.sum(grads[0]!).dataSync()[0]], [[2, 3, 4, 5], 0]);
      });
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "adaptiveAveragePool: cells share pixels where the sides do not divide, and repeat them where finer",
    () => {
      tf.tidy(() => {
        // Five pixels in three cells: 0 to 1, 1 to 3, 3 to 4.
        near(adaptiveAveragePool(line(0, 3, 6, 9, 12), [1, 3]).dataSync(), [1.5, 6, 10.5]);
        near(adaptiveAveragePool(line(1, 5), [1, 4]).dataSync(), [1, 1, 5, 5]);
        near(adaptiveAveragePool(line(1, 5, 9), [2, 1]).dataSync(), [5, 5]);
      });
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "maxPool: windows hang over the edge only with ceil, and none lies in the padding alone",
    () => {
      tf.tidy(() => {
        const x = line(1, 4, 2, 8, 3);
        const of = (size: number, stride: number, padding: number, ceil?: boolean) => {
          const y = maxPool(
            tf.tile(x, [1, 5, 1, 1]),
            { size, stride, padding },
            ceil === undefined ? undefined : { ceil },
          );
          return [...tf.slice(y, [0, 0, 0, 0], [1, 1, -1, -1]).dataSync()];
        };
        assert.deepEqual(of(2, 2, 0, false), [4, 8]);
        assert.deepEqual(of(2, 2, 0, true), [4, 8, 3]);
        assert.deepEqual(of(2, 2, 0), [4, 8, 3], "PyTorch's ceil_mode if nothing is said");
        assert.deepEqual(of(3, 2, 1, false), [4, 8, 8]);
        assert.deepEqual(of(3, 2, 1, true), [4, 8, 8]);
        // A third window would begin right behind the three pixels.
        const three = tf.tile(line(1, 4, 2), [1, 3, 1, 1]) as tf.Tensor4D;
        const y = maxPool(three, { size: 2, stride: 2, padding: 1 }, { ceil: true });
        assert.deepEqual([y.shape, [...y.dataSync()]], [[1, 2, 2, 1], [1, 4, 1, 4]]);
        assert.deepEqual(of(1, 3, 0, true), [1, 8]);
      });
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "maxPool equals the largest of each window, and its gradient goes to the first of them",
    () => {
      const cases = fc.record({
        h: side,
        w: side,
        size: fc.integer({ min: 1, max: 4 }),
        stride: fc.integer({ min: 1, max: 3 }),
        pad: fc.boolean(),
        ceil: fc.boolean(),
      }).filter(({ h, w, size }) => Math.min(h, w) >= size);
      fc.assert(
        fc.property(cases, ({ h, w, size, stride, pad, ceil }) =>
          tf.tidy(() => {
            const padding = pad ? Math.floor(size / 2) : 0;
            // Few values, so that many are equal.
            const data = normals(h * w, h + w, "pool").map((value) => Math.round(value) + 0);
            const { value, grads } = withGradients(
              (x) => maxPool(x as tf.Tensor4D, { size, stride, padding }, { ceil }),
              [tf.tensor4d(data, [1, h, w, 1])],
            );
            const [, rows, columns] = value.shape as [number, number, number, number];
            const expected = new Float32Array(h * w);
            const largest = Array.from({ length: rows * columns }, (_, k) => {
              const top = Math.floor(k / columns) * stride - padding, left = (k % columns) * stride - padding;
              let best = -Infinity, at = -1;
              for (let y = Math.max(0, top); y < Math.min(h, top + size); y++) {
                for (let x = Math.max(0, left); x < Math.min(w, left + size); x++) {
                  if (data[y * w + x]! > best) [best, at] = [data[y * w + x]!, y * w + x];
                }
              }
              expected[at]! += 1;
              return best;
            });
            assert.deepEqual([...value.dataSync()], largest);
            assert.deepEqual([...grads[0]!.dataSync()], [...expected]);
          })),
        { seed: 1, numRuns: 60 },
      );
      return Promise.resolve();
    },
  );

  backendTest(backend, "maxPool: no images give no images", () => {
    tf.tidy(() => {
      const window = { size: 3, stride: 2, padding: 1 };
      const { value, grads } = withGradients((x) => maxPool(x as tf.Tensor4D, window), [
        tf.zeros([0, 5, 4, 2]),
      ]);
      assert.deepEqual([value.shape, grads[0]!.shape], [[0, 3, 3, 2], [0, 5, 4, 2]]);
    });
    return Promise.resolve();
  });

  backendTest(backend, "reflectPad: the edge is not repeated, on all four sides alike", () => {
    tf.tidy(() => {
      const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
      assert.deepEqual((tf.squeeze(reflectPad(x), [0, 3]) as tf.Tensor2D).arraySync(), [
        [5, 4, 5, 6, 5],
        [2, 1, 2, 3, 2],
        [5, 4, 5, 6, 5],
        [8, 7, 8, 9, 8],
        [5, 4, 5, 6, 5],
      ]);
      const first = tf.slice(reflectPad(x, 2), [0, 2, 0, 0], [1, 1, 7, 1]);
      assert.deepEqual([...first.dataSync()], [3, 2, 1, 2, 3, 2, 1]);
    });
    return Promise.resolve();
  });
}

backendTest("cpu", "reflectPad and conv2dTranspose refuse maps that are too small, with their sizes", () => {
  tf.tidy(() => {
    assert.throws(
      () => reflectPad(tf.ones([1, 2, 5, 1]), 2),
      new UserError("maps of 2x5 pixels cannot be padded with 2 of their own: expected larger ones"),
    );
    assert.deepEqual(reflectPad(tf.ones([1, 3, 5, 1]), 2).shape, [1, 7, 9, 1]);
    const filter = tf.ones([4, 4, 1, 1]) as tf.Tensor4D;
    assert.throws(
      () => conv2dTranspose(tf.ones([1, 1, 3, 1]), filter, { stride: 2, padding: 2 }),
      new UserError("a transposed convolution makes 0x4 pixels of 1x3: expected larger maps"),
    );
  });
  return Promise.resolve();
});

backendTest("cpu", "conv2dTranspose: every pixel paints the filter, times its value, over the result", () => {
  tf.tidy(() => {
    const filter = tf.tensor4d([0, 0, 0, 1, 2, 3, 0, 0, 0], [3, 3, 1, 1]);
    const of = (options: object) => {
      const y = conv2dTranspose(line(1, 10), filter, options);
      return [...tf.slice(y, [0, Math.floor(y.shape[1] / 2), 0, 0], [1, 1, -1, 1]).dataSync()];
    };
    assert.deepEqual(of({}), [1, 12, 23, 30]);
    assert.deepEqual(of({ stride: 2 }), [1, 2, 13, 20, 30]);
    assert.deepEqual(of({ dilation: 2 }), [1, 10, 2, 20, 3, 30]);
    const sides = conv2dTranspose(tf.ones([2, 3, 5, 1]), tf.ones([4, 4, 7, 1]), { stride: 2, padding: 1 });
    assert.deepEqual(sides.shape, [2, 6, 10, 7]);
  });
  return Promise.resolve();
});

backendTest("cpu", "nearestLabels picks the label at floor(k from / to), and the same size is copied", () => {
  tf.tidy(() => {
    const labels = tf.tensor3d([0, 1, 2, 3, 4], [1, 1, 5], "int32");
    const to = (width: number) => [...nearestLabels(labels, [1, width]).dataSync()];
    assert.deepEqual(to(2), [0, 2]);
    assert.deepEqual(to(3), [0, 1, 3]);
    assert.deepEqual(to(7), [0, 0, 1, 2, 2, 3, 4]);
    assert.deepEqual(to(5), [0, 1, 2, 3, 4]);
    assert.notEqual(nearestLabels(labels, [1, 5]), labels);
    const both = nearestLabels(tf.tensor3d([1, 2, 3, 4], [1, 2, 2], "int32"), [1, 4]);
    assert.deepEqual([both.dtype, [...both.dataSync()]], ["int32", [1, 1, 2, 2]]);
  });
  // Counted in float32, as PyTorch does; in double precision some rows would be others.
  let others = 0;
  for (let from = 1; from < 60; from++) {
    for (const to of [7, 33, 64]) {
      tf.tidy(() => {
        const rows = tf.reshape(tf.range(0, from, 1, "int32"), [1, from, 1]) as tf.Tensor3D;
        const found = [...nearestLabels(rows, [to, 1]).dataSync()];
        const expected = found.map((_, k) =>
          Math.min(from - 1, Math.floor(Math.fround(k * Math.fround(from / to))))
        );
        assert.deepEqual(found, expected);
        others += found.filter((row, k) => row !== Math.floor(k * from / to)).length;
      });
    }
  }
  assert.ok(others > 0);
  return Promise.resolve();
});

Deno.test("kernelSide is odd, about a tenth of the side, and never reaches over a reflected border", () => {
  assert.deepEqual([1, 10, 20, 21, 30, 31, 41, 512].map(kernelSide), [1, 1, 1, 3, 3, 3, 5, 51]);
  for (let pixels = 1; pixels < 300; pixels++) {
    const kernel = kernelSide(pixels);
    assert.ok(kernel % 2 === 1 && (kernel - 1) / 2 <= pixels - 1, `${pixels}: ${kernel}`);
  }
});

backendTest(
  "cpu",
  "gaussianBlur: a plain image stays, an impulse becomes the kernel, its sides are reflected",
  () => {
    tf.tidy(() => {
      const plain = gaussianBlur(tf.fill([1, 25, 41, 3], -2.5), 1.1).dataSync();
      assert.ok(plain.every((value) => Math.abs(value + 2.5) < 1e-5));
      // Of 25 pixels the kernel has three.
      const [outer, inner] = [Math.exp(-1 / (2 * 0.8 ** 2)), 1];
      const sum = inner + 2 * outer;
      const row = (at: number) => {
        const x = tf.oneHot(tf.tensor1d([at], "int32"), 25) as tf.Tensor2D;
        const image = tf.tile(tf.reshape(tf.cast(x, "float32"), [1, 1, 25, 1]), [1, 25, 1, 1]) as tf.Tensor4D;
        return [...tf.slice(gaussianBlur(image, 0.8), [0, 12, 0, 0], [1, 1, 25, 1]).dataSync()];
      };
      const inside = Array<number>(25).fill(0);
      inside.splice(11, 3, outer / sum, inner / sum, outer / sum);
      near(row(12), inside);
      // Pixel -1 is pixel 1, so the first pixel sees it twice.
      const edge = Array<number>(25).fill(0);
      edge.splice(0, 3, 2 * outer / sum, inner / sum, outer / sum);
      near(row(1), edge);
      near(row(23), edge.toReversed());
    });
    return Promise.resolve();
  },
);
