/** Seeded streams of random numbers: their values, ranges and orders. */
import assert from "node:assert/strict";
import { fnv1a, Random } from "../../core/random.ts";

Deno.test("integer gives every number of its range, both ends included, and no other", () => {
  const random = Random.stream(3, "integers");
  const seen = new Set(Array.from({ length: 400 }, () => random.integer(-1, 2)));
  assert.deepEqual([...seen].sort((a, b) => a - b), [-1, 0, 1, 2]);
  assert.equal(random.integer(5, 5), 5);
});

Deno.test("permutation gives every order of its numbers, each as often", () => {
  const random = Random.stream(3, "orders");
  const counts = new Map<string, number>();
  for (let k = 0; k < 1200; k++) {
    const order = random.permutation(3).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), ["012", "021", "102", "120", "201", "210"]);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 200) < 60, `${order}: ${count}`);
  assert.deepEqual([...random.permutation(0)], []);
});

Deno.test("fnv1a is the 32-bit hash of the text's UTF-8 bytes", () => {
  // The first two from the authors' list of test vectors.
  assert.deepEqual([fnv1a(""), fnv1a("a")], [0x811c9dc5, 0xe40c292c]);
  assert.equal(fnv1a("é"), 0x1e9de8c1);
});

Deno.test("a stream follows from seed and name: its numbers are those of earlier versions", () => {
  const random = Random.stream(7, "source");
  assert.deepEqual(Array.from({ length: 3 }, () => random.next()), [
    0.1250707576982677,
    0.6190452959854156,
    0.8477261860389262,
  ]);
  assert.equal(random.normal(), -2.0362000594795804);
  assert.deepEqual([...Random.stream(7, "source").permutation(6)], [1, 5, 2, 4, 3, 0]);
});

Deno.test("next and uniform stay in their ranges, and fill them evenly", () => {
  const random = Random.stream(5, "uniform"), count = 4000;
  const bins = new Array<number>(8).fill(0);
  for (let k = 0; k < count; k++) {
    const share = random.next();
    assert.ok(share >= 0 && share < 1);
    bins[Math.floor(8 * share)]! += 1;
    const value = random.uniform(-3, 5);
    assert.ok(value >= -3 && value < 5);
    bins[Math.floor(value + 3)]! += 1;
  }
  // Of 1,000 in each a deviation is 31.
  for (const bin of bins) assert.ok(Math.abs(bin - count / 4) < 150, `${bins}`);
  assert.equal(random.uniform(2, 2), 2);
});

Deno.test("normal has mean 0, deviation 1 and no skew", () => {
  const random = Random.stream(5, "normal"), count = 20_000;
  const values = Array.from({ length: count }, () => random.normal());
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
  assert.ok(values.every(Number.isFinite));
  [0, 1, 0, 3].forEach((expected, k) => {
    const found = moment(k + 1);
    assert.ok(Math.abs(found - expected) < 0.15, `moment ${k + 1}: ${found}`);
  });
  // Two uniform numbers a call.
  const [one, other] = [Random.stream(1, "a"), Random.stream(1, "a")];
  one.normal();
  other.next();
  other.next();
  assert.equal(one.next(), other.next());
});

Deno.test("streams of other seeds and names are others, and drawing from one moves no other", () => {
  const first = (seed: number, name: string) => Random.stream(seed, name).next();
  assert.equal(
    new Set([first(1, "a"), first(2, "a"), first(1, "b"), first(12, "a"), first(1, "2:a")]).size,
    5,
  );
  const [a, b] = [Random.stream(1, "a"), Random.stream(1, "b")];
  for (let k = 0; k < 5; k++) a.next();
  assert.equal(b.next(), first(1, "b"));
});
