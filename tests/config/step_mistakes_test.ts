/** Mistakes in what a step is made of: each with its position and the nearest name. */
import assert from "node:assert/strict";
import { loadRecipe } from "../../config/load.ts";
import { ConfigError } from "../../core/errors.ts";
import { lastPhase } from "../../core/plan.ts";
import { definePlugin, type Plugin } from "../../core/plugin.ts";
import { pluginChoice } from "../../core/plugin_choice.ts";
import { Registry } from "../../core/registry.ts";
import { z } from "../../core/schema.ts";
import { stringify } from "yaml";
import { GOOD, registry } from "./fakes.ts";

const refuse = (): never => {
  throw new Error("a plan was created although only the recipe is read");
};

/** Reads a view, and may own parameters or train a network. */
const reading = definePlugin({
  kind: "loss",
  name: "reading",
  summary: "reads what its options say",
  options: z.strictObject({
    stream: z.string().default("source").describe("stream"),
    by: z.string().default("student").describe("network"),
    labels: z.boolean().default(false).describe("whether labels are needed"),
    tap: z.string().optional().describe("tap"),
    trains: z.string().optional().describe("network"),
    when: z.enum(["joint", "after"]).default("joint").describe("when"),
    every: z.number().default(1).describe("steps"),
  }),
  plan: ({ stream, by, labels, tap, trains, when, every }, at, lookup) => ({
    needs: { views: [{ stream, by, labels, ...(tap === undefined ? {} : { taps: [{ name: tap }] }), at }] },
    ...(trains === undefined
      ? {}
      : { owners: [{ name: "coach", trains, when, every, optimizer: lookup.plan("optimizer", "steps") }] }),
    create: refuse,
  }),
});

/** Made from another stream. */
const made = definePlugin({
  kind: "stream",
  name: "made",
  summary: "of another stream",
  options: z.strictObject({
    of: z.string().default("source").describe("stream"),
    by: z.string().optional().describe("network whose view of it is read"),
  }),
  plan: ({ of, by }) => ({
    needs: by === undefined ? { streams: [of] } : { views: [{ stream: of, by }] },
    create: refuse,
  }),
});

/** A part of another dataset. */
const share = definePlugin({
  kind: "dataset",
  name: "share",
  summary: "of another dataset",
  options: z.strictObject({ of: pluginChoice("dataset").describe("the dataset") }),
  plan: ({ of }, at, lookup) => ({ ...lookup.plan("dataset", of, [...at, "of"]), open: refuse }),
});

const network = (name: string, trainable: boolean) =>
  definePlugin({
    kind: "network",
    name,
    summary: name,
    options: z.strictObject({ start: z.enum(["student", "weights"]).default("student").describe("start") }),
    plan: ({ start }) => ({ training: false, start, trainable }),
  });

const labelling = definePlugin({
  kind: "job",
  name: "labelling",
  summary: "leaves a dataset",
  options: z.strictObject({
    reads: z.string().default("target").describe("stream"),
    like: pluginChoice("dataset").default("drawn").describe("what it leaves"),
  }),
  plan: ({ reads, like }, at, lookup) => ({
    reads: [reads],
    dataset: () => lookup.plan("dataset", like, at),
    run: refuse,
  }),
});

const looking = definePlugin({
  kind: "job",
  name: "looking",
  summary: "leaves nothing",
  options: z.strictObject({}),
  plan: () => ({ reads: [], run: refuse }),
});

const all = new Registry([
  ...registry.all(),
  ...[
    reading,
    made,
    network("follower", false),
    network("pupil", true),
    labelling,
    looking,
    share,
  ] as Plugin[],
]);

function load(text: string, overrides: readonly string[] = []) {
  return loadRecipe({ path: "recipes/good.yaml", text }, {
    registry: all,
    overrides,
    cwd: "/",
    readText: () => Promise.reject(new Error("there is no such file")),
  });
}

async function mistakes(more: string, base = GOOD): Promise<string> {
  try {
    await load(`${base}${more}`);
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const LINE = GOOD.split("\n").length;
/** The good recipe without its losses, which the cases bring. */
const REST = GOOD.replace(/losses:[\s\S]*(?=optimizer:)/, "");
const AT = REST.split("\n").length;

const cases: readonly (readonly [name: string, text: string, message: string])[] = [
  [
    "a loss that reads an unknown stream",
    "losses: [{ type: reading, options: { stream: sorce } }]",
    `recipes/good.yaml:${AT}:27 losses[0].options: there is no stream "sorce"; did you mean "source"?`,
  ],
  [
    "a loss that reads an unknown network",
    "networks: { teacher: { type: follower } }\nlosses: [{ type: reading, options: { by: techer } }]",
    `recipes/good.yaml:${AT + 1}:27 losses[0].options: there is no network "techer"; did you mean "teacher"?`,
  ],
  [
    "a tap that a network does not have",
    "networks: { teacher: { type: follower } }\nlosses: [{ type: reading, options: { by: teacher, tap: featurs } }]",
    `recipes/good.yaml:${
      AT + 1
    }:27 losses[0].options: the network "teacher" has no tap "featurs"; did you mean "features"?`,
  ],
  [
    "labels of the target",
    "losses: [{ type: reading, options: { stream: target, labels: true } }]",
    `recipes/good.yaml:${AT}:27 losses[0].options: needs labels, and training does not read those of the target; ` +
    "name a labelled stream",
  ],
  [
    "labels of a stream that are not read",
    "streams: { few: { dataset: { type: drawn }, labels: false } }\n" +
    "losses: [{ type: reading, options: { stream: few, labels: true } }]",
    `recipes/good.yaml:${AT + 1}:27 losses[0].options: needs labels, and those of "few" are not read ` +
    "(few: {labels: false})",
  ],
  [
    "a stream that is made from an unknown one",
    "streams: { mixed: { type: made, options: { of: sauce } } }\nlosses: [{ type: reading, options: { stream: mixed } }]",
    `recipes/good.yaml:${AT}:33 streams.mixed.options: there is no stream "sauce"; did you mean "source"?`,
  ],
  [
    "a stream that is made from itself, on a way over another",
    "streams:\n  a: { type: made, options: { of: b } }\n  b: { type: made, options: { of: a } }\n" +
    "losses: [{ type: reading, options: { stream: a } }]",
    `recipes/good.yaml:${AT + 1}:3 streams.a: is made from itself: a from b from a`,
  ],
  [
    "a stream without a dataset, a job or a maker",
    "streams: { few: { labels: true } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:12 streams.few: expected one of dataset (images of a dataset), job (what a job left), ` +
    "type or use (a maker)",
  ],
  [
    "a labelled stream of other classes",
    "streams: { few: { dataset: { type: drawn, classes: [car, road] } } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:19 streams.few.dataset: its classes differ from the source's: drawn (car, road; ` +
    "ignore 255), expected drawn (road, car; ignore 255)",
  ],
  [
    "a mistake in the dataset that a stream's dataset names, without a difference that follows from it",
    "streams: { few: { dataset: { type: share, of: { type: drawm } } } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:55 streams.few.dataset.of.type: there is no dataset called "drawm"; did you mean "drawn"?`,
  ],
  [
    "a network called like the student",
    "networks: { student: { type: follower } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:13 networks.student: expected letters, digits, ".", "_" and "-", as in my_run, and ` +
    "another name than student, the trained network's own",
  ],
  [
    "a network that starts from a file without one",
    "networks: { guide: { type: follower, options: { start: weights } } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:13 networks.guide: weights is missing; it starts from a file (or, with options, from the ` +
    "student)",
  ],
  [
    "a copy of the student with a file",
    "networks: { guide: { type: follower, weights: a.pth } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:38 networks.guide.weights: is not used: the network starts as a copy of the student, and ` +
    "has its model",
  ],
  [
    "an owner that trains what another one trains",
    "networks: { aux: { type: pupil } }\nlosses:\n  - { type: reading, name: a, options: { trains: aux } }\n" +
    "  - { type: reading, name: b, options: { trains: aux } }",
    `recipes/good.yaml:${
      AT + 3
    }:5 losses[1]: the owner "coach" of loss "b" trains "aux", which the owner "coach" of ` +
    'loss "a" trains already',
  ],
  [
    "an owner that trains the student",
    "losses: [{ type: reading, options: { trains: student } }]",
    `recipes/good.yaml:${AT}:10 losses[0]: the owner "coach" of loss "reading" trains "student", which the recipe's ` +
    "optimizer trains already",
  ],
  [
    "an owner that trains a network after the student",
    "networks: { aux: { type: pupil } }\nlosses: [{ type: reading, options: { trains: aux, when: after } }]",
    `recipes/good.yaml:${
      AT + 1
    }:10 losses[0]: the owner "coach" of loss "reading" trains a network of the recipe, so ` +
    'it must be "joint": what it is handed has no way back to the network',
  ],
  [
    "an owner of every half step",
    "networks: { aux: { type: pupil } }\nlosses: [{ type: reading, options: { trains: aux, every: 2.5 } }]",
    `recipes/good.yaml:${
      AT + 1
    }:10 losses[0]: the owner "coach" of loss "reading" is updated every 2.5 steps; expected ` +
    "a whole number of at least 1",
  ],
  [
    "a stream that is made from itself, though no term reads it",
    "streams: { a: { type: made, options: { of: a } } }\nlosses: [{ type: reading }]",
    `recipes/good.yaml:${AT}:12 streams.a: is made from itself: a from a`,
  ],
  [
    "a network that predicts and is misspelt, beside one that nothing else reads",
    "networks: { teacher: { type: follower } }\nlosses: [{ type: reading }]\nevaluation: { network: techer }",
    `recipes/good.yaml:${
      AT + 2
    }:24 evaluation.network: there is no network "techer"; did you mean "teacher"?`,
  ],
  [
    "an owner that trains what moves by itself",
    "networks: { teacher: { type: follower } }\nlosses: [{ type: reading, options: { trains: teacher } }]",
    `recipes/good.yaml:${
      AT + 1
    }:10 losses[0]: the owner "coach" of loss "reading" trains "teacher", which nothing may ` +
    "train; expected a network of type trained",
  ],
];

for (const [name, text, message] of cases) {
  Deno.test(`${name}: is refused`, async () => {
    assert.equal(await mistakes(`${text}\n`, REST), message);
  });
}

const FEW = "streams: { few: { dataset: { type: drawn, classes: [car, road] } } }\n";

Deno.test("a stream is not compared with a source whose classes are not known", async () => {
  const wrong = GOOD.replace("source: { type: drawn }", "source: { type: drawn, classes: 3 }");
  assert.match(await mistakes(FEW, wrong), /^recipes\/good\.yaml:\d+:\d+ data\.source\.classes: [^\n]+$/);
  const text = GOOD.replace("source: { type: drawn }", "source: { use: ./mine.ts }") + FEW;
  await loadRecipe({ path: "recipes/good.yaml", text }, {
    registry: all,
    cwd: "/",
    readText: () => Promise.reject(new Error("there is no such file")),
    importPlugin: () => Promise.resolve(undefined),
  });
});

Deno.test("datasets of streams have their options beside the type or under options, of phases as well", async () => {
  const text = REST + `streams: { few: { dataset: { type: drawn, options: { domain: dusk } } } }
losses: [{ type: reading, options: { stream: few } }]
phases:
  - name: first
  - name: second
    streams: { few: { dataset: { options: { domain: day } } } }
`;
  const domains = async (overrides: readonly string[] = []) => {
    const { data, phases } = await load(text, overrides);
    return phases.map(({ streams }) =>
      streams.flatMap((stream) => {
        const origin = stream.name === "few" && "dataset" in stream && data.origins!.get(stream.dataset);
        return origin ? [origin.options] : [];
      })
    );
  };
  assert.deepEqual(await domains(), [[{ domain: "dusk" }], [{ domain: "day" }]]);
  const set = ["streams.few.dataset.options.domain=day", "phases[1].streams.few.dataset.domain=dusk"];
  assert.deepEqual(await domains(set), [[{ domain: "day" }], [{ domain: "dusk" }]]);
});

const PHASES = `phases:
  - name: first
  - name: second
    from: first
    before: [{ type: labelling, name: labels }]
    streams: { pseudo: { job: labels } }
    losses: [{ type: reading, options: { stream: pseudo, labels: true } }]
  - name: third
    training: { steps: 3 }
`;

Deno.test("phases: what one does not say, it has from the recipe; the resolved recipe plans the same", async () => {
  const plan = await load(`${GOOD}${PHASES}`);
  const outline = (phases: typeof plan.phases) =>
    phases.map(({ name, from, losses, training, before, streams }) => ({
      name,
      from,
      losses: losses.map((loss) => loss.name),
      steps: training.steps,
      jobs: before.map((job) => job.name),
      streams: streams.map((stream) => stream.name),
    }));
  assert.deepEqual(outline(plan.phases), [
    {
      name: "first",
      from: { kind: "seed" },
      losses: ["plain", "tapped"],
      steps: 10,
      jobs: [],
      streams: ["target", "source"],
    },
    {
      name: "second",
      from: { kind: "phase", name: "first" },
      losses: ["reading"],
      steps: 10,
      jobs: ["labels"],
      streams: ["target", "pseudo"],
    },
    {
      name: "third",
      from: { kind: "phase", name: "second" },
      losses: ["plain", "tapped"],
      steps: 3,
      jobs: [],
      streams: ["target", "source"],
    },
  ]);
  assert.equal(lastPhase(plan).name, "third");
  assert.deepEqual(outline((await load(stringify(plan.resolved))).phases), outline(plan.phases));
});

const phaseCases: readonly (readonly [name: string, change: readonly [string, string], message: string])[] = [
  [
    "a phase that starts from one that comes later",
    ["from: first", "from: third"],
    `${LINE + 3}:11 phases[1].from: starts from "third", which comes later; put it before this one`,
  ],
  [
    "a phase that starts from itself",
    ["from: first", "from: second"],
    `${LINE + 3}:11 phases[1].from: a phase cannot start from itself`,
  ],
  [
    "a phase that starts from an unknown one",
    ["from: first", "from: frist"],
    `${
      LINE + 3
    }:11 phases[1].from: there is no phase called "frist"; did you mean "first"?; expected seed, a phase ` +
    "before this one, or a file as in ./weights.safetensors",
  ],
  [
    "two phases of one name",
    ["name: third", "name: first"],
    `${LINE + 7}:11 phases[2].name: phases[0] is called "first" too`,
  ],
  [
    "a job whose dataset no phase reads",
    ["losses: [{ type: reading, options: { stream: pseudo, labels: true } }]", "losses: [{ type: reading }]"],
    `${
      LINE + 4
    }:14 phases[1].before[0]: no phase reads the dataset that it leaves; a stream has it with {job: labels}, ` +
    "and a term must read that stream",
  ],
  [
    "a stream of an unknown job",
    ["job: labels", "job: label"],
    `${
      LINE + 4
    }:14 phases[1].before[0]: no phase reads the dataset that it leaves; a stream has it with {job: labels}, ` +
    "and a term must read that stream\n" +
    `recipes/good.yaml:${
      LINE + 5
    }:31 phases[1].streams.pseudo.job: no job called "label" is done before this phase; ` +
    'did you mean "labels"?',
  ],
  [
    "a stream of a job that leaves nothing",
    ["type: labelling", "type: looking"],
    `${LINE + 5}:31 phases[1].streams.pseudo.job: the job "labels" leaves no dataset`,
  ],
  [
    "a job that goes through a stream that is not read",
    ["name: labels }", "name: labels, options: { reads: targte } }"],
    `${
      LINE + 4
    }:47 phases[1].before[0].options: goes through the stream "targte", which is not read from a dataset; ` +
    'did you mean "target"?',
  ],
  [
    "an order that names an unknown stream",
    ["training: { steps: 3 }", "training: { steps: 3, order: [source, targt] }"],
    `${LINE + 8}:43 phases[2].training.order[1]: there is no stream "targt"; did you mean "target"?`,
  ],
  [
    "a change of a term that is not there, with another mistake beside it",
    ["training: { steps: 3 }", "training: { steps: 0 }\n    losses: { plane: { weight: 2 } }"],
    `${LINE + 8}:24 phases[2].training.steps: must be at least 1: it is 0\n` +
    `recipes/good.yaml:${
      LINE + 9
    }:15 phases[2].losses.plane: the extended recipe's losses has no term "plane", and a ` +
    'new one needs a type; did you mean "plain"?',
  ],
  [
    "a job that goes through what it leaves",
    ["name: labels }", "name: labels, options: { reads: pseudo } }"],
    `${
      LINE + 4
    }:47 phases[1].before[0].options: goes through the stream "pseudo", which the job "labels" leaves only ` +
    "later",
  ],
  [
    "an unknown key of a phase",
    ["from: first", "form: first"],
    `${LINE + 3}:5 phases[1].form: unknown key; did you mean "from"?`,
  ],
  [
    "a wrong value of a phase's own",
    ["training: { steps: 3 }", "training: { steps: 0 }"],
    `${LINE + 8}:24 phases[2].training.steps: must be at least 1: it is 0`,
  ],
];

for (const [name, [old, text], message] of phaseCases) {
  Deno.test(`${name}: is refused`, async () => {
    assert.ok(PHASES.includes(old));
    const found = await mistakes(PHASES.replace(old, text));
    assert.equal(found, `recipes/good.yaml:${message}`);
  });
}

Deno.test("a recipe lists at most 64 phases", async () => {
  const phases = (count: number) =>
    `phases: [${Array.from({ length: count }, (_, k) => `{ name: p${k} }`).join(", ")}]\n`;
  assert.equal((await load(GOOD + phases(64))).phases.length, 64);
  assert.match(
    await mistakes(phases(65)),
    /^recipes\/good\.yaml:\d+:1 phases: expected at most 64 phases: there are 65$/,
  );
});

Deno.test("a baseline beside phases: of the recipe's own streams, with a name of its own", async () => {
  const baseline = "baseline: { name: plain, losses: [{ type: plain }] }\n";
  const [first, ...phases] = (await load(`${GOOD}${PHASES}${baseline}`)).phases;
  assert.deepEqual([first!.name, first!.baseline, phases.length], ["plain", true, 3]);
  assert.match(
    await mistakes(`${PHASES}${baseline.replace("name: plain", "name: second")}`),
    /^recipes\/good\.yaml:\d+:1 baseline: phases\[1\] is called "second" too; give one another name$/,
  );
});

Deno.test("a phase may learn from its own labels of the target", async () => {
  const own = PHASES.replace(
    "streams: { pseudo: { job: labels } }",
    "streams: { target: { job: labels, labels: true } }",
  )
    .replace("stream: pseudo", "stream: target");
  assert.equal(await mistakes(own), "");
});

Deno.test("phases after the first draw numbers of their own", async () => {
  const { phases } = await load(`${GOOD}${PHASES}`);
  assert.deepEqual(phases.map(({ draws }) => draws), [undefined, "second", "third"]);
});

Deno.test("another type drops the options, not the groups, weight and update", async () => {
  const text = `${
    GOOD.replace("optimizer: { type: steps }", "optimizer: { type: steps, groups: { all: { rate: 3 } } }")
  }`;
  const base = text.replace("- type: plain", "- { type: reading, name: plain, weight: 2, update: 2 }");
  const other = "extends: base.yaml\nlosses: { plain: { type: plain } }\noptimizer: { type: strides }\n";
  const strides = definePlugin(
    { ...(registry.all("optimizer")[0]!), name: "strides" } as Plugin<"optimizer">,
  );
  const plan = await loadRecipe({ path: "recipes/good.yaml", text: other }, {
    registry: new Registry([...all.all(), strides]),
    cwd: "/",
    readText: () => Promise.resolve(base),
  });
  const [loss] = lastPhase(plan).losses;
  assert.deepEqual([loss!.weight, loss!.update], [2, 2]);
  assert.deepEqual(lastPhase(plan).groups, [{ group: "all", rate: 3, decay: 1 }]);
});

Deno.test("a mistake that phases have from the recipe is reported once, where it stands", async () => {
  const wrong = GOOD.replace("tap: features", "tap: featurs");
  assert.match(await mistakes(PHASES, wrong), /^recipes\/good\.yaml:\d+:\d+ losses\[1\]\.[^\n]+$/);
});
