/** Which parameters an entry of `optimizer.groups` means, and what it makes of them. */
import assert from "node:assert/strict";
import { inGroup, withFactors } from "../../core/optimization.ts";
import type { Param } from "../../core/plugin.ts";

/** A parameter without weights: groups look at names alone. */
function param(group: string): Param {
  return { name: group, group, value: undefined as unknown as Param["value"] };
}

Deno.test("inGroup: a key means a group that has all of its parts in their order", () => {
  const group = "backbone/block/norm";
  for (const key of ["backbone", "block", "norm", "backbone/norm", "backbone/block", group]) {
    assert.ok(inGroup(group, key), key);
  }
  for (
    const key of ["norm/backbone", "norm/norm", "back", "block/backbone/norm", "backbone/norm/block", "head"]
  ) {
    assert.ok(!inGroup(group, key), key);
  }
  assert.ok(inGroup("a/b/a", "a/a"));
});

Deno.test("withFactors: the factors of all entries that mean a group are multiplied", () => {
  const groups = [
    { group: "backbone", rate: 0.1, decay: 1 },
    { group: "norm", rate: 2, decay: 0, repeats: 3 },
    { group: "head", rate: 10, decay: 0.5 },
  ];
  const [norm, head, other] = withFactors([param("backbone/norm"), param("head"), param("neck")], groups);
  assert.deepEqual([norm!.rate, norm!.decay, norm!.repeats], [0.2, 0, 3]);
  assert.deepEqual([head!.rate, head!.decay, head!.repeats], [10, 0.5, 1]);
  assert.equal(other!.rate, undefined);
});

Deno.test("withFactors: a parameter that no entry means is the same object, and nothing is reordered", () => {
  const params = [param("b"), param("a")];
  assert.ok(withFactors(params, []).every((one, k) => one === params[k]));
  const names = withFactors(params, [{ group: "a", rate: 2, decay: 1 }]).map(({ name }) => name);
  assert.deepEqual(names, ["b", "a"]);
  assert.deepEqual(withFactors([], [{ group: "a", rate: 2, decay: 1 }]), []);
});
