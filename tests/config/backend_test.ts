import assert from "node:assert/strict";
import { stringify } from "yaml";
import { load, mistakes } from "./fakes.ts";

const GB = 2 ** 30;

Deno.test("backend: the name alone, or with what tensors may take; the resolved recipe plans the same", async () => {
  const alone = await load({ set: ["backend=native"] });
  assert.deepEqual([alone.backend, alone.memory, alone.resolved["backend"]], ["native", undefined, "native"]);
  const named = await load({ set: ["backend={name: wasm}"] });
  assert.deepEqual([named.backend, named.memory, named.resolved["backend"]], ["wasm", undefined, "wasm"]);
  const bounded = await load({ set: ["backend.memory=2.5"] });
  assert.deepEqual([bounded.backend, bounded.memory], ["auto", 2.5 * GB]);
  const half = await load({ set: ["backend={name: webgpu, precision: half}"] });
  assert.deepEqual([half.backend, half.precision], ["webgpu", "half"]);
  assert.deepEqual(half.resolved["backend"], { name: "webgpu", precision: "half" });
  const files = { "/runs/a/config.yaml": stringify(bounded.resolved) };
  const again = await load({ path: "runs/a/config.yaml", files, set: ["backend.name=native"] });
  assert.deepEqual([again.backend, again.memory], ["native", 2.5 * GB]);
});

Deno.test("mistakes in backend", async () => {
  assert.equal(
    await mistakes({ set: ["backend=nativ"] }),
    '--set backend: expected one of auto, native, tensorflow, wasm, webgpu, cpu or a mapping: it is "nativ"; did you mean "native"?',
  );
  assert.equal(
    await mistakes({ set: ["backend={name: native, memory: 0}"] }),
    "--set backend backend.memory: must be at least 0.25: it is 0",
  );
  assert.equal(
    await mistakes({ set: ["backend={name: webgpu, memory: 8}"] }),
    "--set backend backend.memory: webgpu takes what it needs: only native and wasm keep to a limit, as in {name: native, " +
      "memory: 16}",
  );
  for (const name of ["native", "auto", "cpu"]) {
    assert.equal(
      await mistakes({ set: [`backend={name: ${name}, precision: half}`] }),
      `--set backend backend.precision: ${name} keeps maps in 32 bits: only webgpu has half, as in {name: webgpu, ` +
        "precision: half}",
    );
  }
});
