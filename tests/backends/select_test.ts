/** How a backend is chosen, by records that stand for backends. */
import assert from "node:assert/strict";
import type { Backend, Judged } from "../../backends/backend.ts";
import { BACKENDS, READABLE } from "../../backends/mod.ts";
import { selectBackend } from "../../backends/select.ts";
import { UserError } from "../../core/errors.ts";
import type { BackendName } from "../../core/plan.ts";

function record(name: BackendName, judged: Judged, failure?: string): Backend {
  return {
    name,
    readable: true,
    gpu: false,
    pointers: false,
    inspect: () => Promise.reject(new Error("auto does not ask for it")),
    auto: () => Promise.resolve(judged),
    start: () => failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure)),
  };
}

const PASSED_OVER = [
  record("tensorflow", { takes: false }),
  record("webgpu", { takes: false, reason: "only a software adapter" }),
  record("native", { takes: true }, "no library"),
];

const NOTES = ["webgpu: only a software adapter", "native: no library"];

Deno.test("auto takes the first that starts and notes why those before it were not", async () => {
  const among = [
    ...PASSED_OVER,
    record("wasm", { takes: true }),
    record("cpu", { takes: true }, "not asked"),
  ];
  assert.deepEqual(await selectBackend("auto", { among }), { name: "wasm", notes: NOTES });
});

Deno.test("where none starts, the error says why each does not", async () => {
  await assert.rejects(selectBackend("auto", { among: PASSED_OVER }), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, `no tensor backend can be used here\n${NOTES.join("\n")}`);
    return true;
  });
});

Deno.test("auto tries the backends in the documented order; a run is looked at on those that leave a GPU alone", async () => {
  assert.deepEqual(BACKENDS.map(({ name }) => name), ["tensorflow", "webgpu", "native", "wasm", "cpu"]);
  assert.deepEqual(READABLE.map(({ name }) => name), ["native", "wasm", "cpu"]);
  assert.deepEqual(await BACKENDS.at(-1)!.auto(), { takes: false });
});
