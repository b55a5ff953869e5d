/** Sums of gradients and the rest of a world, on an MPI whose other processes are made up. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import { Buckets } from "../../processes/buckets.ts";
import type { Mpi } from "../../processes/mpi.ts";
import { MpiWorld } from "../../processes/world.ts";

await selectBackend("cpu");

type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/**
 * Two processes, this one the first: the other adds `other` to every number of a sum and, gathered, has the
 * same numbers plus 100. Sums of gradients travel until they were asked for `slow` times.
 */
function twoProcesses({ other = 0, slow = 0 } = {}) {
  const sent: number[][] = [];
  let travelling = 0;
  const add = (numbers: Floats) => {
    // Of many numbers only how many they are.
    sent.push(numbers.length < 100 ? [...numbers] : Array(numbers.length));
    numbers.forEach((one, k) => numbers[k] = one + other);
  };
  const mpi = {
    rank: 0,
    size: 2,
    host: "node1",
    waited: { gradients: 2, others: 3 },
    sum: add,
    beginSum(numbers: Floats) {
      add(numbers);
      return () => {};
    },
    beginGradientSum(part: Float32Array<ArrayBuffer>) {
      assert.equal(travelling, 0, "one piece at a time");
      travelling = 1;
      add(part);
      return { left: slow };
    },
    test(request: { left: number }) {
      if (request.left-- > 0) return false;
      travelling = 0;
      return true;
    },
    wait(request: { left: number }) {
      request.left = 0;
      travelling = 0;
    },
    gather(own: Float32Array | Uint8Array, counts: readonly number[]) {
      assert.equal(counts[0], own.length);
      return own instanceof Uint8Array
        ? Uint8Array.from([...own, ...Array(counts[1]).fill(7)])
        : Float32Array.from([...own, ...own.map((one) => one + 100)]);
    },
    swap: (parts: readonly Float32Array[], lengths: readonly number[]) =>
      Float32Array.from([...parts.flatMap((part) => [...part]), ...lengths]),
  };
  return { mpi: mpi as unknown as Mpi, sent };
}

const numbersOf = (tensors: readonly (tf.Tensor | null)[]) =>
  tensors.map((tensor) => tensor && [tensor.shape, [...tensor.dataSync()]]);

const like = () => [tf.zeros([2]), tf.zeros([1, 3]), tf.scalar(0)];

Deno.test("Buckets: the mean over the processes, in the shapes of the parameters", () => {
  const { mpi, sent } = twoProcesses({ other: 1 });
  const mean = new Buckets(mpi, like()).begin();
  // As a backward pass makes them.
  mean.add(2, tf.scalar(7));
  mean.add(1, tf.tensor2d([[3, 4, 5]]));
  assert.deepEqual(sent, []);
  mean.add(0, tf.tensor1d([1, 2]));
  // Full: on its way, from the last parameter to the first.
  assert.deepEqual(sent, [[7, 3, 4, 5, 1, 2]]);
  assert.deepEqual(numbersOf(mean.end()), [[[2], [1, 1.5]], [[1, 3], [2, 2.5, 3]], [[], [4]]]);
  assert.deepEqual(sent[1], [1, 1, 1]);
});

Deno.test("Buckets: what a process has not counts as zero, what none has is null", () => {
  const { mpi } = twoProcesses();
  const mean = new Buckets(mpi, like()).begin();
  mean.add(0, null);
  mean.add(2, tf.scalar(8));
  assert.deepEqual(numbersOf(mean.end()), [null, null, [[], [4]]]);
  const there = new Buckets(twoProcesses({ other: 2 }).mpi, like()).begin();
  assert.deepEqual(numbersOf(there.end()), [[[2], [1, 1]], [[1, 3], [1, 1, 1]], [[], [1]]]);
});

Deno.test("Buckets: begun again they hold nothing of before", () => {
  const { mpi } = twoProcesses(), buckets = new Buckets(mpi, like());
  const first = buckets.begin();
  [tf.tensor1d([1, 2]), tf.tensor2d([[3, 4, 5]]), tf.scalar(6)].forEach((tensor, k) => first.add(k, tensor));
  first.end();
  const second = buckets.begin();
  second.add(1, tf.tensor2d([[2, 2, 2]]));
  assert.deepEqual(numbersOf(second.end()), [null, [[1, 3], [1, 1, 1]], null]);
});

Deno.test("Buckets: a tensor that comes twice is a fault", () => {
  const mean = new Buckets(twoProcesses().mpi, like()).begin();
  mean.add(1, null);
  assert.throws(() => mean.add(1, null), { message: "the tensor 1 was added before" });
});

Deno.test("Buckets: pieces travel one after the other, and the next one when it is asked for", () => {
  const { mpi, sent } = twoProcesses({ slow: 1 });
  const large = tf.ones([1_100_000]);
  const mean = new Buckets(mpi, [large]).begin();
  mean.add(0, large);
  assert.deepEqual(sent.map(({ length }) => length), [500_000]);
  mean.pump();
  assert.equal(sent.length, 1);
  mean.pump();
  assert.deepEqual(sent.map(({ length }) => length), [500_000, 500_000]);
  const [sum] = mean.end();
  assert.deepEqual(sent.map(({ length }) => length), [500_000, 500_000, 100_000, 1]);
  assert.equal(tf.min(sum!).dataSync()[0], 0.5);
});

Deno.test("Buckets: a bucket is 25 MB, a tensor is never cut, and what is larger has one alone", () => {
  const sized = (...sizes: number[]) => sizes.map((size) => ({ shape: [size], size }));
  const buckets = new Buckets(twoProcesses().mpi, sized(1, 6_250_000, 10, 7_000_000));
  assert.equal(buckets.bytes, 4 * (1 + 6_250_000 + 10 + 7_000_000 + 4));
  assert.equal(buckets.fits(sized(1, 6_250_000, 10, 7_000_000)), true);
  assert.equal(buckets.fits(sized(1, 6_250_000, 10)), false);
  assert.equal(buckets.fits(sized(1, 6_250_000, 10, 7_000_001)), false);
  assert.equal(buckets.fits([...sized(1, 6_250_000, 10), { shape: [7_000, 1000], size: 7_000_000 }]), false);
});

Deno.test("MpiWorld: rank, size, host, and the time that was waited", () => {
  const world = new MpiWorld(twoProcesses().mpi);
  assert.deepEqual([world.rank, world.size, world.host, world.waited()], [0, 2, "node1", 5]);
});

Deno.test("MpiWorld.mean: of all tensors at once; none are a mean of none", () => {
  const { mpi, sent } = twoProcesses({ other: 2 });
  const world = new MpiWorld(mpi);
  assert.deepEqual(world.mean([]), []);
  const means = world.mean([tf.tensor1d([2, 4]), tf.tensor2d([[6]])]);
  assert.deepEqual(numbersOf(means), [[[2], [2, 3]], [[1, 1], [4]]]);
  assert.deepEqual(sent.at(-1), [2, 4, 6]);
});

Deno.test("MpiWorld.joined: along the batch, in the order of the ranks", () => {
  const joined = new MpiWorld(twoProcesses().mpi).joined(tf.tensor2d([[1, 2], [3, 4]]));
  assert.deepEqual(numbersOf([joined]), [[[4, 2], [1, 2, 3, 4, 101, 102, 103, 104]]]);
});

Deno.test("MpiWorld.sums: the numbers that were given stay, and none need no other process", () => {
  const { mpi, sent } = twoProcesses({ other: 3 });
  const world = new MpiWorld(mpi), own = Float64Array.of(1, 2);
  assert.deepEqual([...world.sums(own)], [4, 5]);
  assert.deepEqual([...own], [1, 2]);
  assert.equal(world.sums(new Float64Array(0)).length, 0);
  assert.equal(sent.length, 1);
});

Deno.test("MpiWorld.exchange: bytes of all processes, each as long as it says", () => {
  const { mpi } = twoProcesses({ other: 2 });
  // The other one adds two to both lengths: of 3 + 2 bytes here, and of 0 + 2 there.
  mpi.gather = ((own: Uint8Array, counts: readonly number[]) => {
    assert.deepEqual([own.length, counts], [3, [5, 2]]);
    return Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
  }) as unknown as Mpi["gather"];
  const parts = new MpiWorld(mpi).exchange(Uint8Array.of(1, 2, 3));
  assert.deepEqual(parts.map((part) => [...part]), [[1, 2, 3, 4, 5], [6, 7]]);
});

Deno.test("MpiWorld.gradual: buckets are kept for the same shapes", () => {
  const world = new MpiWorld(twoProcesses().mpi);
  for (const round of [1, 2]) {
    const mean = world.gradual(like());
    mean.add(2, tf.scalar(4 * round));
    assert.deepEqual(numbersOf(mean.end()), [null, null, [[], [2 * round]]]);
  }
  const other = world.gradual([tf.scalar(0)]);
  other.add(0, tf.scalar(2));
  assert.deepEqual(numbersOf(other.end()), [[[], [1]]]);
});
