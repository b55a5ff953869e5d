/** Sources in which classes are missing, or all of them: methods go on with what there is, or say in one line what they lack. */
import assert from "node:assert/strict";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import type { RunPlan } from "../../core/plan.ts";
import type { DatasetPlan } from "../../core/plugin.ts";
import { planOf } from "./method_plans.ts";
import { go, pathTest, placeless } from "./runs.ts";

/** The plan with a source that lacks the classes from `first` on: their pixels are ignored. */
function lacking(plan: RunPlan, first: number): RunPlan {
  const { source } = plan.data;
  const poor: DatasetPlan = {
    ...source,
    async open(setup) {
      const dataset = await source.open(setup);
      return {
        ...dataset,
        async read(index, want) {
          const { labels, ...sample } = await dataset.read(index, want);
          if (!labels) return sample;
          return { ...sample, labels: labels.map((id) => id < first ? id : IGNORE_LABEL) };
        },
      };
    },
  };
  let replaced = 0;
  const phases = plan.phases.map((phase) => ({
    ...phase,
    streams: phase.streams.map((stream) => {
      if (!("dataset" in stream) || stream.dataset !== source) return stream;
      replaced++;
      return { ...stream, dataset: poor };
    }),
  }));
  assert.ok(replaced > 0);
  return { ...plan, data: { ...plan.data, source: poor }, phases };
}

/** Lines and overrides by recipe: a step each in which classes are counted, drawn or looked for. */
const RECIPES: Readonly<Record<string, { readonly more?: string; readonly overrides?: readonly string[] }>> =
  {
    plca: { overrides: ["training.steps=1"] },
    ssfdan: { overrides: ["training.steps=1", "losses.separable-adversarial.options.from=0.1"] },
    daformer_strategy: { overrides: ["training.steps=1", "input.rare_class_sampling.min_pixels=10"] },
    pycda: {
      more: "losses: { images: { options: { prior: places, images: 3 } } }\n",
      overrides: ["training.steps=2"],
    },
  };

const planFor = (name: string) => {
  const { more = "", overrides = [] } = RECIPES[name]!;
  return planOf(name, `name: of_the_test\n${more}`, overrides);
};

for (const name of Object.keys(RECIPES)) {
  pathTest(`${name} trains on a source without three of the eight classes`, async (folder) => {
    const { events, result } = await go(folder, lacking(await planFor(name), 5));
    assert.equal(result.interrupted, false);
    const terms = events.flatMap((event) => event.type === "step" ? [event.terms] : []);
    assert.ok(terms.length > 0 && terms.every((values) => Object.values(values).every(Number.isFinite)));
    // Cars, people and poles are its things.
    if (name === "daformer_strategy") assert.equal(terms[0]!["feature-distance"], 0);
  });
}

const NOTHING: Readonly<Record<string, string>> = {
  daformer_strategy: "run/class_counts.json: it counts no labelled pixel; rare-class sampling needs some",
  pycda: 'loss "images" (of_the_test.yaml, at losses[3]): no pixel of "source" has a label to count',
};

for (const [name, message] of Object.entries(NOTHING)) {
  pathTest(`${name} refuses a source without a label in one line`, async (folder) => {
    await assert.rejects(go(folder, lacking(await planFor(name), 0)), (error) => {
      assert.equal(placeless(error, folder), message);
      return true;
    });
    await assert.rejects(Deno.stat(`${folder}/run/checkpoints/last.safetensors`), Deno.errors.NotFound);
  });
}
