/** The parts of the room: which neighbours leave, the memory outside, what is counted, and the errors that name settings. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InPieces, noMemory } from "../../backends/wasm/no_memory.ts";
import { Outside, sizeOutside } from "../../backends/wasm/outside.ts";
import type { Place } from "../../backends/wasm/place.ts";
import { oldestRun } from "../../backends/wasm/runs.ts";
import { Tally } from "../../backends/wasm/tally.ts";
import { UserError } from "../../core/errors.ts";

/** A tensor's place, as far as these parts look at it. */
interface Given {
  readonly offset: number;
  readonly bytes: number;
  readonly used: number;
  readonly held: boolean;
}

const END = 2000, OVERHEAD = 64;
const places = (given: readonly Given[]) => given as unknown as Place[];

/** Tensors one after the other, with gaps between them. */
const heaps = fc.array(
  fc.record({
    gap: fc.integer({ min: 0, max: 120 }),
    bytes: fc.integer({ min: 1, max: 150 }),
    used: fc.integer({ min: 1, max: 12 }),
    held: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
).map((all) => {
  let end = 0;
  return all.map(({ gap, bytes, used, held }): Given => {
    const offset = end + gap;
    end = offset + bytes;
    return { offset, bytes, used, held };
  });
});

Deno.test("oldestRun: of all runs that are large enough and held by nobody the oldest, then the smallest", () => {
  fc.assert(
    fc.property(heaps, fc.integer({ min: 1, max: 700 }), (given, bytes) => {
      const runs = given.flatMap((_, from) =>
        given.slice(from).map((__, k) => given.slice(from, from + k + 1)).flatMap((run) => {
          const before = given[from - 1], after = given[from + run.length];
          const start = before ? before.offset + before.bytes : run[0]!.offset;
          const room = (after?.offset ?? END) - start;
          if (room < bytes + OVERHEAD || run.some(({ held }) => held)) return [];
          return [{
            used: Math.max(...run.map((one) => one.used)),
            moved: run.reduce((sum, one) => sum + one.bytes, 0),
          }];
        })
      );
      // In any order: they are sorted by address.
      const found = oldestRun(places([...given].reverse()), bytes, END) as unknown as Given[];
      if (runs.length === 0) return assert.deepEqual(found, []);
      const used = Math.min(...runs.map((run) => run.used));
      const moved = Math.min(...runs.filter((run) => run.used === used).map((run) => run.moved));
      assert.equal(Math.max(...found.map((one) => one.used)), used);
      assert.equal(found.reduce((sum, one) => sum + one.bytes, 0), moved);
    }),
    { seed: 1, numRuns: 300 },
  );
});

const MB = 2 ** 20;

Deno.test("Outside: bytes come back as they were, whatever their number, and free pieces are used again", () => {
  const outside = new Outside();
  const stored = [0, 1, 1000, MB - 1, MB, 4 * MB, 4 * MB + 1, 9 * MB].map((bytes, k) => {
    const values = new Uint8Array(bytes).fill(k + 1);
    if (bytes > 0) values[bytes - 1] = 77;
    const taken = outside.taken, needs = outside.needs(bytes);
    const receipt = outside.store(values);
    assert.equal(outside.taken - taken, needs);
    assert.equal(needs, sizeOutside(bytes), "nothing was free");
    return { values, receipt };
  });
  const all = stored.reduce((sum, { values }) => sum + values.length, 0);
  assert.deepEqual([outside.bytes, outside.peak], [all, all]);
  for (const { values, receipt } of stored) {
    const back = new Uint8Array(values.length);
    outside.load(receipt, back);
    assert.ok(back.every((byte, k) => byte === values[k]));
  }
  const taken = outside.taken;
  for (const { receipt } of stored) outside.release(receipt);
  assert.deepEqual([outside.bytes, outside.peak], [0, all]);
  // Small ones are given back; pieces stay for the next.
  assert.equal(taken - outside.taken, 1 + 1000 + MB - 1);
  assert.deepEqual([outside.needs(9 * MB), outside.needs(500)], [0, 500]);
  outside.store(new Uint8Array(5 * MB));
  assert.equal(outside.taken, taken - MB - 1000);
});

Deno.test("sizeOutside: small tensors as they are, others in pieces of 4 MB", () => {
  assert.deepEqual([0, MB - 1, MB, 4 * MB, 4 * MB + 1].map(sizeOutside), [0, MB - 1, 4 * MB, 4 * MB, 8 * MB]);
});

Deno.test("Tally: bytes and seconds in all and by what made the tensors, the most bytes first", () => {
  const tally = new Tally();
  const moved = (maker: string, shape: number[], bytes: number) =>
    ({ maker, shape, bytes }) as unknown as Place;
  tally.add("out", moved("conv2d", [2, 3], 24), 500);
  tally.add("back", moved("conv2d", [2, 3], 24), 1500);
  tally.add("out", moved("given", [9], 36), 0);
  tally.add("out", moved("conv2d", [7], 28), 250);
  const { out, back, seconds, tensors } = tally.sums;
  assert.deepEqual([out, back, seconds], [88, 24, 2.25]);
  assert.deepEqual(tensors, [
    { what: "conv2d [2, 3]", timesOut: 1, timesBack: 1, bytes: 48, seconds: 2 },
    { what: "given [9]", timesOut: 1, timesBack: 0, bytes: 36, seconds: 0 },
    { what: "conv2d [7]", timesOut: 1, timesBack: 0, bytes: 28, seconds: 0.25 },
  ]);
  // What was told is a copy.
  (tensors[0] as { bytes: number }).bytes = 0;
  assert.equal(tally.sums.tensors[0]!.bytes, 48);
});

const ADVICE = "lower input.crop or training.batch, or set model.options.checkpointing: true; " +
  "for predictions lower evaluation.size or set evaluation.window";

Deno.test("noMemory names what does not fit, how much there is, and which settings need less", () => {
  const GB = 2 ** 30;
  const said = (heap: number, outside: number, full: boolean) =>
    noMemory(12.4e6, { heap, outside, full }).message;
  assert.equal(
    said(4 * GB, 0, false),
    `no memory for another 12 MB: the tensors of this backend have 4 GB in all; ${ADVICE}`,
  );
  assert.equal(
    said(4 * GB, 8 * GB, false),
    `no memory for another 12 MB: a single operator needs more than the 4 GB that tensors have while they are worked on; ${ADVICE}`,
  );
  assert.equal(
    said(3.5 * GB, 8 * GB, true),
    "no memory for another 12 MB: the tensors of this backend have 3.5 GB while they are worked on and 8 GB where they wait, " +
      `and both are full; raise backend.memory where the machine has more, ${ADVICE}`,
  );
});

Deno.test("InPieces is an error for people that knows how to make room", () => {
  let cleared = 0;
  const error = new InPieces(new UserError("full"), () => void cleared++);
  error.clear();
  assert.ok(error instanceof UserError && error.message === "full" && cleared === 1);
});
