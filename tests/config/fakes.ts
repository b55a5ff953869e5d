/** Small plugins and a loader, so that these tests depend on no built-in one. */
import { loadRecipe } from "../../config/load.ts";
import { ConfigError } from "../../core/errors.ts";
import type { RunPlan } from "../../core/plan.ts";
import { definePlugin, type LossPlan, type Plugin } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { pluginChoice } from "../../core/plugin_choice.ts";
import { z } from "../../core/schema.ts";

const refuse = (): never => {
  throw new Error("a plan was created although only the recipe is read");
};

export const net = definePlugin({
  kind: "model",
  name: "net",
  summary: "a network",
  options: z.strictObject({ width: z.number().positive().default(1).describe("factor on channels") }),
  plan: () => ({
    featureTap: "features",
    taps: (classes) => ({
      features: { channels: 8, stride: 8, space: "real" },
      probabilities: { channels: classes, stride: 8, space: "simplex" },
    }),
    create: refuse,
  }),
});

export const drawn = definePlugin({
  kind: "dataset",
  name: "drawn",
  summary: "images from nowhere",
  options: z.strictObject({
    classes: z.array(z.string()).default(["road", "car"]).describe("names"),
    domain: z.enum(["day", "dusk"]).default("day").describe("look"),
  }),
  plan: ({ classes }) => ({
    labelSpace: { name: "drawn", classes, ignore: 255 },
    needsRoot: false,
    open: refuse,
  }),
});

export const files = definePlugin({
  kind: "dataset",
  name: "files",
  summary: "images from a list",
  options: z.strictObject({ list: z.string().describe("file with a line per image") }),
  plan: () => ({
    labelSpace: { name: "files", classes: ["road", "car"], ignore: 255 },
    needsRoot: true,
    open: refuse,
  }),
});

export const plainLoss = lossPlugin("plain", () => ({ needs: { taps: [], target: false }, create: refuse }));

export const tapLoss = definePlugin({
  kind: "loss",
  name: "tapped",
  summary: "reads taps",
  options: z.strictObject({
    levels: z.array(z.strictObject({
      tap: z.string().describe("name"),
      similarity: pluginChoice("similarity").default("dot").describe("measure"),
    })).default([{ tap: "features", similarity: "dot" }]).describe("where"),
  }),
  plan: ({ levels }, at, registry) => ({
    needs: {
      taps: levels.map(({ tap, similarity }, k) => {
        const level = [...at, "levels", k];
        const { accepts } = registry.plan("similarity", similarity, [...level, "similarity"]);
        return { name: tap, at: [...level, "tap"], ...(accepts === "simplex" ? { space: accepts } : {}) };
      }),
    },
    create: refuse,
  }),
});

/** A loss without options. */
export function lossPlugin(name: string, plan: () => LossPlan): Plugin<"loss"> {
  return definePlugin({ kind: "loss", name, summary: name, options: z.strictObject({}), plan });
}

const similarity = (name: string, accepts: "real" | "simplex") =>
  definePlugin({
    kind: "similarity",
    name,
    summary: name,
    options: z.strictObject({ power: z.number().positive().default(1).describe("exponent") }),
    plan: () => ({ accepts, symmetric: true, pairwise: refuse }),
  });

export const steps = definePlugin({
  kind: "optimizer",
  name: "steps",
  summary: "walks downhill",
  options: z.strictObject({ lr: z.number().positive().default(0.1).describe("learning rate") }),
  plan: () => ({ create: refuse }),
});

export const flat = definePlugin({
  kind: "schedule",
  name: "flat",
  summary: "never changes",
  options: z.strictObject({}),
  plan: () => ({ multiplier: () => 1 }),
});

export const registry = new Registry([
  net,
  drawn,
  files,
  plainLoss,
  tapLoss,
  // The one that label-free measures compare features with unless a recipe says otherwise.
  similarity("cosine", "real"),
  similarity("dot", "real"),
  similarity("kl", "simplex"),
  steps,
  flat,
]);

/** A recipe without mistakes; `losses[1]` reads `features`. */
export const GOOD = `data:
  source: { type: drawn }
  target: { type: drawn, domain: dusk }
  val: { type: drawn, domain: dusk }
input:
  crop: 64
model: { type: net }
losses:
  - type: plain
  - type: tapped
    weight: 0.5
    options:
      levels:
        - { tap: features, similarity: dot }
        - { tap: probabilities, similarity: kl }
optimizer: { type: steps }
schedule: { type: flat }
training:
  steps: 10
`;

/** What a test varies. */
export interface Loading {
  /** By absolute path; `/recipes/good.yaml` is GOOD unless given. */
  readonly files?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly set?: readonly string[];
  readonly importPlugin?: (path: string) => Promise<readonly Plugin[] | undefined>;
}

/** Loads `path` (default `recipes/good.yaml`) with `/` as the current folder. */
export function load(
  { files = {}, path = "recipes/good.yaml", set = [], importPlugin }: Loading,
): Promise<RunPlan> {
  const all: Readonly<Record<string, string>> = { "/recipes/good.yaml": GOOD, ...files };
  return loadRecipe({ path }, {
    registry,
    overrides: set,
    cwd: "/",
    readText: (file) =>
      file in all ? Promise.resolve(all[file]!) : Promise.reject(new Error("there is no such file")),
    ...(importPlugin ? { importPlugin } : {}),
  });
}

/** The message of the ConfigError that loading throws; "" when it throws none. */
export async function mistakes(loading: Loading): Promise<string> {
  try {
    await load(loading);
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Mistakes of `GOOD` with one text replaced by another. */
export function mistakesWith(old: string, text: string): Promise<string> {
  if (!GOOD.includes(old)) throw new Error(`the good recipe has no ${old}`);
  return mistakes({ files: { "/recipes/good.yaml": GOOD.replace(old, text) } });
}
