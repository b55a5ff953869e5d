import assert from "node:assert/strict";
import { fuzz } from "./fuzz.ts";
import { TARGETS } from "./targets.ts";

/** `deno task test:fuzz` tries many more. */
const SAMPLE = 200;

for (const target of TARGETS) {
  Deno.test({
    name: `damaged: ${target.name}: read or refused with a clear message`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      for (const example of await target.examples()) await target.read(example);
      const { faults, accepted, refused } = await fuzz(target, { from: 0, count: SAMPLE });
      assert.deepEqual(faults, []);
      assert.equal(accepted + refused, SAMPLE);
      assert.ok(refused > SAMPLE / 20, `${target.name}: only ${refused} of ${SAMPLE} were refused`);
    },
  });
}
