import assert from "node:assert/strict";
import { madeAhead } from "../../datasets/ahead.ts";
import type { Maker } from "../../datasets/maker.ts";

/** Makes index times ten, a later one sooner; remembers what was asked for. */
function maker(broken?: number) {
  const asked: number[] = [];
  const state = { open: 0, most: 0, closed: false };
  const made: Maker<number, number> = {
    async make(index) {
      asked.push(index);
      state.most = Math.max(state.most, ++state.open);
      await new Promise((resolve) => setTimeout(resolve, 5 - index));
      state.open--;
      if (index === broken) throw new Error("broken");
      return 10 * index;
    },
    close: () => void (state.closed = true),
  };
  return { made, asked, state };
}

Deno.test("in order, so many at a time, each once", async () => {
  const { made, asked, state } = maker();
  const results = [];
  for await (const result of madeAhead(made, { count: 5, ahead: 3 })) results.push(result);
  assert.deepEqual([results, asked], [[0, 10, 20, 30, 40], [0, 1, 2, 3, 4]]);
  assert.deepEqual(state, { open: 0, most: 3, closed: true });
});

Deno.test("while the caller works on one, the next is made", async () => {
  const { made, asked } = maker();
  const all = madeAhead(made, { count: 5, ahead: 1 });
  assert.equal((await all.next()).value, 0);
  assert.deepEqual(asked, [0, 1]);
  await all.return();
});

Deno.test("nothing to make, and a caller who stops early: the maker is closed", async () => {
  const empty = maker();
  assert.equal((await madeAhead(empty.made, { count: 0, ahead: 2 }).next()).done, true);
  assert.deepEqual([empty.asked, empty.state.closed], [[], true]);
  const left = maker();
  for await (const _ of madeAhead(left.made, { count: 5, ahead: 2 })) break;
  assert.deepEqual([left.asked, left.state.closed], [[0, 1, 2], true]);
});

Deno.test("a failure is thrown when its turn comes, not before", async () => {
  const { made, state } = maker(2);
  const results: number[] = [];
  await assert.rejects(async () => {
    for await (const result of madeAhead(made, { count: 5, ahead: 4 })) results.push(result);
  }, { message: "broken" });
  assert.deepEqual([results, state.closed], [[0, 10], true]);
});

Deno.test("a signal ends it without an error", async () => {
  const { made, state } = maker();
  const stop = new AbortController();
  const results: number[] = [];
  for await (const result of madeAhead(made, { count: 5, ahead: 2, signal: stop.signal })) {
    results.push(result);
    if (result === 10) stop.abort();
  }
  assert.deepEqual([results, state.closed], [[0, 10], true]);
});
