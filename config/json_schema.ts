/**
 * The JSON Schema of recipes, for editors that complete and check YAML while it is typed.
 *
 * It is derived, not written: sections come from the zod schemas of sections.ts, options from each plugin's own
 * schema. It is looser than the planner in one respect, on purpose: nothing is required, since any key may
 * come from the recipe that is extended. And it can only see one file, so names of streams, taps and networks
 * are not checked.
 */
import { type Kind, KINDS, type Plugin } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { type OptionsSchema, z, zodSchema } from "../core/schema.ts";
import {
  optimizerGroups,
  phaseLength,
  phaseRate,
  termName,
  termUpdate,
  termWeight,
  WEIGHTS_KEY,
  weightsMapping,
} from "./recipe.ts";
import { sections } from "./sections.ts";

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

/**
 * The schema of a whole recipe. @param registry the plugins whose names and options are offered; a person's
 * own files are accepted by `use:` with any options
 */
export function recipeSchema(registry: Registry): JsonSchema {
  const dataset = named(registry, "dataset", datasetEntry);
  const whole = phaseSections(registry);
  // A recipe has them, and each of its phases.
  const sectionRefs = Object.fromEntries(
    Object.keys(whole).map((name) => [name, { $ref: `#/$defs/${SECTION}${name}` }]),
  );
  return withChoices(registry, {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "plca recipe",
    type: "object",
    additionalProperties: false,
    properties: {
      extends: {
        description:
          "what this recipe is laid on: a path, or an embedded name; of several, each on those before it, " +
          "without what it extends itself",
        anyOf: [{ type: "string" }, { type: "array", minItems: 1, items: { type: "string" } }],
      },
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
          val: { description: "labelled, of the target domain", ...removable(dataset) },
          test: { description: "labelled, of the target domain", ...removable(dataset) },
        },
      },
      input: optional(optionsSchema(sections.input)),
      model: named(registry, "model"),
      ...sectionRefs,
      phases: phaseList(registry, sectionRefs),
      evaluation: optional(optionsSchema(sections.evaluation)),
      method: optionsSchema(sections.method),
      logs: optionsSchema(sections.logs),
      baseline: {
        type: ["object", "null"],
        description: "trained first, on the same seed and budget, to compare with",
        additionalProperties: false,
        properties: { name: optionsSchema(termName), losses: sectionRefs["losses"] },
      },
    },
    $defs: Object.fromEntries(Object.entries(whole).map(([name, schema]) => [SECTION + name, schema])),
  });
}

/** The list of phases, or changes of the extended recipe's. */
function phaseList(registry: Registry, sectionRefs: JsonSchema): JsonSchema {
  const phase = {
    type: "object",
    additionalProperties: false,
    properties: {
      name: optionsSchema(termName),
      from: {
        type: "string",
        description: "seed, a phase before this one (default), or a file of weights",
      },
      before: {
        description: "jobs that are done before the first step, or changes of the extended recipe's, by name",
        anyOf: [
          { type: "array", items: named(registry, "job") },
          { type: "object", additionalProperties: { type: ["object", "null"] } },
        ],
      },
      length: optionsSchema(phaseLength),
      rate: optionsSchema(phaseRate),
      ...sectionRefs,
    },
  };
  return {
    description: "trained one after the other; what a phase does not say, it has from the recipe",
    anyOf: [
      { type: "array", minItems: 1, items: phase },
      {
        type: "object",
        description: "changes of the extended recipe's phases, by name; null removes one",
        additionalProperties: removable({ anyOf: [phase] }),
      },
    ],
  };
}

/** Begins the names of definitions of sections; those of plugins have no such beginning. */
const SECTION = "section_";

/** What a recipe and each of its phases may have. */
function phaseSections(registry: Registry) {
  return {
    streams: {
      type: "object",
      description: "images beside source and target, by name; null removes one",
      additionalProperties: removable({ anyOf: [readStream(registry), ...entriesOf(registry, "stream")] }),
    },
    networks: {
      type: "object",
      description: "networks beside the student, by name; null removes one",
      additionalProperties: removable(named(registry, "network", (plugin) => {
        const model = named(registry, "model", (plugin) => pluginEntry(plugin));
        return pluginEntry(plugin, { ...WEIGHTS, model });
      })),
    },
    losses: lossList(registry),
    optimizer: named(registry, "optimizer"),
    schedule: named(registry, "schedule"),
    training: optional(optionsSchema(sections.training)),
  };
}

/** `losses`: a list of terms, or changes of the extended recipe's by name. */
function lossList(registry: Registry): JsonSchema {
  const terms = { type: "array", minItems: 1, items: named(registry, "loss", lossEntry) };
  return { anyOf: [terms, changedTerms()] };
}

/** A stream that reads a dataset, of the recipe or of a job. */
function readStream(registry: Registry): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    properties: {
      dataset: named(registry, "dataset", datasetEntry),
      job: { type: "string", description: "a job whose dataset is read" },
      labels: { type: "boolean", description: "whether labels are read; absent: yes, but for target" },
    },
  };
}

/**
 * Options that name another plugin carry `plugin: KIND` in their schema (`pluginChoice`). Each becomes a
 * reference to one definition per kind, which lists the plugins of that kind with their options. References
 * keep the schema finite: a plugin's options may name a plugin of the same kind.
 */
function withChoices(registry: Registry, schema: JsonSchema): JsonSchema {
  const $defs: Record<string, unknown> = {};
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    const kind = KINDS.find((one) => one === (node as JsonSchema)["plugin"]);
    if (kind === undefined) {
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    }
    if (!(kind in $defs)) {
      // Before its parts are looked at, which may refer to it.
      $defs[kind] = true;
      const names = registry.all(kind).map(({ name, summary }) => ({ const: name, description: summary }));
      const { anyOf } = named(registry, kind, (plugin) => pluginEntry(plugin));
      const own = { type: "string", description: "one that a file of yours defines" };
      $defs[kind] = { anyOf: [...names, own, ...anyOf.map(walk)] };
    }
    const { plugin: _, anyOf: __, ...rest } = node as JsonSchema;
    return { $ref: `#/$defs/${kind}`, ...rest };
  };
  const walked = walk(schema) as JsonSchema;
  return { ...walked, $defs: { ...walked["$defs"] as JsonSchema, ...$defs } };
}

/** The same with no key required. */
function optional(schema: JsonSchema): JsonSchema {
  const { required: _, ...rest } = schema;
  return rest;
}

/** The same, or null, which takes away what the extended recipe has. */
function removable({ anyOf }: { readonly anyOf: readonly JsonSchema[] }) {
  return { anyOf: [...anyOf, { type: "null" }] };
}

/** One of the plugins of a kind, or a file of the person's own. */
function named(registry: Registry, kind: Kind, entry?: (plugin: Plugin) => JsonSchema) {
  return { anyOf: entriesOf(registry, kind, entry) };
}

/** An entry for each plugin of a kind, and one for a file of the person's own. */
function entriesOf(
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
const WEIGHTS = {
  [WEIGHTS_KEY]: {
    anyOf: [
      { type: ["string", "null"], description: "a file that training starts from; relative to this file" },
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
function pluginEntry(plugin: Plugin, more?: JsonSchema): JsonSchema {
  const options = optional(optionsSchema(plugin.options));
  return {
    type: "object",
    additionalProperties: false,
    properties: { type: typeOf(plugin), options, ...more },
  };
}

/** Datasets take their options beside `type`. */
function datasetEntry(plugin: Plugin): JsonSchema {
  const { properties, ...rest } = optional(optionsSchema(plugin.options));
  return { ...rest, properties: { type: typeOf(plugin), ...(properties as JsonSchema | undefined) } };
}

/** A loss: its type, its options, and how it enters the sum. */
function lossEntry(plugin: Plugin): JsonSchema {
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
function changedTerms(): JsonSchema {
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
