/** Sections of a recipe that are of another kind than they should be: each with its place and what was expected. */
import assert from "node:assert/strict";
import { GOOD, load, mistakes } from "./fakes.ts";

const NAME = 'expected letters, digits, ".", "_" and "-", as in my_run';
const PHASES = "1 phases: expected a list of at least one phase, each a mapping with a name";

/** By what stands behind the good recipe, the mistakes without the beginning of their places. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  "networks: [a]": ["1 networks: expected a mapping of names to networks: it is a list"],
  "networks: 3": ["11 networks: expected a mapping of names to networks: it is 3"],
  "networks: { a!: { type: x } }": [
    `13 networks.a!: ${NAME}, and another name than student, the trained network's own`,
  ],
  "networks: { student: { type: x } }": [
    `13 networks.student: ${NAME}, and another name than student, the trained network's own`,
  ],
  "streams: [a]": ["1 streams: expected a mapping of names to streams: it is a list"],
  "streams: { a: 3 }": ["15 streams.a: expected a mapping with the type of a stream: it is 3"],
  "streams: { a: [1] }": ["12 streams.a: expected a mapping with the type of a stream: it is a list"],
  "streams: { a: { x: 1 } }": [
    "12 streams.a: expected one of dataset (images of a dataset), job (what a job left), type or use (a maker)",
  ],
  "streams: { a: { job: 3 } }": ["22 streams.a.job: expected the name of a job: it is 3"],
  "streams: { student: { type: x } }": [`12 streams.student: ${NAME}, and another name than student`],
  "streams: { a: { dataset: { type: files, list: x } } }": [
    "17 streams.a.dataset: data.root is missing; its files lie there (--set data.root=FOLDER)",
  ],
  "streams: { a: { dataset: { type: drawn, classes: [sky] } } }": [
    "17 streams.a.dataset: its classes differ from the source's: drawn (sky; ignore 255), " +
    "expected drawn (road, car; ignore 255)",
  ],
  "streams: { a: { dataset: { type: drawn }, labels: often } }": [
    '51 streams.a.labels: expected true or false: it is "often"',
  ],
  "streams: { a: { dataset: { type: drawn }, job: b } }": [
    "43 streams.a.job: unknown key; expected one of dataset, labels",
    '48 streams.a.job: no job called "b" is done before this phase',
  ],
  "phases: []": [PHASES],
  "phases: { a: 1 }": [PHASES],
  "phases: 3": [PHASES.replace(/^1/, "9")],
  "phases: [3]": ["10 phases[0]: expected a mapping with a name: it is 3"],
  "phases: [{ name: a }, { name: a }]": ['31 phases[1].name: phases[0] is called "a" too'],
  "phases: [{ name: a! }]": [`18 phases[0].name: ${NAME}: it is "a!"`],
  "phases: [{ name: a, from: [1] }]": [
    "21 phases[0].from: expected seed, the name of a phase before this one, or a file of weights: it is a list",
  ],
  "phases: [{ name: a, from: a }]": ["27 phases[0].from: a phase cannot start from itself"],
  "phases: [{ name: a, from: b }, { name: b }]": [
    '27 phases[0].from: starts from "b", which comes later; put it before this one',
  ],
  "phases: [{ name: a, before: 3 }]": ["29 phases[0].before: expected a list of jobs, each with type or use"],
  "phases: [{ name: a, length: 0 }]": ["29 phases[0].length: must be more than 0: it is 0"],
  "phases: [{ name: a, wrong: 1 }]": [
    "21 phases[0].wrong: unknown key; expected one of name, from, before, length, rate, streams, networks, losses, " +
    "optimizer, schedule, training",
  ],
  "baseline: 3": ["11 baseline: expected a mapping with name and losses: it is 3"],
  "baseline: [1]": ["1 baseline: expected a mapping with name and losses: it is a list"],
  "baseline: { losses: 3 }": [
    "21 baseline.losses: expected a list of at least one loss, each with type or use",
  ],
  "baseline: { name: b, steps: 3 }": [
    "1 baseline.losses: expected a list of at least one loss, each with type or use",
    "22 baseline.steps: unknown key; expected one of name, losses",
  ],
  "evaluation: { average: logits, aggregation: { alpha: 0.5, predictions: kl } }": [
    "24 evaluation.average: expected probabilities: these are what aggregation makes; set evaluation.aggregation to false",
  ],
  "evaluation: { network: nobody }": [
    '24 evaluation.network: there is no network "nobody"; expected one of student',
  ],
  "seed: -1": ["7 seed: must be at least 0: it is -1"],
  "seed: 1.5": ["7 seed: expected a whole number: it is 1.5"],
  "backend: gpu": [
    '10 backend: expected one of auto, native, tensorflow, wasm, webgpu, cpu or a mapping: it is "gpu"; ' +
    'did you mean "cpu"?',
  ],
  "name: a/b": [`7 name: ${NAME}: it is "a/b"`],
  "method: { kind: ST }": ["1 method.title: is missing; expected text"],
  "logs: { type: tensorboard, images: -1 }": ["36 logs.images: must be at least 0: it is -1"],
};

for (const [section, expected] of Object.entries(WRONG)) {
  Deno.test(`loadRecipe: ${section}`, async () => {
    const found = await mistakes({ files: { "/recipes/good.yaml": `${GOOD}${section}\n` } });
    assert.deepEqual(found.split("\n"), expected.map((mistake) => `recipes/good.yaml:20:${mistake}`));
  });
}

Deno.test("loadRecipe: 64 phases are planned, one more is not", async () => {
  const phases = (count: number) =>
    `phases: [${Array.from({ length: count }, (_, k) => `{ name: p${k} }`).join(", ")}]\n`;
  const files = (count: number) => ({ files: { "/recipes/good.yaml": GOOD + phases(count) } });
  assert.equal((await load(files(64))).phases.length, 64);
  assert.equal(
    await mistakes(files(65)),
    "recipes/good.yaml:20:1 phases: expected at most 64 phases: there are 65",
  );
});

Deno.test("loadRecipe: a phase's length is a share of the recipe's steps, rounded, at least one", async () => {
  const steps = async (length: number, training = "") => {
    const phases = `phases: [{ name: a, length: ${length}${training} }]\n`;
    return (await load({ files: { "/recipes/good.yaml": GOOD + phases } })).phases[0]!.training.steps;
  };
  assert.deepEqual(await Promise.all([0.5, 0.26, 0.24, 0.01, 2].map((length) => steps(length))), [
    5,
    3,
    2,
    1,
    20,
  ]);
  // Steps of its own count.
  assert.equal(await steps(0.5, ", training: { steps: 7 }"), 7);
  const without = GOOD.replace("training:\n  steps: 10\n", "training: { batch: 2 }\n");
  assert.equal(
    await mistakes({ files: { "/recipes/good.yaml": `${without}phases: [{ name: a, length: 0.5 }]\n` } }),
    "recipes/good.yaml:18:1 training.steps: is missing; expected a number\n" +
      "recipes/good.yaml:19:29 phases[0].length: is a share of the recipe's training.steps, which is missing",
  );
});

Deno.test("loadRecipe: sections that are null are as if they were not there", async () => {
  for (const name of ["networks", "streams", "baseline", "evaluation", "method", "logs"]) {
    const plan = await load({ files: { "/recipes/good.yaml": `${GOOD}${name}: null\n` } });
    assert.equal(plan.phases.length, 1, name);
  }
});
