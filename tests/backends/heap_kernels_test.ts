/**
 * Kernels of the heap and of ONNX Runtime that others are made of, against plain JavaScript: products of parts of
 * tensors, slices, clones, resizes, and the gradients that the tensor library lacks.
 */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeModel } from "../../backends/onnx_model.ts";
import { nativeProducts } from "../../backends/native/products.ts";
import { runtime } from "../../backends/native/runtime.ts";
import { address, emptyTensor, heapView, integersOf, isShared, sizeOf } from "../../backends/wasm/heap.ts";
import {
  copiedProducts,
  type Matrix,
  type Multiply,
  type MultiplyPlanes,
} from "../../backends/wasm/products.ts";
import { Random } from "../../core/random.ts";
import { kernels } from "../../ops/kernels.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

const PRODUCTS: Readonly<Record<string, { multiply: Multiply; planes: MultiplyPlanes }>> = {
  native: nativeProducts,
  wasm: copiedProducts,
};

/** a b of matrices in double precision, either of them transposed. */
function product(a: readonly number[][], b: readonly number[][]): number[] {
  return a.flatMap((row) =>
    b[0]!.map((_, column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0))
  );
}

function turned(rows: readonly number[][]): number[][] {
  return rows[0]!.map((_, k) => rows.map((row) => row[k]!));
}

const few = fc.integer({ min: 1, max: 9 });
const products = fc.record({
  rows: few,
  inner: few,
  // From 1,024 columns on a transposed factor is turned first.
  columns: fc.oneof(few, few, fc.constantFrom(1023, 1024, 1027)),
  before: fc.integer({ min: 0, max: 3 }),
  ta: fc.boolean(),
  tb: fc.boolean(),
  add: fc.constantFrom("no", "into", "row"),
  seed: fc.nat(99),
});

for (const [how, { multiply, planes }] of Object.entries(PRODUCTS)) {
  backendTest("native", `${how}: products of some rows go into some rows, and touch no others`, () => {
    fc.assert(
      fc.property(products, ({ rows, inner, columns, before, ta, tb, add, seed }) =>
        tf.tidy(() => {
          const make = (name: string, r: number, c: number) => {
            // Rows of another matrix lie before and behind.
            const values = normals((before + r + 1) * c, seed, name);
            const tensor = tf.tensor2d(values, [before + r + 1, c]);
            const own = Array.from(
              { length: r },
              (_, k) => [...values.subarray((before + k) * c, (before + k + 1) * c)],
            );
            return { matrix: { tensor, from: before, rows: r, columns: c }, own, values };
          };
          const a = ta ? make("a", inner, rows) : make("a", rows, inner);
          const b = tb ? make("b", columns, inner) : make("b", inner, columns);
          const into = make("into", rows, columns), row = tf.tensor1d(normals(columns, seed, "row"));
          const expected = product(ta ? turned(a.own) : a.own, tb ? turned(b.own) : b.own).map((value, k) =>
            value + (add === "into" ? into.own.flat()[k]! : add === "row" ? row.dataSync()[k % columns]! : 0)
          );
          const factors: readonly [Matrix, Matrix] = [{ ...a.matrix, transposed: ta }, {
            ...b.matrix,
            transposed: tb,
          }];
          multiply(factors, into.matrix, add === "row" ? row : add === "into");
          const found = heapView(into.matrix.tensor), start = before * columns, end = start + rows * columns;
          assert.ok(relative(found.slice(start, end), expected) < 1e-5);
          assert.deepEqual(found.slice(0, start), into.values.slice(0, start));
          assert.deepEqual(found.slice(end), into.values.slice(end));
        })),
      { seed: 1, numRuns: 60 },
    );
    return Promise.resolve();
  });

  backendTest("native", `${how}: products plane by plane, and added where there is one`, () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 3 }),
      rows: few,
      inner: few,
      columns: few,
      ta: fc.boolean(),
      tb: fc.boolean(),
      add: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ count, rows, inner, columns, ta, tb, add }) =>
        tf.tidy(() => {
          const make = (name: string, r: number, c: number) => {
            const values = normals(count * r * c + 5, 1, name);
            const place = { tensor: tf.tensor1d(values), element: 5, planes: count, rows: r, columns: c };
            const own = Array.from({ length: count }, (_, n) =>
              Array.from({ length: r }, (_, k) => {
                const at = 5 + (n * r + k) * c;
                return [...values.subarray(at, at + c)];
              }));
            return { place, own };
          };
          const a = ta ? make("a", inner, rows) : make("a", rows, inner);
          const b = tb ? make("b", columns, inner) : make("b", inner, columns);
          const into = make("into", rows, columns), adds = add && count === 1;
          const expected = a.own.flatMap((one, n) =>
            product(ta ? turned(one) : one, tb ? turned(b.own[n]!) : b.own[n]!)
          )
            .map((value, k) => value + (adds ? into.own.flat(2)[k]! : 0));
          planes([{ ...a.place, transposed: ta }, { ...b.place, transposed: tb }], into.place, adds);
          assert.ok(relative(heapView(into.place.tensor).slice(5), expected) < 1e-5);
        })),
      { seed: 1, numRuns: 40 },
    );
    return Promise.resolve();
  });
}

/** Values that tell their places. */
const counted = (shape: readonly number[], dtype: "float32" | "int32" | "bool" = "float32") =>
  tf.tensor(
    Array.from({ length: sizeOf(shape) }, (_, k) => dtype === "bool" ? k % 3 % 2 : k),
    [...shape],
    dtype,
  );

for (const backend of ["native", "wasm"] as const) {
  backendTest(backend, "slices of any kind hold the values that plain loops pick, and are no views", () => {
    const random = Random.stream(1, "slices");
    for (let round = 0; round < 60; round++) {
      const rank = random.integer(1, 4), dtype = (["float32", "int32", "bool"] as const)[round % 3]!;
      const shape = Array.from({ length: rank }, () => random.integer(1, 4));
      const begin = shape.map((side) => random.integer(0, side - 1));
      const size = shape.map((side, k) => random.integer(0, side - begin[k]!));
      tf.tidy(() => {
        const x = counted(shape, dtype), all = x.dataSync();
        const y = tf.slice(x, begin, size);
        const expected: number[] = [];
        for (let k = 0; k < sizeOf(size); k++) {
          let left = k, place = 0, stride = 1;
          for (let axis = rank - 1; axis >= 0; axis--) {
            place += (begin[axis]! + left % size[axis]!) * stride;
            left = Math.floor(left / size[axis]!);
            stride *= shape[axis]!;
          }
          expected.push(all[place]!);
        }
        assert.deepEqual([y.shape, y.dtype, [...y.dataSync()]], [size, dtype, expected]);
        if (y.size > 0) assert.notEqual(address(y), address(x));
      });
    }
    return Promise.resolve();
  });

  backendTest(
    backend,
    "clones share memory until the last is gone; isShared says so, and values lie where address says",
    () => {
      const x = tf.tensor1d([1, 2, 3]), y = tf.clone(x), z = tf.reshape(x, [3, 1]);
      assert.deepEqual([address(y), address(z, 2)], [address(x), address(x) + 8]);
      assert.ok(isShared(x) && isShared(z));
      tf.dispose([x, z]);
      assert.ok(!isShared(y));
      heapView(y)[1] = 7;
      assert.deepEqual([...y.dataSync()], [1, 7, 3]);
      const ids = tf.tensor1d([4, -5], "int32"), empty = emptyTensor([2, 2], "int32");
      assert.deepEqual([[...integersOf(ids)], empty.dtype, empty.shape], [[4, -5], "int32", [2, 2]]);
      tf.dispose([y, ids, empty]);
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "matrices with broadcast batches, of integers and of nothing, are multiplied as plain loops do",
    () => {
      tf.tidy(() => {
        const a = tf.tensor3d(normals(2 * 20 * 16, 1, "a"), [2, 20, 16]),
          b = tf.tensor3d(normals(2 * 16 * 24, 2, "b"), [2, 16, 24]);
        const rowsOf = (x: tf.Tensor, n: number) => (tf.unstack(x)[n] as tf.Tensor2D).arraySync();
        const expected = [0, 1].flatMap((n) => product(rowsOf(a, n), rowsOf(b, n)));
        assert.ok(relative(tf.matMul(a, b).dataSync(), expected) < 1e-5);
        const first = tf.slice(b, [0, 0, 0], [1, 16, 24]);
        const broadcast = [0, 1].flatMap((n) => product(rowsOf(a, n), rowsOf(b, 0)));
        assert.ok(relative(tf.matMul(a, first).dataSync(), broadcast) < 1e-5);
        const turnedBoth = tf.matMul(tf.transpose(a, [0, 2, 1]), tf.transpose(b, [0, 2, 1]), true, true);
        assert.ok(relative(turnedBoth.dataSync(), expected) < 1e-5);
        assert.deepEqual(tf.matMul(tf.zeros([0, 70]), tf.zeros([70, 80])).shape, [0, 80]);
      });
      return Promise.resolve();
    },
  );

  backendTest(
    backend,
    "a convolution whose strides differ has no gradient by its filter, and it says so",
    () => {
      const x = tf.ones([1, 6, 6, 1]) as tf.Tensor4D, w = tf.ones([3, 3, 1, 1]) as tf.Tensor4D;
      assert.throws(
        () =>
          tf.tidy(() => tf.grad((filter) => tf.sum(tf.conv2d(x, filter as tf.Tensor4D, [1, 2], "same")))(w)),
        {
          message: "gradients of convolutions need equal strides and equal dilations of both sides here, " +
            "found strides 1x2 and dilations 1x1",
        },
      );
      tf.dispose([x, w]);
      return Promise.resolve();
    },
  );

  backendTest(backend, "rows that are gathered several times get the sum of their gradients", () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2], [3, 4], [5, 6]]);
      const grad = tf.grad((y: tf.Tensor) =>
        tf.sum(
          tf.mul(tf.gather(y, tf.tensor1d([2, 0, 2], "int32")), tf.tensor2d([[1, 10], [2, 20], [3, 30]])),
        )
      )(x);
      assert.deepEqual(grad.arraySync(), [[2, 20], [0, 0], [4, 40]]);
      assert.deepEqual(tf.unsortedSegmentSum(x, tf.tensor1d([1, -1, 1], "int32"), 2).arraySync(), [[0, 0], [
        6,
        8,
      ]]);
    });
    return Promise.resolve();
  });

  backendTest(
    backend,
    "kernels.columnSums and lovasz: exact of whole numbers, zeros and none of no pixels",
    () => {
      tf.tidy(() => {
        const x = tf.tensor2d(Array.from({ length: 35 }, (_, k) => k), [7, 5]);
        assert.deepEqual([...kernels().columnSums(x).dataSync()], [105, 112, 119, 126, 133]);
        const { loss, gradient } = kernels().lovasz(tf.zeros([4, 2]), tf.fill([4], 255, "int32"));
        assert.deepEqual([loss.dataSync()[0], [...gradient.dataSync()]], [0, new Array(8).fill(0)]);
      });
      return Promise.resolve();
    },
  );
}

const DOUBLE = encodeModel({
  inputs: ["x"],
  outputs: ["y"],
  nodes: [{ type: "Add", inputs: ["x", "x"], outputs: ["y"] }],
});

Deno.test({
  name:
    "Ort.open: results of any type come out in memory of their own, with the sides that the model gives them",
  sanitizeResources: false,
  fn() {
    const session = runtime(1).open(DOUBLE, "x", "y");
    const floats = session.run({ dims: [2, 1], data: Float32Array.of(1.5, -2) });
    const again = session.run({ dims: [3], data: Float32Array.of(1, 2, 3) });
    assert.deepEqual([floats.dims, [...floats.data]], [[2, 1], [3, -4]]);
    assert.deepEqual([again.dims, [...again.data]], [[3], [2, 4, 6]]);
    const none = session.run({ dims: [0, 4], data: new Float32Array(0) });
    assert.deepEqual([none.dims, none.data.length], [[0, 4], 0]);
    session.close();
    assert.throws(() => runtime(1).open(Uint8Array.of(9), "x", "y"), /^Error: ONNX Runtime: /);
  },
});
