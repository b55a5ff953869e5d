import assert from "node:assert/strict";
import { differences } from "../../report/differences.ts";

const losses = (weight: number, more: object[] = []) => ({
  losses: [{ type: "cross-entropy", weight: 1 }, { type: "association", name: "assoc", weight }, ...more],
});

Deno.test("settings that differ are named as `--set` names them, lists of losses by their names", () => {
  const runs = [
    { name: "a", seed: 0, input: { crop: [32, 64] }, baseline: null, ...losses(0.1) },
    {
      name: "a",
      seed: 1,
      input: { crop: [32, 32] },
      baseline: { name: "b" },
      ...losses(0.1, [{ type: "entropy" }]),
    },
  ];
  assert.deepEqual(differences(runs), [
    { path: "seed", values: ["0", "1"] },
    { path: "input.crop", values: ["[32,64]", "[32,32]"] },
    { path: "baseline", values: ["null", '{"name":"b"}'] },
    { path: "losses.entropy", values: [null, '{"type":"entropy"}'] },
  ]);
});

Deno.test("a mapping that a run has not is one difference; runs that have it are compared in it as well", () => {
  const baseline = (weight: number) => ({
    baseline: {
      name: "source-only",
      losses: [{ type: "cross-entropy", weight, options: { note: "x".repeat(60) } }],
    },
  });
  assert.deepEqual(differences([baseline(1), {}]), [
    { path: "baseline", values: ["source-only, 4 settings", null] },
  ]);
  assert.deepEqual(differences([baseline(1), {}, baseline(2)]), [
    { path: "baseline", values: ["source-only, 4 settings", null, "source-only, 4 settings"] },
    { path: "baseline.losses.cross-entropy.weight", values: ["1", null, "2"] },
  ]);
  assert.deepEqual(differences([{ window: false }, { window: { size: 8, stride: 4 } }]), [
    { path: "window", values: ["false", '{"size":8,"stride":4}'] },
  ]);
});

Deno.test("a list whose names come twice is compared by place", () => {
  const twice = (weight: number) => ({ losses: [{ type: "a" }, { type: "a", weight }] });
  assert.deepEqual(differences([twice(1), twice(2)]), [{ path: "losses[1].weight", values: ["1", "2"] }]);
});

Deno.test("nothing differs in one run, and nothing is said of a recipe that could not be read", () => {
  assert.deepEqual(differences([{ seed: 1 }]), []);
  assert.deepEqual(differences([{ seed: 1 }, undefined]), []);
  assert.deepEqual(differences([{ seed: 1 }, undefined, { seed: 2 }]), [{
    path: "seed",
    values: ["1", null, "2"],
  }]);
});
