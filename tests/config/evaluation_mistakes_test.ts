import assert from "node:assert/strict";
import { load, mistakes } from "./fakes.ts";

Deno.test("the network, heads and further checkpoints of an evaluation", async () => {
  const { evaluation, resolved } = await load({
    set: ["evaluation.ensemble=[{checkpoint: b/other.safetensors, weight: 0.5}]"],
  });
  assert.deepEqual(evaluation.ensemble, [{ checkpoint: "/b/other.safetensors", weight: 0.5 }]);
  assert.deepEqual((resolved["evaluation"] as typeof evaluation).ensemble, evaluation.ensemble);
});

const cases: readonly (readonly [set: string, message: string])[] = [
  [
    "evaluation.network=techer",
    '--set evaluation.network: there is no network "techer"; expected one of student',
  ],
  [
    "evaluation.heads=[{tap: features}]",
    '--set evaluation.heads evaluation.heads[0].tap: expected a tap with a logit for each of the 2 classes (): it is "features"',
  ],
];

for (const [set, message] of cases) {
  Deno.test(`--set ${set} is refused`, async () => {
    assert.equal(await mistakes({ set: [set] }), message);
  });
}

Deno.test("averaged logits and aggregation exclude each other", async () => {
  const set = ["evaluation.average=logits", "evaluation.aggregation={features: dot, predictions: kl}"];
  const found = await mistakes({ set });
  assert.ok(
    found.includes(
      "evaluation.average: expected probabilities: these are what aggregation makes; set evaluation.aggregation to false",
    ),
    found,
  );
});

Deno.test("heads and aggregation exclude each other", async () => {
  const set = [
    "evaluation.heads=[{tap: logits}]",
    "evaluation.aggregation={features: dot, predictions: kl}",
  ];
  const found = await mistakes({ set });
  assert.ok(
    found.includes("evaluation.heads: excludes aggregation, whose features the model's own head"),
    found,
  );
});
