/** Tensors that do not fit the heap wait outside of it: nothing that is computed may tell the difference. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { emptyTensor, heapView } from "../../backends/wasm/heap.ts";
import { limitsOf } from "../../backends/wasm/limits.ts";
import { HEAP_ALONE, heapRoom, type Limits } from "../../backends/wasm/room.ts";
import { UserError } from "../../core/errors.ts";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { MovedMemory } from "../../core/memory.ts";
import { lastPhase } from "../../core/plan.ts";
import { Random } from "../../core/random.ts";
import { assemble } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { backendTest } from "../goldens.ts";

const MB = 1e6, GB = 2 ** 30;
const ROOMY: Limits = { ...HEAP_ALONE, outside: () => GB };

/** A test with what `limits` adds to what tensors take already; nothing may stay behind. */
function limited(name: string, limits: Limits, fn: () => void | Promise<void>): void {
  backendTest("native", name, async () => {
    const room = heapRoom(), before = tf.memory().numTensors;
    room.limit({ ...limits, heap: Math.min(HEAP_ALONE.heap, room.moved.heap + limits.heap) });
    try {
      await fn();
      assert.equal(tf.memory().numTensors, before, "tensors leaked");
      assert.equal(room.moved.outside, 0, "memory outside leaked");
    } finally {
      room.limit(limitsOf());
    }
  });
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
}

/** What was moved while `work` ran. */
function during(work: () => void): Pick<MovedMemory, "out" | "back"> {
  const before = heapRoom().moved;
  work();
  const after = heapRoom().moved;
  return { out: after.out - before.out, back: after.back - before.back };
}

/** So many megabytes of one value. */
const megabytes = (count: number, value: number) => tf.fill([count * 250_000], value);

const first = (x: tf.Tensor) => x.dataSync()[0];

limited(
  "what was used longest ago leaves, and comes back when it is read",
  { ...ROOMY, heap: 10 * MB },
  () => {
    tf.tidy(() => {
      const [a, b] = [megabytes(4, 1), megabytes(4, 2)];
      assert.equal(first(a), 1);
      let c!: tf.Tensor;
      assert.deepEqual(during(() => c = megabytes(4, 3)), { out: 4 * MB, back: 0 }, "b, since a was read");
      assert.deepEqual(during(() => first(a)), { out: 0, back: 0 });
      assert.deepEqual(during(() => assert.equal(first(b), 2)), { out: 4 * MB, back: 4 * MB });
      assert.deepEqual([a, b, c].map(first), [1, 2, 3]);
    });
  },
);

limited("small tensors stay while larger ones can leave", { ...ROOMY, heap: 10 * MB }, () => {
  tf.tidy(() => {
    const small = tf.fill([1000], 7), large = megabytes(4, 1), other = megabytes(4, 2);
    assert.deepEqual(during(() => megabytes(4, 3)), { out: 4 * MB, back: 0 });
    assert.deepEqual(during(() => assert.equal(first(small), 7)), { out: 0, back: 0 });
    assert.deepEqual([large, other].map(first), [1, 2]);
  });
});

limited(
  "clones share what waits outside; the last one to go frees it",
  { ...ROOMY, heap: 10 * MB },
  () => {
    const a = megabytes(4, 1), b = tf.clone(a);
    const others = [megabytes(4, 2), megabytes(4, 3)];
    assert.equal(heapRoom().moved.outside, 4 * MB);
    a.dispose();
    assert.equal(heapRoom().moved.outside, 4 * MB);
    assert.equal(first(b), 1);
    tf.dispose([b, ...others]);
  },
);

limited("an operator whose own tensors do not fit says so", { ...ROOMY, heap: 10 * MB }, () => {
  tf.tidy(() => {
    const a = megabytes(4, 1), b = megabytes(4, 2);
    assert.throws(() => tf.add(a, b), {
      name: "UserError",
      message:
        /^no memory for another 4 MB: a single operator needs more than the .* GB that tensors have while they /,
    });
    assert.deepEqual([a, b].map(first), [1, 2]);
  });
});

limited("a tensor that never fits moves no other", { ...ROOMY, heap: 10 * MB }, () => {
  tf.tidy(() => {
    const a = megabytes(4, 1);
    const size = HEAP_ALONE.heap / 4;
    assert.deepEqual(during(() => assert.throws(() => emptyTensor([size]), UserError)), { out: 0, back: 0 });
    assert.equal(first(a), 1);
  });
});

limited(
  "where both places are full the setting to change is named, and nothing is lost",
  { ...ROOMY, heap: 10 * MB, outside: () => 10 * MB },
  () => {
    tf.tidy(() => {
      const all = [1, 2, 3, 4].map((value) => megabytes(4, value));
      assert.throws(() => megabytes(4, 5), {
        name: "UserError",
        message:
          /^no memory for another 4 MB: .* and both are full; raise backend\.memory where the machine has more, lower input\.crop or training\.batch, or set model\.options\.checkpointing: true; for predictions lower evaluation\.size or set evaluation\.window$/,
      });
      assert.deepEqual(all.map(first), [1, 2, 3, 4]);
    });
  },
);

limited(
  "random programmes compute the same in little room",
  { ...ROOMY, heap: 0.7 * MB, least: 1000 },
  () => {
    const run = (seed: number) => {
      const random = Random.stream(seed, "programme");
      const side = () => 16 * random.integer(1, 7);
      const found: number[] = [];
      tf.tidy(() => {
        let tensors = Array.from(
          { length: 12 },
          () => tf.tensor2d(Float32Array.from({ length: 128 ** 2 }, () => random.normal()), [128, 128]),
        );
        for (let k = 0; k < 40; k++) {
          const [a, b] = [0, 0].map(() => tensors[random.integer(0, tensors.length - 1)]!) as [
            tf.Tensor2D,
            tf.Tensor2D,
          ];
          const rows = side();
          const made = [
            () => tf.div<tf.Tensor2D>(tf.matMul(a, b, k % 2 === 0, k % 3 === 0), 16),
            () => tf.add<tf.Tensor2D>(a, b),
            () => tf.concat([tf.slice(a, [0, 0], [rows, 128]), tf.slice(b, [rows, 0])], 0) as tf.Tensor2D,
            () => tf.transpose(tf.clone(a)) as tf.Tensor2D,
            () => tf.relu(tf.reshape(a, [128, 128])) as tf.Tensor2D,
          ][random.integer(0, 4)]!();
          const place = random.integer(0, tensors.length - 1);
          tensors[place]!.dispose();
          tensors = tensors.with(place, made);
        }
        for (const x of tensors) found.push(...x.dataSync().slice(0, 64));
      });
      return found;
    };
    for (const seed of [1, 2]) {
      let little: number[] = [];
      const { out, back } = during(() => little = run(seed));
      assert.ok(out > MB && back > MB, `${out} bytes left, ${back} came back`);
      heapRoom().limit(HEAP_ALONE);
      assert.deepEqual(little, run(seed));
      heapRoom().limit({ ...ROOMY, heap: heapRoom().moved.heap + 0.7 * MB, least: 1000 });
    }
  },
);

backendTest("native", "where the heap is in pieces, neighbours leave together", () => {
  // Never touched, so the process does not really take it.
  heapRoom().limit({ ...HEAP_ALONE, outside: () => GB });
  const most = 2 ** 32 - heapRoom().moved.heap - 330 * MB;
  const blocks = [2, 2].map((parts) => emptyTensor([Math.floor(most / parts / 4)]));
  try {
    tf.tidy(() => {
      const all = Array.from({ length: 12 }, (_, value) => megabytes(20, value));
      for (let k = 0; k < 12; k += 2) all[k]!.dispose();
      // Used last, so that they stay.
      for (const block of blocks) heapView(block);
      const { out } = during(() => megabytes(100, 0));
      assert.ok(out >= 20 * MB, `${out} bytes left`);
      for (let k = 1; k < 12; k += 2) assert.equal(first(all[k]!), k);
    });
  } finally {
    tf.dispose(blocks);
    heapRoom().limit(limitsOf());
  }
  return Promise.resolve();
});

Deno.test("tensors may take what the machine has free when the heap is full, less 2 GB", () => {
  let free = 20 * GB;
  const { heap, outside } = limitsOf(undefined, () => ({ total: 24 * GB, free, limited: false }));
  assert.equal(heap, HEAP_ALONE.heap);
  free = 16 * GB;
  assert.equal(outside(GB), 15 * GB);
  free = GB;
  assert.equal(outside(0), 0);
});

Deno.test("in a container tensors may take what it has free at the start, less a quarter or 2 GB", () => {
  const inContainer = (total: number, free: number, memory?: number) => {
    const { heap, outside } = limitsOf(memory, () => ({ total, free, limited: true }));
    return [heap, outside(GB)];
  };
  const { heap } = HEAP_ALONE;
  assert.deepEqual(inContainer(16 * GB, 15 * GB), [heap, 13 * GB - heap]);
  assert.deepEqual(inContainer(4 * GB, 3.5 * GB), [2.5 * GB, 0]);
  assert.deepEqual(inContainer(GB, 0.25 * GB), [0.25 * GB, 0]);
  assert.deepEqual(inContainer(4 * GB, 3.5 * GB, 3 * GB), [3 * GB, 0]);
});

backendTest("native", "an operator begins anew where the tensors that it holds leave room in pieces", () => {
  heapRoom().limit({ ...HEAP_ALONE, outside: () => GB });
  const { wasm } = tf.backend() as unknown as {
    wasm: { asm: { memory: WebAssembly.Memory; malloc(bytes: number): number; free(place: number): void } };
  };
  const { malloc, free, memory } = wasm.asm;
  const take = (bytes: number) => {
    const place = malloc(bytes) >>> 0;
    if (place > 0 && place + bytes <= memory.buffer.byteLength) return place;
    if (place > 0) free(place);
    return undefined;
  };
  // All of the heap but 100 MB in one piece.
  const left = take(100 * MB)!, taken: number[] = [];
  for (let bytes = 2 ** 31; bytes > MB;) {
    const place = take(bytes);
    if (place === undefined) bytes /= 2;
    else taken.push(place);
  }
  free(left);
  try {
    tf.tidy(() => {
      const [a, x, b, y] = [megabytes(15, 0), megabytes(30, 1), megabytes(15, 0), megabytes(30, 2)];
      tf.dispose([a, b]);
      const before = heapRoom().moved.heap;
      const { out, back } = during(() => assert.equal(first(tf.add(x!, y!)), 3));
      assert.equal(
        heapRoom().moved.heap + heapRoom().moved.outside,
        before + 30 * MB,
        "nothing is left of the first try",
      );
      assert.deepEqual([x, y].map((tensor) => first(tensor!)), [1, 2]);
      assert.ok(out >= 60 * MB && back >= 60 * MB, `${out} bytes left, ${back} came back`);
    });
  } finally {
    taken.forEach(free);
    heapRoom().limit(limitsOf());
  }
  return Promise.resolve();
});

interface Steps {
  /** Of the model, in YAML. */
  readonly options: string;
  /** In YAML; absent: the full objective. */
  readonly losses?: string;
  /** Of each domain, in each pass. */
  readonly images: number;
  readonly passes: number;
  readonly updates: number;
}

/** Updates of a slim network on the same images, however they are parted; the weights after them. */
async function slimSteps(steps: Steps): Promise<Float32Array[]> {
  const text = `
extends: street
baseline: null
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.25, ${steps.options} } }
${steps.losses ?? ""}
`;
  const plan = await loadRecipe({ path: "slim.yaml", text }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: Deno.cwd(),
  });
  const run = assemble(plan, lastPhase(plan));
  const random = (name: string) => Random.stream(0, name), size = [65, 65] as const;
  const [ofSource, ofTarget, ofLabels] = [random("source"), random("target"), random("labels")];
  const ids = Array.from({ length: steps.images }, (_, k) => String(k));
  const pixels = steps.images * 65 ** 2;
  const images = (of: Random) => Float32Array.from({ length: 3 * pixels }, () => of.normal());
  const passes = Array.from({ length: steps.passes }, () => {
    const labels = Uint8Array.from({ length: pixels }, () => ofLabels.integer(0, 4));
    return {
      source: { ids, size, labels, images: images(ofSource) },
      target: { ids, size, images: images(ofTarget) },
    };
  });
  for (let step = 0; step < steps.updates; step++) {
    await trainStep(run, { step, steps: 10, multiplier: 1, passes });
  }
  const values = run.segmenter.params.map(({ value }) => value.dataSync() as Float32Array);
  run.dispose();
  return values;
}

for (const checkpointing of [false, true]) {
  limited(
    `steps in a third of the room give the same weights, bit for bit${checkpointing ? ", checkpointed" : ""}`,
    { ...ROOMY, heap: HEAP_ALONE.heap },
    async () => {
      const room = heapRoom();
      const steps = { options: `checkpointing: ${checkpointing}`, images: 1, passes: 2, updates: 2 };
      const whole = await slimSteps(steps);
      assert.equal(room.moved.outside, 0);
      const before = room.moved;
      room.limit({ ...ROOMY, heap: before.heap + 4 * MB, least: 10_000 });
      const little = await slimSteps(steps);
      const after = room.moved;
      assert.ok(after.out - before.out > 10 * MB, `${after.out - before.out} bytes left`);
      assert.ok(after.back - before.back > 5 * MB, `${after.back - before.back} bytes came back`);
      little.forEach((values, k) => assert.deepEqual(values, whole[k]));
    },
  );
}

limited(
  "four images at once in little room are four passes of one, with frozen statistics",
  { ...ROOMY, heap: 13 * MB, least: 10_000 },
  async () => {
    const steps = {
      options: "batch_norm: frozen, checkpointing: true",
      losses: "losses: [{ type: cross-entropy }, { type: label-smoothing, weight: 0.01 }]",
      updates: 1,
    };
    const before = heapRoom().moved.out;
    const together = await slimSteps({ ...steps, images: 4, passes: 1 });
    assert.ok(heapRoom().moved.out > before + 5 * MB);
    heapRoom().limit(HEAP_ALONE);
    const apart = await slimSteps({ ...steps, images: 1, passes: 4 });
    const start = await slimSteps({ ...steps, images: 1, passes: 1, updates: 0 });
    together.forEach((values, k) => {
      const moved = norm(values.map((value, j) => value - start[k]![j]!));
      const off = norm(values.map((value, j) => value - apart[k]![j]!));
      // A weight's last bits are lost when a small change is added to it.
      assert.ok(off <= 1e-4 * moved + 1e-7 * norm(values), `${k}: off by ${off} of ${moved}`);
    });
  },
);

Deno.test("a limit below the heap's 4 GB leaves nothing outside; above it, the rest", () => {
  assert.equal(limitsOf(3 * GB).heap, 3 * GB);
  assert.equal(limitsOf(3 * GB).outside(0), 0);
  assert.equal(limitsOf(20 * GB).heap, 4 * GB);
  assert.equal(limitsOf(20 * GB).outside(GB), 16 * GB);
  const free = Deno.systemMemoryInfo().available;
  const found = limitsOf().outside(0);
  assert.ok(found <= Math.max(0, free - 1.5 * GB), `${found} of ${free} bytes`);
});
