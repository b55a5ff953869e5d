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
