import assert from "node:assert/strict";
import { Once } from "../../view/once.ts";

const NEVER = new AbortController().signal;

Deno.test("eight who ask at once get one result, and a new one when something changed", async () => {
  let version = "1", computed = 0;
  const once = new Once(() => Promise.resolve(version), async () => {
    computed += 1;
    await new Promise((soon) => setTimeout(soon, 5));
    return computed;
  });
  const ask = () => once.ask(NEVER);
  assert.deepEqual(await Promise.all(Array.from({ length: 8 }, ask)), Array(8).fill(1));
  version = "2";
  assert.deepEqual(await Promise.all([ask(), ask()]), [2, 2]);
});

Deno.test("who leaves, or fails, keeps nobody from the result", async () => {
  const leaving = new AbortController();
  let computed = 0, together = 0;
  const version = "same";
  const once = new Once(() => Promise.resolve(version), async (signal) => {
    assert.equal(together++, 0, "one computation after the other");
    await new Promise((soon) => setTimeout(soon, 5));
    together -= 1;
    signal.throwIfAborted();
    if (++computed === 1) throw new Error("the first fails");
    return "done";
  });
  const left = once.ask(leaving.signal), failed = once.ask(NEVER), last = once.ask(NEVER);
  setTimeout(() => leaving.abort(), 2);
  await assert.rejects(left, { name: "AbortError" });
  await assert.rejects(failed, /^Error: the first fails$/);
  assert.equal(await last, "done");
});
