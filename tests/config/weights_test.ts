import assert from "node:assert/strict";
import { recipeSchema } from "../../config/json_schema.ts";
import { GOOD, load, mistakesWith, registry } from "./fakes.ts";

const withWeights = (text: string) => ({
  "/recipes/good.yaml": GOOD.replace("{ type: net }", `{ type: net, ${text} }`),
});

Deno.test("model.weights is relative to the recipe that names it, and recorded whole", async () => {
  const files = withWeights("weights: ../files/a.pth");
  const plan = await load({ files });
  assert.deepEqual(plan.model.weights, { file: "/files/a.pth" });
  assert.deepEqual(plan.resolved["model"], { type: "net", weights: "/files/a.pth", options: { width: 1 } });
  const child = "extends: ../../recipes/good.yaml\nmodel: { options: { width: 2 } }\n";
  const extended = await load({ files: { ...files, "/deep/er/x.yaml": child }, path: "deep/er/x.yaml" });
  assert.deepEqual(extended.model.weights, { file: "/files/a.pth" });
});

Deno.test("--set model.weights is relative to the current folder; nothing removes it", async () => {
  assert.deepEqual((await load({ set: ["model.weights=a.pth"] })).model.weights, { file: "/a.pth" });
  const files = withWeights("weights: a.pth");
  assert.equal((await load({ files, set: ["model.weights="] })).model.weights, undefined);
  const plain = await load({});
  assert.deepEqual(plain.resolved["model"], { type: "net", options: { width: 1 } });
  assert.ok(!("weights" in plain.model));
});

Deno.test("model.weights: seed names no file, is told apart from a file of that name, and is recorded", async () => {
  const plan = await load({ files: withWeights("weights: seed") });
  assert.deepEqual([plan.model.weights, plan.model.fromSeed], [undefined, true]);
  assert.deepEqual(plan.resolved["model"], { type: "net", weights: "seed", options: { width: 1 } });
  const file = await load({ files: withWeights("weights: ./seed") });
  assert.deepEqual([file.model.weights, file.model.fromSeed], [{ file: "/recipes/seed" }, undefined]);
});

Deno.test("model.weights as a mapping: what is taken of the file, and what is left out", async () => {
  const whole = "weights: { file: ../files/a.pth, take: ema_model., without: [classifier] }";
  const plan = await load({ files: withWeights(whole) });
  const source = { file: "/files/a.pth", take: "ema_model.", without: ["classifier"] };
  assert.deepEqual(plan.model.weights, source);
  assert.deepEqual((plan.resolved["model"] as { weights: unknown }).weights, source);
  const set = await load({ set: ["model.weights={file: a.pth, without: [classifier]}"] });
  assert.deepEqual(set.model.weights, { file: "/a.pth", without: ["classifier"] });
  const bare = await load({ files: withWeights("weights: { file: a.pth, without: [] }") });
  assert.deepEqual(bare.model.weights, { file: "/recipes/a.pth" });
});

Deno.test("a mapping of model.weights with mistakes", async () => {
  const mistakes = (text: string) => mistakesWith("{ type: net }", `{ type: net, weights: ${text} }`);
  assert.equal(
    await mistakes("{ take: a }"),
    "recipes/good.yaml:7:21 model.weights.file: is missing; expected text",
  );
  assert.equal(
    await mistakes("{ file: a.pth, without: classifier }"),
    'recipes/good.yaml:7:54 model.weights.without: expected a list: it is "classifier"',
  );
  assert.equal(
    await mistakes("{ file: a.pth, withot: [classifier] }"),
    'recipes/good.yaml:7:45 model.weights.withot: unknown key; did you mean "without"?',
  );
});

Deno.test("model.weights that is no path, and misspelt", async () => {
  assert.equal(
    await mistakesWith("{ type: net }", "{ type: net, weights: [a.pth] }"),
    "recipes/good.yaml:7:21 model.weights: expected the path of a file of weights: it is a list",
  );
  assert.equal(
    await mistakesWith("{ type: net }", "{ type: net, weight: a.pth }"),
    'recipes/good.yaml:7:21 model.weight: unknown key; did you mean "weights"?',
  );
});

Deno.test("editors know model.weights, and only there", () => {
  type Entries = { anyOf: { properties: object }[] };
  const { properties, $defs } = recipeSchema(registry) as Record<
    "properties" | "$defs",
    Record<string, Entries>
  >;
  const keys = ({ anyOf }: Entries) => Object.keys(anyOf[0]!.properties);
  assert.deepEqual(keys(properties["model"]!), ["type", "options", "weights"]);
  assert.deepEqual(keys($defs["section_optimizer"]!), ["type", "options", "groups"]);
});
