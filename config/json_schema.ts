/**
 * The JSON Schema of recipes, for editors that complete and check YAML while it is typed.
 *
 * It is derived, not written: sections come from the zod schemas of sections.ts, options from each plugin's
 * own schema. It is looser than the planner in one respect, on purpose: nothing is required, since any key
 * may come from the recipe that is extended. And it can only see one file, so names of streams, taps and
 * networks are not checked.
 */
import { KINDS } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import {
  changedTerms,
  datasetEntry,
  entriesOf,
  type JsonSchema,
  lossEntry,
  named,
  optional,
  optionsSchema,
  pluginEntry,
  removable,
  WEIGHTS,
} from "./entry_schema.ts";
import { phaseLength, phaseRate, termName } from "./recipe.ts";
import { sections } from "./sections.ts";

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
