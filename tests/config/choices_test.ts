/** Plugins that an option names: by name alone, or with options of their own. */
import assert from "node:assert/strict";
import { stringify } from "yaml";
import { recipeSchema } from "../../config/json_schema.ts";
import { definePlugin } from "../../core/plugin.ts";
import { pluginChoice } from "../../core/plugin_choice.ts";
import { Registry } from "../../core/registry.ts";
import { z } from "../../core/schema.ts";
import { describePlugin } from "../../cli/list.ts";
import { GOOD, load, mistakes, registry, tapLoss } from "./fakes.ts";

const AT = "recipes/good.yaml:14:";
const LEVEL = "losses[1].options.levels[0].similarity";

const withSimilarity = (choice: string) => ({
  "/recipes/good.yaml": GOOD.replace("similarity: dot", `similarity: ${choice}`),
});

/** What stands behind `similarity:` in the first level, and the message. */
const CASES: readonly (readonly [choice: string, message: string])[] = [
  [
    "{ type: dott, options: { powr: 2 } }",
    `${AT}48 ${LEVEL}.type: there is no similarity called "dott"; did you mean "dot"?`,
  ],
  [
    "{ type: dot, options: { powr: 2, power: -1 } }",
    `${AT}64 ${LEVEL}.options.powr: unknown key; did you mean "power"?\n` +
    `${AT}80 ${LEVEL}.options.power: must be more than 0: it is -1`,
  ],
  [
    "{ tipe: dot }",
    `${AT}28 ${LEVEL}: type is missing; expected one of cosine, dot, kl, or use: and the file of your own similarity\n` +
    `${AT}42 ${LEVEL}.tipe: unknown key; did you mean "type"?`,
  ],
  [
    "{ options: {} }",
    `${AT}28 ${LEVEL}: type is missing; expected one of cosine, dot, kl, or use: and the file of your own similarity`,
  ],
  ["{ type: dot, use: ./a.ts }", `${AT}28 ${LEVEL}: has both type and use; keep one`],
  ["7", `${AT}40 ${LEVEL}: expected text or a mapping: it is 7`],
];

for (const [choice, message] of CASES) {
  Deno.test(`similarity: ${choice} is refused where it is wrong`, async () => {
    const importPlugin = () => Promise.resolve([]);
    const found = await mistakes({ files: withSimilarity(choice), importPlugin });
    assert.equal(found, message);
  });
}

Deno.test("a similarity with options is recorded as it was written, and planned again from that", async () => {
  const recorded = async (choice: string) => {
    const { resolved } = await load({ files: withSimilarity(choice) });
    await load({ path: "a.yaml", files: { "/a.yaml": stringify(resolved) } });
    const [, tapped] = resolved["losses"] as { options: { levels: { similarity: unknown }[] } }[];
    return tapped!.options.levels[0]!.similarity;
  };
  assert.equal(await recorded("dot"), "dot");
  assert.deepEqual(await recorded("{ type: dot }"), { type: "dot" });
  assert.deepEqual(await recorded("{ type: dot, options: }"), { type: "dot", options: null });
  const choice = { type: "dot", options: { power: 3 } };
  assert.deepEqual(await recorded("{ type: dot, options: { power: 3 } }"), choice);
});

Deno.test("aggregation at inference takes similarities with options", async () => {
  const set = (
    options: string,
  ) => [`evaluation.aggregation={features: {type: dot, options: ${options}}, predictions: kl}`];
  const { evaluation } = await load({ set: set("{power: 3}") });
  assert.equal(evaluation.aggregation!.features.accepts, "real");
  assert.equal(
    await mistakes({ set: set("{powr: 3}") }),
    '--set evaluation.aggregation evaluation.aggregation.features.options.powr: unknown key; did you mean "power"?',
  );
});

Deno.test("editors and plca list know what an option may name", () => {
  const { $defs, properties } = recipeSchema(registry) as {
    $defs: Record<string, { anyOf: { const?: string; properties?: Record<string, { const?: string }> }[] }>;
    properties: Record<string, { anyOf: { properties?: Record<string, object> }[] }>;
  };
  const { anyOf } = $defs["similarity"]!;
  assert.deepEqual(anyOf.flatMap((one) => one.const ?? []), ["cosine", "dot", "kl"]);
  assert.deepEqual(anyOf.flatMap(({ properties }) => properties ? [Object.keys(properties)] : []), [
    ["type", "options"],
    ["type", "options"],
    ["type", "options"],
    ["use", "options"],
  ]);
  assert.match(
    JSON.stringify(properties["evaluation"]),
    /"features":\{"\$ref":"#\/\$defs\/similarity","default":"cosine"/,
  );
  assert.match(
    describePlugin(tapLoss),
    /\n {6}similarity \(similarity, or \{type, options\}\) = "dot" {2}measure\n?/,
  );
});

Deno.test("a plugin that may name one of its own kind", () => {
  const nested = definePlugin({
    kind: "similarity",
    name: "mixed",
    summary: "of two",
    options: z.strictObject({ other: pluginChoice("similarity").default("dot").describe("the second") }),
    plan: ({ other }, at, registry) => registry.plan("similarity", other, [...at, "other"]),
  });
  // The losses stand in the schema once, the aggregation at inference names two, the measures without labels one.
  const text = JSON.stringify(recipeSchema(new Registry([...registry.all(), nested])));
  assert.equal(text.split('"#/$defs/similarity"').length - 1, 5);
});
