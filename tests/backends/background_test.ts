/** Gradients of filters that another thread computes while kernels go on. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { nativeProducts } from "../../backends/native/products.ts";
import { openSemaphores } from "../../backends/native/semaphore.ts";
import { endBackground, freeBackground, inBackground } from "../../backends/wasm/background.ts";
import { heapConvolutions } from "../../backends/wasm/convolutions.ts";
import { limitsOf } from "../../backends/wasm/limits.ts";
import { productsAtOnce } from "../../backends/wasm/products.ts";
import { HEAP_ALONE, heapRoom } from "../../backends/wasm/room.ts";
import { kernels } from "../../ops/kernels.ts";
import type { Shape4D, Window } from "../../ops/kernel_types.ts";
import { backendTest } from "../goldens.ts";

const PLAIN: Window = { stride: 1, padding: 0, dilation: 1 };
const PADDED: Window = { stride: 1, padding: 2, dilation: 2 };

interface Case {
  readonly x: Shape4D;
  readonly filter: Shape4D;
  readonly window: Window;
}

/**
 * A 1x1 filter; the same with a left factor that is turned first; 3x3 with one product, with several, and turned back;
 * in tiles, with one run of them and with several.
 */
const CASES: readonly Case[] = [
  { x: [1, 33, 33, 256], filter: [1, 1, 256, 64], window: PLAIN },
  { x: [1, 17, 17, 256], filter: [1, 1, 256, 1024], window: PLAIN },
  { x: [2, 17, 17, 64], filter: [3, 3, 64, 64], window: PADDED },
  { x: [1, 65, 65, 96], filter: [3, 3, 96, 96], window: PADDED },
  { x: [1, 17, 17, 128], filter: [3, 3, 128, 128], window: PADDED },
  { x: [1, 41, 41, 256], filter: [3, 3, 256, 256], window: { ...PADDED, stride: 2 } },
  { x: [1, 17, 17, 256], filter: [3, 3, 256, 256], window: PADDED },
  { x: [1, 41, 41, 256], filter: [3, 3, 256, 256], window: PADDED },
];

/** What is given, and the gradient as one thread computes it. */
function madeOf({ x, filter, window }: Case, seed: number) {
  const image = tf.randomNormal(x, 0, 1, "float32", seed) as tf.Tensor4D;
  const weights = tf.randomNormal(filter, 0, 1, "float32", seed + 1) as tf.Tensor4D;
  const y = kernels().conv2d(image, weights, window);
  const dy = tf.randomNormal(y.shape, 0, 1, "float32", seed + 2) as tf.Tensor4D;
  const alone = heapConvolutions(productsAtOnce(nativeProducts));
  const expected = tf.tidy(() => alone.conv2dFilterGradient(dy, image, filter, window).dataSync());
  tf.dispose([y, weights]);
  return { image, dy, expected };
}

backendTest("native", "gradients of filters are the same, bit for bit, as one thread makes them", () => {
  for (const [k, one] of CASES.entries()) {
    tf.tidy(() => {
      const { image, dy, expected } = madeOf(one, k);
      const gradient = kernels().conv2dFilterGradient(dy, image, one.filter, one.window);
      assert.deepEqual(gradient.dataSync(), expected, one.filter.join());
    });
  }
  return Promise.resolve();
});

backendTest(
  "native",
  "what a job reads stays until it is over, though its scope has ended and others allocate",
  () => {
    const before = tf.memory().numTensors;
    for (let round = 0; round < 3; round++) {
      const jobs = CASES.map((one, k) => {
        const { image, dy, expected } = madeOf(one, 10 * round + k);
        const gradient = kernels().conv2dFilterGradient(dy, image, one.filter, one.window);
        tf.dispose([image, dy]);
        // Would take the freed memory.
        tf.tidy(() => void [tf.fill(one.x, round), tf.fill(one.x, k)]);
        return { gradient, expected };
      });
      for (const { gradient, expected } of jobs.toReversed()) {
        assert.deepEqual(gradient.dataSync(), expected);
        gradient.dispose();
      }
    }
    assert.equal(tf.memory().numTensors, before);
    return Promise.resolve();
  },
);

backendTest("native", "large products do run on another thread, where there is one", () => {
  rested();
  const usable = openSemaphores() !== undefined && navigator.hardwareConcurrency > 1;
  tf.tidy(() => {
    const { image, dy } = madeOf(CASES[0]!, 2);
    kernels().conv2dFilterGradient(dy, image, CASES[0]!.filter, CASES[0]!.window);
    assert.equal(endBackground(), usable);
  });
  return Promise.resolve();
});

backendTest("native", "a gradient that nobody reads frees everything", () => {
  endBackground();
  const { heap } = heapRoom().moved;
  for (const one of CASES) {
    tf.tidy(() => {
      const { image, dy } = madeOf(one, 1);
      kernels().conv2dFilterGradient(dy, image, one.filter, one.window);
    });
  }
  endBackground();
  assert.equal(heapRoom().moved.heap, heap);
  assert.equal(endBackground(), false);
  return Promise.resolve();
});

/** Ends all jobs, and the pause that a full heap in an earlier test may have left. */
function rested(): void {
  endBackground();
  for (let k = 0; k < 20; k++) tf.dispose(workOn([], "nothing", { over: true }));
  endBackground();
}

/** Work on a tensor of zeros that is over when `end` says so; `done` tells what became of it, in order. */
function workOn(done: string[], name: string, end: { over: boolean }, reads: readonly tf.Tensor[] = []) {
  const tensor = tf.zeros([4]);
  const begun = {
    isOver: () => end.over,
    wait() {
      end.over = true;
      done.push(`waited for ${name}`);
    },
  };
  inBackground({
    reads,
    writes: tensor,
    begin() {
      done.push(`began ${name}`);
      return begun;
    },
    now: () => void done.push(`did ${name}`),
    finish: () => void done.push(`finished ${name}`),
  });
  return tensor;
}

backendTest("native", "a heap that is full waits for jobs before it gives up", () => {
  rested();
  const room = heapRoom(), done: string[] = [];
  const read = tf.fill([250_000], 1), written = workOn(done, "a", { over: false }, [read]);
  read.dispose();
  try {
    // Room for 0.8 MB as soon as the 1 MB that the job reads are gone.
    room.limit({ ...HEAP_ALONE, heap: room.moved.heap + 1000 });
    const large = tf.fill([200_000], 1);
    assert.deepEqual(done, ["began a", "waited for a", "finished a"]);
    tf.dispose([large, written]);
  } finally {
    room.limit(limitsOf());
  }
  return Promise.resolve();
});

backendTest("native", "four jobs run at a time; whoever reads a tensor waits for its job alone", () => {
  rested();
  const done: string[] = [], ends = [..."abcde"].map(() => ({ over: false }));
  const tensors = [..."abcde"].map((name, k) => workOn(done, name, ends[k]!));
  assert.deepEqual(done.splice(0), ["began a", "began b", "began c", "began d", "did e", "finished e"]);
  assert.deepEqual([...tensors[1]!.dataSync()], [0, 0, 0, 0]);
  tensors[1]!.dataSync();
  assert.deepEqual(done.splice(0), ["waited for b", "finished b"]);
  ends[0]!.over = true;
  tensors.push(workOn(done, "f", { over: false }), workOn(done, "g", { over: false }));
  assert.deepEqual(done.splice(0), ["waited for a", "finished a", "began f", "began g"]);
  tf.dispose(tensors);
  assert.deepEqual(
    done.toSorted(),
    [..."cdfg"].flatMap((name) => [`finished ${name}`, `waited for ${name}`]).toSorted(),
  );
  return Promise.resolve();
});

backendTest(
  "native",
  "after a full heap had to wait for a job, the next pieces of work are done at once",
  () => {
    rested();
    const done: string[] = [], tensors = [workOn(done, "a", { over: true })];
    assert.equal(freeBackground(), true);
    tensors.push(workOn(done, "b", { over: false }));
    assert.equal(freeBackground(), true);
    done.length = 0;
    for (let k = 0; k < 20; k++) tensors.push(workOn(done, "c", { over: true }));
    assert.equal(done.filter((what) => what === "did c").length, 19);
    assert.equal(done.at(-1), "began c");
    tf.dispose(tensors);
    return Promise.resolve();
  },
);

Deno.test("a semaphore is taken once for each raise, and waiting for a raised one returns", () => {
  const semaphores = openSemaphores();
  if (Deno.build.os !== "linux") return assert.equal(semaphores, undefined);
  const { raise, make } = semaphores!;
  const post = new Deno.UnsafeFnPointer(raise as Deno.PointerObject<never>, {
    parameters: ["pointer"],
    result: "i32",
  });
  const [one, other] = [make(), make()];
  assert.equal(one.taken(), false);
  post.call(one.at);
  assert.deepEqual([other.taken(), one.taken(), one.taken()], [false, true, false]);
  post.call(one.at);
  one.wait();
  assert.equal(one.taken(), false);
});
