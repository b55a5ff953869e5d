/** The JSON Schema of recipes, for editors: sections from recipe.ts, options from the plugins. */
import type { Kind, Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { type OptionsSchema, z, zodSchema } from "../core/schema.ts";
import { sections, termName, termWeight, WEIGHTS_KEY } from "./recipe.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The options of a plugin as a JSON Schema; defaults and descriptions included. */
export function optionsSchema(schema: OptionsSchema<unknown>): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(zodSchema(schema), { io: "input", unrepresentable: "any" });
  return rest;
}

/** What editors validate recipes with. Nothing is required, since `extends:` may bring any key. */
export function recipeSchema(registry: Registry): JsonSchema {
  const terms = {
    type: "array",
    minItems: 1,
    items: { anyOf: [...registry.all("loss").map(lossEntry), userLoss()] },
  };
  const losses = { anyOf: [terms, changedTerms()] };
  const dataset = named(registry, "dataset", datasetEntry);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "plca recipe",
    type: "object",
    additionalProperties: false,
    properties: {
      extends: { type: "string", description: "a recipe this one is laid on: a path, or an embedded name" },
      name: optionsSchema(sections.name),
      seed: optionsSchema(sections.seed),
      backend: optionsSchema(sections.backend),
      data: {
        type: "object",
        additionalProperties: false,
        properties: {
          root: { type: "string", description: "folder with the data; relative to this file" },
          source: { description: "labelled", ...dataset },
          target: { description: "unlabelled", ...dataset },
          val: { description: "labelled, of the target domain", ...dataset },
          test: { description: "labelled, of the target domain", ...dataset },
        },
      },
      input: optional(optionsSchema(sections.input)),
      model: named(registry, "model", modelEntry),
      losses,
      optimizer: named(registry, "optimizer", pluginEntry),
      schedule: named(registry, "schedule", pluginEntry),
      training: optional(optionsSchema(sections.training)),
      evaluation: optional(optionsSchema(sections.evaluation)),
      logs: optionsSchema(sections.logs),
      baseline: {
        type: ["object", "null"],
        description: "trained first, on the same seed and budget, to compare with",
        additionalProperties: false,
        properties: { name: optionsSchema(termName), losses },
      },
    },
  };
}

function optional(schema: JsonSchema): JsonSchema {
  const { required: _, ...rest } = schema;
  return rest;
}

function named(registry: Registry, kind: Kind, entry: (plugin: Plugin) => JsonSchema): JsonSchema {
  return { anyOf: registry.all(kind).map(entry) };
}

function typeOf(plugin: Plugin): JsonSchema {
  return { const: plugin.name, description: plugin.summary };
}

function pluginEntry(plugin: Plugin): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    properties: { type: typeOf(plugin), options: optional(optionsSchema(plugin.options)) },
  };
}

function modelEntry(plugin: Plugin): JsonSchema {
  const { properties, ...rest } = pluginEntry(plugin);
  const weights = { type: "string", description: "a file that training starts from; relative to this file" };
  return { ...rest, properties: { ...properties as JsonSchema, [WEIGHTS_KEY]: weights } };
}

/** Datasets take their options beside `type`. */
function datasetEntry(plugin: Plugin): JsonSchema {
  const { properties, ...rest } = optional(optionsSchema(plugin.options));
  return { ...rest, properties: { type: typeOf(plugin), ...(properties as JsonSchema | undefined) } };
}

function lossEntry(plugin: Plugin): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: ["type"],
    properties: {
      type: typeOf(plugin),
      name: optionsSchema(termName),
      weight: optionsSchema(termWeight),
      options: optionsSchema(plugin.options),
    },
  };
}

function userLoss(): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: ["use"],
    properties: {
      use: { type: "string", description: "a TypeScript file with your own loss; relative to this file" },
      name: optionsSchema(termName),
      weight: optionsSchema(termWeight),
      options: { type: "object" },
    },
  };
}

/** Changes of the extended recipe's terms, by their name. */
function changedTerms(): JsonSchema {
  const change = {
    type: "object",
    additionalProperties: false,
    properties: {
      type: { type: "string", description: "a new term, or another one in this place" },
      use: { type: "string", description: "a TypeScript file with your own loss; relative to this file" },
      weight: optionsSchema(termWeight),
      options: { type: ["object", "null"] },
    },
  };
  return {
    type: "object",
    description: "changes of the extended recipe's terms, by name; null removes one",
    additionalProperties: { anyOf: [change, { type: "null" }] },
  };
}
