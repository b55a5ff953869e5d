/** Who is missing, by what an MPI that is made up delivers. */
import assert from "node:assert/strict";
import { MPICH, type Symbols } from "../../processes/abi.ts";
import { Requests } from "../../processes/requests.ts";
import { RollCall } from "../../processes/roll_call.ts";

const encoded = (text: string) => new TextEncoder().encode(text);

/**
 * An MPI that knows what each of the others answers; null: nothing. `askers` ask one after the other. Whatever is sent is
 * noted, and to the process that is `gone` nothing can be sent.
 */
function madeUp(answers: readonly (string | null)[], { askers = [] as number[], gone = -1 } = {}) {
  const sent: { readonly to: number; readonly bytes: Uint8Array }[] = [], asking = [...askers];
  // A handle holds whether its request is done.
  const begun = (handle: Uint8Array, done: boolean) => void (handle[0] = Number(done));
  const symbols = {
    MPI_Isend(
      data: Uint8Array,
      length: number,
      _type: number,
      to: number,
      _tag: number,
      _comm: number,
      handle: Uint8Array,
    ) {
      if (to === gone) return 1;
      sent.push({ to, bytes: data.slice(0, length) });
      begun(handle, true);
      return 0;
    },
    MPI_Irecv(
      data: Uint8Array,
      _length: number,
      _type: number,
      from: number,
      _tag: number,
      _comm: number,
      handle: Uint8Array,
    ) {
      if (from === MPICH.anySource) new Int32Array(data.buffer)[0] = asking.shift()!;
      const answer = answers[from] ?? null;
      data.set(encoded(answer ?? ""), 0);
      begun(handle, from === MPICH.anySource || answer !== null);
      return 0;
    },
    MPI_Iprobe(_from: number, _tag: number, _comm: number, flag: Int32Array) {
      flag[0] = Number(asking.length > 0);
      return 0;
    },
    MPI_Test(handle: Uint8Array, flag: Int32Array) {
      flag[0] = handle[0]!;
      return 0;
    },
  };
  const requests = new Requests({ abi: MPICH, symbols: symbols as unknown as Symbols });
  return { sent, call: new RollCall(requests, { rank: 0, size: answers.length, patience: 5 }) };
}

const whoIsMissing = (answers: readonly (string | null)[], gone?: number) =>
  madeUp(answers, { gone }).call.whoIsMissing("exchange 5");

Deno.test("RollCall: who does not answer did not come, who waits for something else is told", () => {
  assert.equal(whoIsMissing([null, null]), "rank 1 did not come");
  assert.equal(whoIsMissing([null, "exchange 5", null, null]), "ranks 2, 3 did not come");
  assert.equal(whoIsMissing([null, "exchange 4", null]), "rank 2 did not come, rank 1 waits for exchange 4");
  assert.equal(whoIsMissing([null, "the end", "exchange 5"]), "rank 1 waits for the end");
  assert.equal(whoIsMissing([null, "exchange 5", "exchange 5"]), "all others wait for it as well");
});

Deno.test("RollCall: who cannot be asked is missing", () => {
  assert.equal(whoIsMissing([null, "exchange 5", null], 2), "rank 2 did not come");
});

Deno.test("RollCall: a process that waits answers each that asks, also while it asks itself", () => {
  const waits = madeUp([null, null, null, null], { askers: [3, 1] });
  waits.call.answer("the sum of gradients");
  assert.deepEqual(
    waits.sent.map(({ to, bytes }) => [to, new TextDecoder().decode(bytes).replaceAll("\0", "")]),
    [[3, "the sum of gradients"], [1, "the sum of gradients"]],
  );
  const asks = madeUp([null, "exchange 5"], { askers: [1] });
  asks.call.whoIsMissing("exchange 5");
  // Its own question, which is its rank, and its answer.
  assert.deepEqual(asks.sent.map(({ to, bytes }) => [to, bytes.length]), [[1, 4], [1, 64]]);
});
