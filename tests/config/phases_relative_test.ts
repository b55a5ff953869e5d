/** Phases whose length and rate are those of the recipe they stand in, and that an extending recipe changes by name. */
import assert from "node:assert/strict";
import { load, mistakes } from "./fakes.ts";

const BASE = `extends: good.yaml
baseline: null
training: { steps: 50 }
phases:
  - name: first
    length: 0.5
  - name: second
    length: 0.25
    rate: 0.4
    losses: { plain: { weight: 3 } }
`;

const files = (child: string) => ({ "/recipes/base.yaml": BASE, "/recipes/child.yaml": child });

function child(text: string, set: readonly string[] = []) {
  return { path: "recipes/child.yaml", files: files(`extends: base.yaml\n${text}`), set };
}

Deno.test("a length is a share of the recipe's steps, a rate a factor on its schedule", async () => {
  const { phases, resolved } = await load(child(""));
  assert.deepEqual(phases.map(({ training }) => training.steps), [25, 13]);
  const [first, second] = phases.map(({ schedule }) => schedule.multiplier(0, 10));
  assert.equal(second, 0.4 * first!);
  const [, written] = resolved["phases"] as { rate: number; training: { steps: number } }[];
  assert.deepEqual([written!.rate, written!.training.steps], [0.4, 13]);
  const longer = await load(child("", ["training.steps=1000"]));
  assert.deepEqual(longer.phases.map(({ training }) => training.steps), [500, 250]);
  // Never none; and steps of its own count.
  const shortest = await load(child("", ["training.steps=1", "phases.second.training.steps=7"]));
  assert.deepEqual(shortest.phases.map(({ training }) => training.steps), [1, 7]);
});

Deno.test("an extending recipe changes phases by name, and null takes one out", async () => {
  const one = await load(
    child("phases: { first: null, second: { length: 2, losses: { plain: { weight: 5 } } } }\n"),
  );
  assert.deepEqual(one.phases.map(({ name, training }) => [name, training.steps]), [["second", 100]]);
  assert.deepEqual(one.phases[0]!.losses.find(({ name }) => name === "plain")!.weight, 5);
});

Deno.test("--set of steps that every phase has as its own is refused, with the places to set", async () => {
  const own = (steps: string) => ({
    path: "recipes/child.yaml",
    files: files(`extends: base.yaml\nphases: { second: { training: { steps: 7 } }${steps} }\n`),
  });
  // The first phase still takes its share.
  const { phases } = await load({ ...own(""), set: ["training.steps=10"] });
  assert.deepEqual(phases.map(({ training }) => training.steps), [5, 7]);
  const both = own(", first: { training: { steps: 9 } }");
  assert.equal(
    await mistakes({ ...both, set: ["training.steps=2", "training.batch=3"] }),
    "--set training.steps: has no effect, since every phase has its own; set phases.first.training.steps, " +
      "phases.second.training.steps instead",
  );
  const set = ["training.steps=2", "phases.second.training.steps=3"];
  assert.deepEqual((await load({ ...both, set })).phases.map(({ training }) => training.steps), [9, 3]);
});

Deno.test("a phase that is not there, a length of nothing, a rate that is no number", async () => {
  assert.equal(
    await mistakes(child("phases: { secnd: { length: 1 } }\n")),
    'recipes/child.yaml:2:11 phases.secnd: the extended recipe\'s phases has no phase "secnd"; a new one needs the whole ' +
      'list; did you mean "second"?',
  );
  assert.equal(
    await mistakes(child("phases: { second: { length: 0, rate: fast } }\n")),
    "recipes/child.yaml:2:29 phases[1].length: must be more than 0: it is 0\n" +
      'recipes/child.yaml:2:38 phases[1].rate: expected a number: it is "fast"',
  );
});
