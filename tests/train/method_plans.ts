/** The recipes of methods on a tiny network and tiny images, and whether a run of one goes on exactly. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
import { pathTest, stopped, undisturbed, valuesOfEvents } from "./runs.ts";

const METHODS = fileURLToPath(new URL("../../recipes/methods", import.meta.url));

/** What a method is laid on, in the place of what it extends. */
const TINY = `
name: tiny
seed: 3
data:
  source: { type: street, domain: day, split: train, width: 64, height: 48, count: 6 }
  target: { type: street, domain: dusk, split: train, width: 64, height: 48, count: 6 }
  val: { type: street, domain: dusk, split: val, width: 64, height: 48, count: 1 }
input: { crop: [40, 48], workers: 0 }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses:
  - type: cross-entropy
  - type: lovasz-softmax
  - type: association
  - type: label-smoothing
optimizer: { type: sgd, options: { lr: 0.01 } }
schedule: { type: poly }
training: { steps: 10, batch: 2, checkpoint_every: 2 }
`;

/** A recipe of recipes/methods, laid on the tiny one, with lines of the test's own at its end. */
export function planOf(name: string, more = "", overrides: readonly string[] = []): Promise<RunPlan> {
  const path = join(METHODS, "of_the_test.yaml");
  return loadRecipe({ path }, {
    registry: builtins(),
    cwd: METHODS,
    readText: (file) => {
      if (file === path) return Promise.resolve(`extends: ./${name}.yaml\n${more}`);
      if (![METHODS, join(METHODS, "mit")].includes(dirname(file))) return Promise.resolve(TINY);
      return Deno.readTextFile(file);
    },
    overrides: [...overrides],
  });
}

/** A recipe, and where its run is stopped. */
export interface Method {
  /** A file of recipes/methods. */
  readonly recipe: string;
  /** Lines of YAML. */
  readonly more?: string;
  readonly overrides?: readonly string[];
  /** After these steps of phases, as in `adaptation 3`; absent: after every step but the last. */
  readonly stops?: readonly string[];
}

/** Lets a teacher be sure of what a network of a few steps tells, so that its labels count in a stream. */
export function sureFrom(stream: string, threshold = 0.2): string {
  return `streams.${stream}.options.threshold=${threshold}`;
}

/** The recipes of a folder below recipes/methods, "" for that folder itself, as {@linkcode planOf} takes them. */
export function recipesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(METHODS, folder))].flatMap(({ name }) =>
    name.endsWith(".yaml") ? [join(folder, name.slice(0, -".yaml".length))] : []
  ).sort();
}

/** Of a recipe in rounds the first one, whose labels are written before its first step. */
export const ONE_ROUND: Omit<Method, "recipe"> = {
  more: "phases: { round-2: null, round-3: null }\n",
  overrides: ["training.steps=5", "phases.round-1.length=0.6"],
  stops: ["round-1 1"],
};

/** Tests that each run ends with the bits that it has without a stop. */
export function testResuming(methods: Readonly<Record<string, Method>>): void {
  for (const [what, { recipe, more = "", overrides = [], stops: given }] of Object.entries(methods)) {
    pathTest(`${what}: the same bits, wherever it was stopped`, async (folder) => {
      const plan = await planOf(recipe, `name: of_the_test\n${more}`, overrides);
      const whole = await undisturbed(plan);
      const steps = whole.events.flatMap((event) =>
        event.type === "step" ? [`${event.phase} ${event.step}`] : []
      );
      const stops = given ?? steps.slice(0, -1);
      assert.ok(stops.length > 0);
      const { events } = await stopped(folder, plan, stops);
      assert.deepEqual(valuesOfEvents(events), valuesOfEvents(whole.events));
      assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
    });
  }
}
