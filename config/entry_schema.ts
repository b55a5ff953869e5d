/**
 * JSON Schemas of single entries of a recipe: one for each plugin, from the schema of its options, and one
 * for a file of the person's own. json_schema.ts puts them into the sections of a recipe; `plca list` shows
 * the options by {@linkcode optionsSchema}.
 *
 * What an entry has besides its options differs by kind (`MORE_KEYS`); a key that the planner knows and this
 * file does not is marked as a mistake in every editor.
 */
import type { Kind, Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { type OptionsSchema, z, zodSchema } from "../core/schema.ts";
import { optimizerGroups, termName, termUpdate, termWeight, WEIGHTS_KEY, weightsMapping } from "./recipe.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A schema of options as JSON Schema, with defaults and descriptions. What JSON Schema cannot express accepts
 * anything.
 */
export function optionsSchema(schema: OptionsSchema<unknown>): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(zodSchema(schema), { io: "input", unrepresentable: "any" });
  return rest;
}

/** The same with no key required. */
export function optional(schema: JsonSchema): JsonSchema {
  const { required: _, ...rest } = schema;
  return rest;
}

/** The same, or null, which takes away what the extended recipe has. */
export function removable({ anyOf }: { readonly anyOf: readonly JsonSchema[] }) {
  return { anyOf: [...anyOf, { type: "null" }] };
}

/** One of the plugins of a kind, or a file of the person's own. */
export function named(registry: Registry, kind: Kind, entry?: (plugin: Plugin) => JsonSchema) {
  return { anyOf: entriesOf(registry, kind, entry) };
}

/** An entry for each plugin of a kind, and one for a file of the person's own. */
export function entriesOf(
  registry: Registry,
  kind: Kind,
  entry = (plugin: Plugin) => pluginEntry(plugin, MORE_KEYS[kind]?.()),
): JsonSchema[] {
  return [...registry.all(kind).map((plugin) => entry(plugin)), usedEntry(kind)];
}

/** An entry whose plugin is in a file of the recipe's own. */
function usedEntry(kind: Kind): JsonSchema {
  const flat = kind === "dataset";
  return {
    type: "object",
    additionalProperties: flat,
    required: ["use"],
    properties: {
      use: used(kind),
      ...MORE_KEYS[kind]?.() ?? {},
      ...(flat ? {} : { options: { type: "object" } }),
    },
  };
}

/** What an entry of a kind has beside its plugin and options. */
const MORE_KEYS: { readonly [K in Kind]?: () => JsonSchema } = {
  model: () => WEIGHTS,
  loss: termKeys,
  network: () => ({ ...WEIGHTS, model: { type: "object" } }),
  optimizer: () => ({ groups: optionsSchema(optimizerGroups) }),
  job: () => ({ name: optionsSchema(termName) }),
};

/** The key `use`: a file instead of the name of a plugin. */
function used(kind: Kind): JsonSchema {
  return { type: "string", description: `a TypeScript file with your own ${kind}; relative to this file` };
}

/** The key `weights` of a model or network. */
export const WEIGHTS = {
  [WEIGHTS_KEY]: {
    anyOf: [
      {
        type: ["string", "null"],
        description: "a file that training starts from, relative to this file; of model also seed: no file",
      },
      optionsSchema(weightsMapping),
    ],
  },
};

/** The keys of a loss besides type and options. */
function termKeys() {
  return {
    name: optionsSchema(termName),
    weight: optionsSchema(termWeight),
    update: optionsSchema(termUpdate),
  };
}

/** The key `type`: the plugin's name, with its summary for the editor. */
function typeOf(plugin: Plugin): JsonSchema {
  return { const: plugin.name, description: plugin.summary };
}

/** `{type, options}` of one plugin, and what entries of its kind have besides. */
export function pluginEntry(plugin: Plugin, more?: JsonSchema): JsonSchema {
  const options = optional(optionsSchema(plugin.options));
  return {
    type: "object",
    additionalProperties: false,
    properties: { type: typeOf(plugin), options, ...more },
  };
}

/** Datasets take their options beside `type`. */
export function datasetEntry(plugin: Plugin): JsonSchema {
  const { properties, ...rest } = optional(optionsSchema(plugin.options));
  return { ...rest, properties: { type: typeOf(plugin), ...(properties as JsonSchema | undefined) } };
}

/** A loss: its type, its options, and how it enters the sum. */
export function lossEntry(plugin: Plugin): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: ["type"],
    properties: {
      type: typeOf(plugin),
      ...termKeys(),
      options: optionsSchema(plugin.options),
    },
  };
}

/** Changes of the extended recipe's terms, by their name. */
export function changedTerms(): JsonSchema {
  const change = {
    type: "object",
    additionalProperties: false,
    properties: {
      type: { type: "string", description: "a new term, or another one in this place" },
      use: used("loss"),
      ...termKeys(),
      options: { type: ["object", "null"] },
    },
  };
  return {
    type: "object",
    description: "changes of the extended recipe's terms, by name; null removes one",
    additionalProperties: removable({ anyOf: [change] }),
  };
}
