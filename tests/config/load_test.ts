import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import { stringify } from "yaml";
import { recipeSchema } from "../../config/json_schema.ts";
import type { RunPlan } from "../../core/plan.ts";
import { UserError } from "../../core/errors.ts";
import type { LossPlan } from "../../core/plugin.ts";
import { drawn, GOOD, load, lossPlugin, mistakes, registry, tapLoss } from "./fakes.ts";

const mine = () => lossPlugin("mine", () => ({ needs: { taps: [] }, create: () => assert.fail("created") }));

Deno.test("a plan holds every section with its defaults", async () => {
  const plan = await load({});
  assert.equal(plan.name, "good");
  assert.equal(plan.seed, 0);
  assert.equal(plan.backend, "auto");
  assert.deepEqual(plan.labelSpace.classes, ["road", "car"]);
  assert.deepEqual(Object.keys(plan.data.splits), ["train", "val"]);
  assert.equal(plan.data.splits.train, plan.data.source);
  assert.deepEqual(plan.input, {
    training: { crop: [64, 64], flip: true },
    normalization: {
      order: "rgb",
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      deviation: [0.229, 0.224, 0.225],
    },
    workers: 1,
  });
  assert.deepEqual(lastPhase(plan).training, {
    steps: 10,
    batch: 2,
    accumulation: 1,
    validateEvery: 0,
    checkpointEvery: 200,
    keepCheckpoints: 2,
    logEvery: 10,
  });
  const { labelFree, ...evaluation } = plan.evaluation;
  assert.deepEqual(evaluation, { labelSize: "original" });
  assert.equal(labelFree?.similarity.accepts, "real");
  assert.equal(plan.phases.length, 1);
  assert.deepEqual(
    lastPhase(plan).losses.map(({ name, weight, at, origin }) => ({ name, weight, at, origin })),
    [
      { name: "plain", weight: 1, at: ["losses", 0], origin: "recipes/good.yaml:9:5" },
      { name: "tapped", weight: 0.5, at: ["losses", 1], origin: "recipes/good.yaml:10:5" },
    ],
  );
});

Deno.test("a plan says what its datasets were planned from", async () => {
  const { data } = await load({ set: ["data.val={type: drawn, domain: dusk}"] });
  const origins = [data.source, data.target, data.splits.val!].map((dataset) => data.origins?.get(dataset));
  assert.deepEqual(origins, [
    { plugin: drawn, options: {} },
    { plugin: drawn, options: { domain: "dusk" } },
    { plugin: drawn, options: { domain: "dusk" } },
  ]);
});

Deno.test("input.workers is a whole number from 0 on", async () => {
  assert.equal((await load({ set: ["input.workers=0"] })).input.workers, 0);
  assert.equal(
    await mistakes({ set: ["input.workers=-1"] }),
    "--set input.workers: must be at least 0: it is -1",
  );
});

Deno.test("the caffe normalisation and one written out", async () => {
  const caffe = await load({ set: ["input.normalization=caffe"] });
  assert.deepEqual(caffe.input.normalization, {
    order: "bgr",
    scale: 1,
    mean: [104.00698793, 116.66876762, 122.67891434],
    deviation: [1, 1, 1],
  });
  const own = await load({ set: ["input.normalization={mean: [1, 2, 3], scale: 2}"] });
  assert.deepEqual(own.input.normalization, {
    order: "rgb",
    scale: 2,
    mean: [1, 2, 3],
    deviation: [1, 1, 1],
  });
});

Deno.test("aggregation at inference is planned with its similarities", async () => {
  const set = ["evaluation.aggregation={alpha: 0.25, features: dot, predictions: kl}", "evaluation.limit=3"];
  const { evaluation } = await load({ set });
  assert.equal(evaluation.limit, 3);
  assert.equal(evaluation.aggregation?.alpha, 0.25);
  assert.equal(evaluation.aggregation?.features.accepts, "real");
  assert.equal(evaluation.aggregation?.predictions.accepts, "simplex");
});

/** Plans differ in function identities and in where things were written. */
function comparable(plan: RunPlan) {
  const { data, evaluation, input, name, seed, resolved } = plan;
  const { training, losses } = lastPhase(plan);
  const terms = losses.map((loss) => ({ name: loss.name, weight: loss.weight, taps: loss.plan.needs.taps }));
  return { root: data.root, training, evaluation, input, terms, name, seed, resolved };
}

Deno.test("the resolved recipe loads again to the same plan", async () => {
  const set = ["data.root=pictures", "input.short_side=[70, 90]", "seed=5", "name=other"];
  const importPlugin = () => Promise.resolve([mine()]);
  const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./mine.ts") };
  const first = await load({ set, files, importPlugin });
  const again = await load({
    path: "runs/other-001/config.yaml",
    files: { "/runs/other-001/config.yaml": stringify(first.resolved) },
    importPlugin,
  });
  assert.deepEqual(comparable(again), comparable(first));
});

Deno.test("use: names a file from the recipe that says so", async () => {
  const asked: string[] = [];
  const importPlugin = (path: string) => {
    asked.push(path);
    return Promise.resolve([mine()]);
  };
  const files = {
    "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./mine.ts"),
    "/elsewhere/child.yaml": "extends: ../recipes/good.yaml\n",
  };
  const plan = await load({ path: "elsewhere/child.yaml", files, importPlugin });
  assert.deepEqual(asked, ["/recipes/mine.ts"]);
  assert.equal(lastPhase(plan).losses[0]?.name, "mine");
  assert.equal(lastPhase(plan).losses[0]?.origin, "/recipes/mine.ts, recipes/good.yaml:9:5");
});

Deno.test("a file may bring what its loss needs", async () => {
  const similarity = registry.get("similarity", "dot", []);
  const importPlugin = () => Promise.resolve([{ ...mine() }, { ...similarity, name: "own" }]);
  const files = {
    "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./mine.ts").replace(
      "similarity: dot",
      "similarity: own",
    ),
  };
  assert.equal(lastPhase(await load({ files, importPlugin })).losses.length, 2);
});

const USES:
  readonly (readonly [use: string, plugins: () => Promise<ReturnType<typeof mine>[]>, message: string])[] = [
    [
      "https://example.org/a.ts",
      () => Promise.resolve([mine()]),
      "https://example.org/a.ts is not a file; plca runs no code from elsewhere, expected a path like ./my_loss.ts",
    ],
    ["3", () => Promise.resolve([mine()]), "expected the path of a TypeScript file"],
    ["./a.ts", () => Promise.resolve([]), "expected a file with one loss: /recipes/a.ts defines nothing"],
    [
      "./a.ts",
      () => Promise.resolve([mine(), tapLoss]),
      'expected a file with one loss: /recipes/a.ts defines the loss "mine", the loss "tapped"',
    ],
    [
      "./a.ts",
      () => Promise.reject(new UserError("/recipes/a.ts: no default export")),
      "/recipes/a.ts: no default export",
    ],
  ];

for (const [use, importPlugin, message] of USES) {
  Deno.test(`use: ${use} is refused: ${message}`, async () => {
    const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", `- use: ${use}`) };
    assert.equal(await mistakes({ files, importPlugin }), `recipes/good.yaml:9:10 losses[0].use: ${message}`);
  });
}

Deno.test("type and use exclude each other", async () => {
  const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", "- { type: plain, use: ./mine.ts }") };
  assert.equal(
    await mistakes({ files, importPlugin: () => Promise.resolve([mine()]) }),
    "recipes/good.yaml:9:5 losses[0]: has both type and use; keep one",
  );
});

const FAULTS: readonly (readonly [unknown, string])[] = [
  [() => {
    throw new TypeError("bug");
  }, "plan threw: bug"],
  [() => undefined, "plan returned undefined; expected {needs: {taps: [...]}, create}"],
  [
    () => ({ needs: { taps: [] } }),
    "plan returned no create function; expected {needs: {taps: [...]}, create}",
  ],
  [() => ({ create() {} }), "plan returned no needs.taps list; expected {needs: {taps: [...]}, create}"],
  [
    () => ({ needs: { taps: ["layer4"] }, create() {} }),
    "plan returned a tap without a name; expected {name, space}",
  ],
  [
    () => ({ needs: { taps: [{ name: "deep", space: "features" }] }, create() {} }),
    'plan returned the tap "deep" with the space "features"; expected real or simplex',
  ],
];

for (const [plan, message] of FAULTS) {
  Deno.test(`a user's loss whose plan is broken is told with its file: ${message}`, async () => {
    const broken = lossPlugin("broken", plan as () => LossPlan);
    const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./a.ts") };
    assert.equal(
      await mistakes({ files, importPlugin: () => Promise.resolve([broken]) }),
      `recipes/good.yaml:9:5 losses[0].options: /recipes/a.ts: ${message}`,
    );
  });
}

Deno.test("a user's tap without a position is placed at its loss, and a teacher is refused", async () => {
  const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./a.ts") };
  const needing = (needs: unknown) => () =>
    Promise.resolve([lossPlugin("mine", () => ({ needs, create() {} }) as unknown as LossPlan)]);
  assert.match(
    await mistakes({ files, importPlugin: needing({ taps: [{ name: "nowhere" }] }) }),
    /^recipes\/good\.yaml:9:5 losses\[0\]\.options: the model has no tap "nowhere"/,
  );
  assert.equal(
    await mistakes({ files, importPlugin: needing({ taps: [], teacher: true }) }),
    "recipes/good.yaml:9:5 losses[0].options: /recipes/a.ts: plan returned needs.teacher; name a teacher in the " +
      'recipe\'s networks and ask for its view: {stream: "target", by: NAME}',
  );
});

Deno.test("a user's plan is kept as it is, what this version does not know included", async () => {
  const files = { "/recipes/good.yaml": GOOD.replace("- type: plain", "- use: ./a.ts") };
  const plan = { needs: { taps: [{ name: "features" }] }, association: [], later: 1, create() {} };
  const importPlugin = () => Promise.resolve([lossPlugin("mine", () => plan as unknown as LossPlan)]);
  assert.deepEqual(lastPhase(await load({ files, importPlugin })).losses[0]!.plan, plan);
});

Deno.test("the JSON Schema knows every key, every plugin and its options", () => {
  const schema = recipeSchema(registry);
  const properties = schema["properties"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(
    Object.keys(properties).toSorted(),
    [
      "backend",
      "baseline",
      "data",
      "evaluation",
      "extends",
      "input",
      "logs",
      "losses",
      "method",
      "model",
      "name",
      "networks",
      "optimizer",
      "phases",
      "schedule",
      "seed",
      "streams",
      "training",
    ],
  );
  const { section_losses: losses } = schema["$defs"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(properties["losses"], { $ref: "#/$defs/section_losses" });
  const [terms] = losses?.["anyOf"] as {
    items: { anyOf: { properties: Record<string, { const?: string }> }[] };
  }[];
  assert.deepEqual(terms?.items.anyOf.map((entry) => entry.properties["type"]?.const), [
    "plain",
    "tapped",
    undefined,
  ]);
  const data = properties["data"]?.["properties"] as Record<string, { anyOf: { properties: object }[] }>;
  assert.deepEqual(data["source"]?.anyOf.map((entry) => Object.keys(entry.properties)), [
    ["type", "classes", "domain"],
    ["type", "list"],
    ["use"],
  ]);
});

Deno.test("streams may have sizes of their own", async () => {
  const { input } = await load({
    set: [
      "input={size: [32, 64], crop: [32, 64], streams: {source: {size: [36, 64], crop: [36, 64]}}}",
    ],
  });
  const flip = input.training.flip;
  assert.deepEqual(input.training, { size: [32, 64], crop: [32, 64], flip });
  assert.deepEqual(input.streams, { source: { size: [36, 64], crop: [36, 64], flip } });
});
