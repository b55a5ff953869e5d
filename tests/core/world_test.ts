/** What is asked of the processes of a run, where there is one, and what each draws for its own images. */
import assert from "node:assert/strict";
import { drawnForOwn, exchangeJson, solo } from "../../core/world.ts";

Deno.test("solo: every mean, sum and exchange is the process's own value", () => {
  const numbers = Float64Array.of(1, 2), bytes = Uint8Array.of(3), part = Float32Array.of(4);
  assert.deepEqual([solo.rank, solo.size], [0, 1]);
  assert.equal(solo.sums(numbers), numbers);
  assert.equal(solo.beginSums(numbers)(), numbers);
  assert.equal(solo.swapped([part], [1]), part);
  assert.deepEqual(solo.exchange(bytes), [bytes]);
  assert.deepEqual(solo.mean([null]), [null]);
});

Deno.test("drawnForOwn: processes draw together what one process would draw, each for its own things", () => {
  const counter = () => {
    let next = 0;
    return () => next++;
  };
  assert.deepEqual(drawnForOwn(6, solo, counter()), [0, 1, 2, 3, 4, 5]);
  const parts = [0, 1, 2].map((rank) => drawnForOwn(2, { rank, size: 3 }, counter()));
  assert.deepEqual(parts, [[0, 1], [2, 3], [4, 5]]);
  // However many are taken, all were drawn, so that what is drawn next is the same everywhere.
  const draw = counter();
  drawnForOwn(2, { rank: 0, size: 3 }, draw);
  assert.equal(draw(), 6);
  assert.deepEqual(drawnForOwn(0, { rank: 1, size: 2 }, counter()), []);
});

Deno.test("exchangeJson: values by rank, undefined where a process has none; alone it hands over the value itself", () => {
  const own = { a: 1 };
  const never = () => assert.fail("one process exchanges nothing");
  assert.equal(exchangeJson({ size: 1, exchange: never }, own)[0], own);
  const encoded = (text: string) => new TextEncoder().encode(text);
  const handed: string[] = [];
  const world = {
    size: 3,
    exchange(bytes: Uint8Array) {
      handed.push(new TextDecoder().decode(bytes));
      return [bytes, encoded(""), encoded('"é"')];
    },
  };
  assert.deepEqual(exchangeJson<unknown>(world, { a: "道" }), [{ a: "道" }, undefined, "é"]);
  assert.deepEqual(exchangeJson<unknown>(world, undefined), [undefined, undefined, "é"]);
  assert.deepEqual(handed, ['{"a":"道"}', ""]);
});
