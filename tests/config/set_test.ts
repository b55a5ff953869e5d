import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import fc from "fast-check";
import { parsePath } from "../../config/merge.ts";
import { formatPath } from "../../core/errors.ts";
import { load, mistakes } from "./fakes.ts";

const REFUSED: readonly (readonly [set: string, message: string])[] = [
  ["losses[7].weight=1", "--set losses[7].weight: losses has 2 entries, counted from 0"],
  ["losses[1].wieght=1", '--set losses[1].wieght: unknown key; did you mean "weight"?'],
  ["nothing", "--set nothing: expected path=value, as in --set losses[1].weight=0.2"],
  ["=3", "--set =3: expected path=value, as in --set losses[1].weight=0.2"],
  ["a..b=3", "--set a..b: expected a path such as training.steps or losses[1].weight"],
  ["training.steps=[", "--set training.steps: not valid YAML: flow sequence must end with a ]"],
  ["training.steps.x=1", '--set training.steps.x: training.steps is a single value without a key "x"'],
  [
    "losses.weight=1",
    '--set losses.weight: losses is a list without a key "weight"; expected one of plain, tapped',
  ],
  ["training[0]=1", "--set training[0]: training is not a list"],
  ["seed=abc", '--set seed: expected a number: it is "abc"'],
  ["traning.steps=3", '--set traning.steps traning: unknown key; did you mean "training"?'],
  [
    "losses=null",
    "recipes/good.yaml:1:1 losses: expected a list of at least one loss, each with type or use",
  ],
];

for (const [set, message] of REFUSED) {
  Deno.test(`--set ${set} is refused`, async () => {
    assert.equal(await mistakes({ set: [set] }), message);
  });
}

Deno.test("a blank in the place of = is told from a recipe of the value's name", async () => {
  await assert.rejects(load({ path: "10", set: ["training.steps"] }), {
    name: "UserError",
    message: "--set training.steps: expected path=value without a blank, as in --set training.steps=10",
  });
});

Deno.test("a key below something that is off: how it is switched on", async () => {
  assert.equal(
    await mistakes({ set: ["evaluation.aggregation=false", "evaluation.aggregation.alpha=0.5"] }),
    '--set evaluation.aggregation.alpha: evaluation.aggregation is a single value without a key "alpha": it is ' +
      "false; write it whole, as in --set 'evaluation.aggregation={alpha: 0.5}'",
  );
});

Deno.test("every refused --set is reported", async () => {
  assert.equal(
    await mistakes({ set: ["nothing", "losses[9].weight=1"] }),
    "--set nothing: expected path=value, as in --set losses[1].weight=0.2\n" +
      "--set losses[9].weight: losses has 2 entries, counted from 0",
  );
});

Deno.test("--set replaces values, the last one wins", async () => {
  const plan = await load({
    set: ["losses[1].weight=0.2", "training.steps=5", "training.steps=7", "seed=3"],
  });
  assert.equal(lastPhase(plan).losses[1]?.weight, 0.2);
  assert.equal(lastPhase(plan).training.steps, 7);
  assert.equal(plan.seed, 3);
});

Deno.test("--set makes mappings on its way and takes lists and mappings", async () => {
  const plan = await load({ set: ["evaluation.size=[30, 40]", "input={short_side: 50}"] });
  assert.deepEqual(plan.evaluation.size, [30, 40]);
  assert.deepEqual(plan.input.training, { shortSide: [50, 50], crop: [64, 64], flip: true });
});

Deno.test("--set of another type drops the options of the former one", async () => {
  const set = ["losses[1].type=plain", "losses[1].name=second", "data.val.type=files", "data.val.list=a.txt"];
  const plan = await load({ set: [...set, "data.root=pictures"] });
  assert.deepEqual((plan.resolved["losses"] as unknown[])[1], {
    type: "plain",
    name: "second",
    weight: 0.5,
    options: {},
  });
  assert.deepEqual((plan.resolved["data"] as Record<string, unknown>)["val"], {
    type: "files",
    list: "a.txt",
  });
});

Deno.test("options of datasets are set beside type or under options", async () => {
  const plan = await load({ set: ["data.target.options.domain=day", "data.val.domain=day"] });
  const data = plan.resolved["data"] as Record<string, { domain: string }>;
  assert.equal(data["target"]?.domain, "day");
  assert.equal(data["val"]?.domain, "day");
});

Deno.test("a relative data.root starts at the current folder when set, at the recipe's when written", async () => {
  assert.equal((await load({ set: ["data.root=pictures"] })).data.root, "/pictures");
  const files = { "/recipes/rooted.yaml": "extends: ./good.yaml\ndata: { root: ../pictures }\n" };
  assert.equal((await load({ path: "recipes/rooted.yaml", files })).data.root, "/pictures");
  assert.equal((await load({})).data.root, "");
});

Deno.test("a mistake in --set names its path once, in the person's words", async () => {
  const hint = 'unknown key; did you mean "weight"?';
  assert.equal(await mistakes({ set: ["losses[1].wieght=1"] }), `--set losses[1].wieght: ${hint}`);
  assert.equal(await mistakes({ set: ["losses.tapped.wieght=1"] }), `--set losses.tapped.wieght: ${hint}`);
});

Deno.test("parsePath undoes formatPath", () => {
  const key = fc.stringMatching(/^[A-Za-z_][\w-]{0,8}$/);
  const path = fc.tuple(key, fc.array(fc.oneof(key, fc.nat({ max: 99 })))).map((
    [first, rest],
  ) => [first, ...rest]);
  fc.assert(fc.property(path, (parts) => assert.deepEqual(parsePath(formatPath(parts)), parts)));
});
