/** Changing some terms of an objective by their names. */
import assert from "node:assert/strict";
import { lastPhase, type RunPlan } from "../../core/plan.ts";
import { load, mistakes } from "./fakes.ts";

const BASE = "extends: good.yaml\nlosses:\n  - { type: plain }\n" +
  "  - { type: tapped, name: second, weight: 2, options: { levels: [{ tap: probabilities }] } }\n" +
  "baseline: { losses: [{ type: plain }] }\n";

const files = (child: string) => ({ "/recipes/base.yaml": BASE, "/recipes/child.yaml": child });

function terms(plan: RunPlan) {
  return lastPhase(plan).losses.map(({ name, weight }) => [name, weight]);
}

Deno.test("a mapping on the extended losses changes the terms it names, removes with null, adds with a type", async () => {
  const change = "losses: { plain: null, second: { weight: 4 }, third: { type: plain, weight: 5 } }\n";
  const plan = await load({ path: "recipes/child.yaml", files: files(`extends: base.yaml\n${change}`) });
  assert.deepEqual(terms(plan), [["second", 4], ["third", 5]]);
  // What the change does not mention stays.
  const [second] = plan.resolved["losses"] as { options: unknown }[];
  assert.deepEqual(second!.options, { levels: [{ tap: "probabilities", similarity: "dot" }] });
});

Deno.test("the baseline's terms are changed the same way", async () => {
  const change = "baseline: { losses: { plain: { weight: 7 } } }\n";
  const plan = await load({ path: "recipes/child.yaml", files: files(`extends: base.yaml\n${change}`) });
  assert.deepEqual(plan.phases[0]!.losses.map(({ weight }) => weight), [7]);
});

Deno.test("a term that the extended recipe does not have", async () => {
  assert.equal(
    await mistakes({
      path: "recipes/child.yaml",
      files: files("extends: base.yaml\nlosses:\n  secnd: { weight: 1 }\n"),
    }),
    'recipes/child.yaml:3:3 losses.secnd: the extended recipe\'s losses has no term "secnd", and a new one needs ' +
      'a type; did you mean "second"?',
  );
});

Deno.test("--set reaches a term by its name", async () => {
  const set = ["losses.second.weight=9", "losses.plain="];
  const plan = await load({ path: "recipes/base.yaml", files: files(""), set });
  assert.deepEqual(terms(plan), [["second", 9]]);
});

Deno.test("null of a term that is not there is nothing to do, unless it is nearly one that is", async () => {
  const load1 = (change: string) =>
    load({ path: "recipes/child.yaml", files: files(`extends: base.yaml\n${change}`) });
  assert.deepEqual(terms(await load1("losses: { quite-another: null }\n")), [["plain", 1], ["second", 2]]);
  await assert.rejects(load1("losses: { secnd: null }\n"), /has no term "secnd".* did you mean "second"\?/);
});

Deno.test("--set adds a term", async () => {
  const set = ["losses.third={type: plain, weight: 5}"];
  const plan = await load({ path: "recipes/base.yaml", files: files(""), set });
  assert.deepEqual(terms(plan), [["plain", 1], ["second", 2], ["third", 5]]);
});
