import assert from "node:assert/strict";
import { GOOD, mistakes, mistakesWith } from "./fakes.ts";

const AT = "recipes/good.yaml";

/** A part of the good recipe, what stands there instead, the whole message. */
const CASES: readonly (readonly [old: string, text: string, message: string])[] = [
  ["weight: 0.5", "weight: -1", `${AT}:11:13 losses[1].weight: must be at least 0: it is -1`],
  [
    "weight: 0.5",
    "weight: heavy",
    `${AT}:11:13 losses[1].weight: expected a number or a mapping, as in {from: 1, to: 0, steps: 1000}: it is "heavy"`,
  ],
  ["weight: 0.5", "weight: .nan", `${AT}:11:13 losses[1].weight: expected a finite number: it is NaN`],
  ["weight: 0.5", "wieght: 0.5", `${AT}:11:5 losses[1].wieght: unknown key; did you mean "weight"?`],
  [
    "tap: features",
    "tap: featurs",
    `${AT}:14:18 losses[1].options.levels[0].tap: the model has no tap "featurs"; did you mean "features"?`,
  ],
  [
    "tap: probabilities",
    "tap: features",
    `${AT}:15:18 losses[1].options.levels[1].tap: tap "features" holds features of any value, ` +
    "expected probabilities (probabilities)",
  ],
  [
    "similarity: dot",
    "similarity: dott",
    `${AT}:14:40 losses[1].options.levels[0].similarity: there is no similarity called "dott"; did you mean "dot"?`,
  ],
  [
    "similarity: dot",
    "simlarity: dot",
    `${AT}:14:28 losses[1].options.levels[0].simlarity: unknown key; did you mean "similarity"?`,
  ],
  [
    "- type: plain",
    "- type: plane",
    `${AT}:9:11 losses[0].type: there is no loss called "plane"; did you mean "plain"?`,
  ],
  [
    "- type: plain",
    "- name: plain",
    `${AT}:9:5 losses[0]: type is missing; expected one of plain, tapped, or use: and the file of your own loss`,
  ],
  [
    "- type: plain",
    "- type: plain\n  - type: plain",
    `${AT}:10:5 losses[1]: losses[0] is called "plain" too; give this one another name, with "name:"`,
  ],
  [
    "- type: plain",
    "- { type: plain, name: a/b }",
    `${AT}:9:26 losses[0].name: expected letters, digits, ".", "_" and "-", as in my_run: it is "a/b"`,
  ],
  [
    "optimizer: { type: steps }",
    "optimizer: { type: steps, lr: 1 }",
    `${AT}:16:27 optimizer.lr: unknown key; lr is an option of steps, write it under "options:"`,
  ],
  [
    "optimizer: { type: steps }",
    "optimizer: { type: steps, options: { lr: 0 } }",
    `${AT}:16:42 optimizer.options.lr: must be more than 0: it is 0`,
  ],
  [
    "model: { type: net }",
    "model: net",
    `${AT}:7:8 model: expected a mapping with the type of a model: it is "net"`,
  ],
  ["crop: 64", "crop: [64]", `${AT}:6:3 input.crop: must be a list of at least 2 entries: it is [64]`],
  ["crop: 64", "crop: big", `${AT}:6:9 input.crop: expected a number or a list: it is "big"`],
  ["crop: 64", "crop: [64, 0]", `${AT}:6:14 input.crop[1]: must be at least 1: it is 0`],
  [
    "crop: 64",
    "corp: 64",
    `${AT}:5:1 input.crop: is missing; expected a number or a list\n` +
    `${AT}:6:3 input.corp: unknown key; did you mean "crop"?`,
  ],
  [
    "crop: 64",
    "crop: 64\n  short_side: [9, 3]",
    `${AT}:7:3 input.short_side: expected [low, high] with low at most high: it is [9, 3]`,
  ],
  [
    "crop: 64",
    "crop: 64\n  short_side: 9\n  size: [9, 9]",
    `${AT}:8:3 input.size: excludes short_side; expected one of them`,
  ],
  [
    "crop: 64",
    "crop: 64\n  streams: { sorce: { crop: 32 } }",
    `${AT}:7:14 input.streams.sorce: no stream "sorce" is read; did you mean "source"?`,
  ],
  [
    "crop: 64",
    "crop: 64\n  normalization: imagnet",
    `${AT}:7:18 input.normalization: expected one of imagenet, caffe or a mapping: it is "imagnet"; ` +
    'did you mean "imagenet"?',
  ],
  [
    "domain: dusk",
    "domain: dust",
    `${AT}:3:34 data.target.domain: there is no "dust" here; did you mean "dusk"?`,
  ],
  ["domain: dusk", "domian: dusk", `${AT}:3:26 data.target.domian: unknown key; did you mean "domain"?`],
  ["steps: 10", "steps: 1.5", `${AT}:19:10 training.steps: expected a whole number: it is 1.5`],
  ["  steps: 10", "  batch: 1", `${AT}:18:1 training.steps: is missing; expected a number`],
  [
    "schedule: { type: flat }\n",
    "",
    `${AT}:1:1 schedule: is missing; expected a mapping with the type of a schedule`,
  ],
  [
    "optimizer: { type: steps }\n",
    "",
    `${AT}:1:1 optimizer: is missing; expected a mapping with the type of an optimizer`,
  ],
  [
    "val: { type: drawn, domain: dusk }",
    "val: { type: files, list: a.txt }",
    `${AT}:1:1 data: root is missing; the files of val lie there (--set data.root=FOLDER)`,
  ],
  [
    "val: { type: drawn, domain: dusk }",
    "val: { type: drawn, classes: [car, road] }",
    `${AT}:4:3 data.val: its classes differ from the source's: drawn (car, road; ignore 255), ` +
    "expected drawn (road, car; ignore 255)",
  ],
];

for (const [old, text, message] of CASES) {
  Deno.test(`recipe with ${JSON.stringify(text || `no ${old}`)}`, async () => {
    assert.equal(await mistakesWith(old, text), message);
  });
}

Deno.test("all mistakes are reported at once", async () => {
  const text = "sede: 1\nmodel: { type: nett }\ndata: 3\ntraining: { steps: 0, bach: 2 }\n";
  assert.equal(
    await mistakes({ files: { "/recipes/good.yaml": text } }),
    [
      `${AT}:1:1 sede: unknown key; did you mean "seed"?`,
      `${AT}:1:1 input: is missing; expected a mapping`,
      `${AT}:1:1 losses: expected a list of at least one loss, each with type or use`,
      `${AT}:1:1 optimizer: is missing; expected a mapping with the type of an optimizer`,
      `${AT}:1:1 schedule: is missing; expected a mapping with the type of a schedule`,
      `${AT}:2:16 model.type: there is no model called "nett"; did you mean "net"?`,
      `${AT}:3:7 data: expected a mapping with root, source, target, val, test: it is 3`,
      `${AT}:4:20 training.steps: must be at least 1: it is 0`,
      `${AT}:4:23 training.bach: unknown key; did you mean "batch"?`,
    ].join("\n"),
  );
});

const LEVELS = `- { tap: features, similarity: dot }
        - { tap: probabilities, similarity: kl }`;

Deno.test("what the schema of a plugin refuses hides nothing that its plan finds", async () => {
  const levels = `- { tap: featurs, similarity: dott, wieght: 2 }
        - { tap: probabilites, similarity: kll }
      alfa: 0.5`;
  assert.equal(
    await mistakesWith(LEVELS, levels),
    [
      `${AT}:14:18 losses[1].options.levels[0].tap: the model has no tap "featurs"; did you mean "features"?`,
      `${AT}:14:39 losses[1].options.levels[0].similarity: there is no similarity called "dott"; did you mean "dot"?`,
      `${AT}:14:45 losses[1].options.levels[0].wieght: unknown key; expected one of tap, similarity`,
      `${AT}:15:18 losses[1].options.levels[1].tap: the model has no tap "probabilites"; did you mean "probabilities"?`,
      `${AT}:15:44 losses[1].options.levels[1].similarity: there is no similarity called "kll"; did you mean "kl"?`,
      `${AT}:16:7 losses[1].options.alfa: unknown key; expected one of levels`,
    ].join("\n"),
  );
});

Deno.test("a similarity that resembles none hides nothing either, and nothing is said of what it accepts", async () => {
  const levels = `- { tap: featurs, similarity: angles }
        - { tap: features, similarity: angles }
        - { tap: probabilities, similarity: angles }`;
  assert.equal(
    await mistakesWith(LEVELS, levels),
    [
      `${AT}:14:18 losses[1].options.levels[0].tap: the model has no tap "featurs"; did you mean "features"?`,
      ...[[14, 0, 39], [15, 1, 40], [16, 2, 45]].map(([line, k, column]) =>
        `${AT}:${line}:${column} losses[1].options.levels[${k}].similarity: ` +
        'there is no similarity called "angles"; expected one of cosine, dot, kl'
      ),
    ].join("\n"),
  );
});

Deno.test("a wrong weight or a wrong option of the model hides no wrong tap", async () => {
  const text = GOOD.replace("weight: 0.5", "weight: -1").replace("tap: features", "tap: featurs")
    .replace("{ type: net }", "{ type: net, options: { width: 0 } }");
  assert.equal(
    await mistakes({ files: { "/recipes/good.yaml": text } }),
    [
      `${AT}:7:39 model.options.width: must be more than 0: it is 0`,
      `${AT}:11:13 losses[1].weight: must be at least 0: it is -1`,
      `${AT}:14:18 losses[1].options.levels[0].tap: the model has no tap "featurs"; did you mean "features"?`,
    ].join("\n"),
  );
});

Deno.test("a wrong option of a dataset is not called a difference of classes too", async () => {
  assert.equal(
    await mistakesWith("source: { type: drawn }", "source: { type: drawn, classes: [wall, 3] }"),
    `${AT}:2:42 data.source.classes[1]: expected text: it is 3`,
  );
  assert.equal(
    await mistakesWith("source: { type: drawn }", "source: { type: drawn, classes: wall }"),
    `${AT}:2:35 data.source.classes: expected a list: it is "wall"`,
  );
});

Deno.test("mistakes come file by file, each from its first line to its last", async () => {
  const base = GOOD.replace("steps: 10", "steps: 0").replace("crop: 64", "crop: 0");
  const own = "extends: ./good.yaml\nschedule: { type: flt }\nsede: 1\n";
  assert.equal(
    await mistakes({
      path: "recipes/own.yaml",
      files: { "/recipes/good.yaml": base, "/recipes/own.yaml": own },
      set: ["model.type=nett"],
    }),
    [
      'recipes/own.yaml:2:19 schedule.type: there is no schedule called "flt"; did you mean "flat"?',
      'recipes/own.yaml:3:1 sede: unknown key; did you mean "seed"?',
      "recipes/good.yaml:6:9 input.crop: must be at least 1: it is 0",
      "recipes/good.yaml:19:10 training.steps: must be at least 1: it is 0",
      '--set model.type: there is no model called "nett"; did you mean "net"?',
    ].join("\n"),
  );
});

Deno.test("the baseline's losses are checked like the recipe's", async () => {
  const set = ["baseline={name: b, losses: [{type: tapped, options: {levels: [{tap: deep}]}}]}"];
  assert.equal(
    await mistakes({ set }),
    '--set baseline baseline.losses[0].options.levels[0].tap: the model has no tap "deep"; ' +
      "expected one of features, probabilities",
  );
});

Deno.test("aggregation at inference needs known similarities that fit", async () => {
  assert.equal(
    await mistakes({ set: ["evaluation.aggregation={features: kl, predictions: kk}"] }),
    '--set evaluation.aggregation evaluation.aggregation.predictions: there is no similarity called "kk"; ' +
      'did you mean "kl"?',
  );
  assert.equal(
    await mistakes({ set: ["evaluation.aggregation={features: kl, predictions: kl}"] }),
    "--set evaluation.aggregation evaluation.aggregation.features: compares probabilities, but features holds features",
  );
  assert.equal(
    await mistakes({ set: ["training.diagnostics=true"] }),
    "--set training.diagnostics: expected false or a mapping, as in {every: 100}: it is true",
  );
  assert.equal(
    await mistakes({ set: ["evaluation.aggregation=true"] }),
    "--set evaluation.aggregation: expected false or a mapping: it is true",
  );
});
