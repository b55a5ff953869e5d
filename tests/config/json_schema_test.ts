/** The JSON Schema of recipes takes what plca takes, and refuses slips of the pen. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { builtins } from "../../builtins.ts";
import type { JsonSchema } from "../../config/entry_schema.ts";
import { recipeSchema } from "../../config/json_schema.ts";

const SCHEMA = recipeSchema(builtins());

interface Node {
  readonly $ref?: string;
  readonly anyOf?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string | readonly string[];
  readonly properties?: JsonSchema;
  readonly additionalProperties?: unknown;
  readonly required?: readonly string[];
  readonly prefixItems?: readonly unknown[];
  readonly items?: unknown;
}

/** Whether a schema takes a value: the keywords that tell kinds of entries apart, without bounds and patterns. */
function takes(schema: unknown, value: unknown): boolean {
  if (typeof schema === "boolean") return schema;
  const node = schema as Node;
  const { prefixItems = [], properties = {}, required = [], additionalProperties = true, items = true } =
    node;
  if (node.$ref !== undefined) {
    const found = node.$ref.slice(2).split("/")
      .reduce<unknown>((at, key) => (at as JsonSchema)[key], SCHEMA);
    if (!takes(found, value)) return false;
  }
  if (node.anyOf && !node.anyOf.some((one) => takes(one, value))) return false;
  if (node.enum && !node.enum.includes(value)) return false;
  if ("const" in node && node.const !== value) return false;
  if (node.type !== undefined && ![node.type].flat().some((type) => typesOf(value).includes(type))) {
    return false;
  }
  if (Array.isArray(value)) return value.every((item, k) => takes(prefixItems[k] ?? items, item));
  if (typeof value !== "object" || value === null) return true;
  return required.every((key) => key in value) &&
    Object.entries(value).every(([key, part]) => takes(properties[key] ?? additionalProperties, part));
}

function typesOf(value: unknown): readonly string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return Number.isInteger(value) ? ["number", "integer"] : [typeof value];
}

const takesText = (text: string) => takes(SCHEMA, parse(text));

for (
  const text of [
    "losses: { association: { update: 2, weight: 0.1 }, lovasz-softmax: null }",
    "streams: { mixed: null, few: { dataset: { type: street } } }",
    "networks: { teacher: null, other: { type: ema } }",
    "networks: { teacher: { type: frozen, weights: null } }",
    "networks: { teacher: { use: ./mine.ts, weights: null } }",
    "model: { weights: null }",
    "phases: [{ name: a, streams: { mixed: null }, networks: { teacher: null }, losses: { x: { update: 2 } } }]",
    "data: { val: null, test: null }",
    "baseline: null",
  ]
) Deno.test(`the schema takes ${text}`, () => assert.ok(takesText(text)));

for (
  const text of [
    "losses: { association: { updat: 2 } }",
    "streams: { few: { datset: { type: street } } }",
    "networks: { teacher: { type: ema, weight: x } }",
    "model: { weights: 1 }",
    "data: { source: null }",
    "los: []",
  ]
) Deno.test(`the schema refuses ${text}`, () => assert.ok(!takesText(text)));

for (const folder of ["recipes", "recipes/ablation", "docs/extending"]) {
  for (const { name } of Deno.readDirSync(new URL(`../../${folder}`, import.meta.url))) {
    if (!name.endsWith(".yaml")) continue;
    Deno.test(`the schema takes ${folder}/${name}`, () =>
      assert.ok(takesText(Deno.readTextFileSync(new URL(`../../${folder}/${name}`, import.meta.url)))));
  }
}
