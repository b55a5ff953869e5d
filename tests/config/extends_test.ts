import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import { load, mistakes } from "./fakes.ts";

Deno.test("a recipe lies on the one it extends: mappings merge, lists are replaced", async () => {
  const files = {
    "/recipes/child.yaml":
      "extends: ./good.yaml\ntraining: { batch: 4 }\nlosses:\n  - type: plain\n    weight: 3\n",
  };
  const plan = await load({ path: "recipes/child.yaml", files });
  assert.equal(plan.name, "child");
  assert.equal(lastPhase(plan).training.steps, 10);
  assert.equal(lastPhase(plan).training.batch, 4);
  assert.deepEqual(lastPhase(plan).losses.map(({ name, weight }) => [name, weight]), [["plain", 3]]);
});

Deno.test("the error names the file that set the value", async () => {
  const files = {
    "/recipes/middle.yaml": "extends: good.yaml\nmodel: { options: { width: -1 } }\ntraining: { batch: 0 }\n",
    "/recipes/child.yaml": "extends: middle.yaml\n\ntraining:\n  log_every: 0\n",
  };
  assert.equal(
    await mistakes({ path: "recipes/child.yaml", files }),
    "recipes/middle.yaml:2:28 model.options.width: must be more than 0: it is -1\n" +
      "recipes/middle.yaml:3:20 training.batch: must be at least 1: it is 0\n" +
      "recipes/child.yaml:4:14 training.log_every: must be at least 1: it is 0",
  );
});

Deno.test("null removes what the extended recipe has", async () => {
  const files = {
    "/recipes/base.yaml": "extends: good.yaml\nbaseline: { name: b, losses: [{ type: plain }] }\n",
    "/recipes/child.yaml": "extends: base.yaml\nbaseline: null\ndata: { val: null }\n",
  };
  assert.equal((await load({ path: "recipes/base.yaml", files })).phases[0]!.name, "b");
  const plan = await load({ path: "recipes/child.yaml", files });
  assert.equal(plan.phases.length, 1);
  assert.deepEqual(Object.keys(plan.data.splits), ["train"]);
});

Deno.test("another type drops the options that came with the former one", async () => {
  const files = {
    "/recipes/child.yaml":
      "extends: good.yaml\ndata:\n  root: /pictures\n  target: { type: files, list: a.txt }\n",
  };
  const plan = await load({ path: "recipes/child.yaml", files });
  assert.deepEqual((plan.resolved["data"] as Record<string, unknown>)["target"], {
    type: "files",
    list: "a.txt",
  });
});

Deno.test("of several recipes the first is whole, and the others count for what they say themselves", async () => {
  const files = {
    "/recipes/other.yaml": "extends: ./good.yaml\ntraining: { steps: 99 }\n",
    "/recipes/method.yaml": "extends: ./other.yaml\nname: method\ntraining: { batch: 3 }\n",
    "/recipes/settings.yaml": "extends: ./good.yaml\ntraining: { batch: 2, log_every: 7 }\n",
    "/recipes/child.yaml": "extends: [./settings.yaml, ./method.yaml]\ntraining: { accumulation: 5 }\n",
  };
  const plan = await load({ path: "recipes/child.yaml", files });
  assert.equal(plan.name, "child");
  const { steps, batch, logEvery, accumulation } = lastPhase(plan).training;
  assert.deepEqual({ steps, batch, logEvery, accumulation }, {
    steps: 10,
    batch: 3,
    logEvery: 7,
    accumulation: 5,
  });
});

Deno.test("a list of recipes has no place for anything else", async () => {
  const refused = (text: string, more = {}) =>
    mistakes({ path: "recipes/child.yaml", files: { "/recipes/child.yaml": text, ...more } });
  assert.equal(
    await refused("extends: []\n"),
    "recipes/child.yaml:1:1 extends: expected at least one recipe",
  );
  assert.match(
    await refused("extends: [./good.yaml, 3]\n"),
    /^recipes\/child.yaml:1:24 extends\[1\]: expected the path of a recipe, or one of street/,
  );
  assert.equal(
    await refused("extends: [./good.yaml, ./child.yaml]\n"),
    "recipes/child.yaml:1:24 extends[1]: a recipe cannot extend itself: child.yaml -> child.yaml",
  );
});

Deno.test("a circle of recipes is named", async () => {
  const files = { "/a.yaml": "extends: b.yaml\n", "/b.yaml": "seed: 1\nextends: ./a.yaml\n" };
  assert.equal(
    await mistakes({ path: "a.yaml", files }),
    "b.yaml:2:10 extends: a recipe cannot extend itself: a.yaml -> b.yaml -> a.yaml",
  );
});

Deno.test("a recipe without a name is called what its file is, not what it extends", async () => {
  const files = { "/recipes/mine.yaml": "extends: ./good.yaml\n", "/recipes/named.yaml": "name: other\n" };
  assert.equal((await load({ path: "recipes/mine.yaml", files })).name, "mine");
});

Deno.test("extends that leads nowhere", async () => {
  const text = (value: string) => ({ path: "a.yaml", files: { "/a.yaml": `extends: ${value}\n` } });
  assert.equal(
    await mistakes(text("gone.yaml")),
    "a.yaml:1:10 extends: gone.yaml cannot be read: there is no such file",
  );
  assert.equal(
    await mistakes(text("stret")),
    'a.yaml:1:10 extends: there is no recipe called "stret"; did you mean "street"?',
  );
  assert.equal(
    await mistakes(text("[street, a]")),
    'a.yaml:1:19 extends[1]: there is no recipe called "a"; expected one of street, street_mit, street_dinov2, ' +
      "camvid_day_to_dusk, camvid_source_only, camvid_mit, camvid_dinov2, gtav_to_cityscapes, gtav_to_cityscapes_8, synthia_to_cityscapes",
  );
  assert.equal(
    await mistakes(text("{a: b}")),
    "a.yaml:1:1 extends: expected the path of a recipe, or one of street, street_mit, street_dinov2, " +
      "camvid_day_to_dusk, camvid_source_only, camvid_mit, camvid_dinov2, gtav_to_cityscapes, gtav_to_cityscapes_8, synthia_to_cityscapes",
  );
});

Deno.test("a recipe that cannot be read", async () => {
  await assert.rejects(load({ path: "gone.yaml" }), {
    name: "UserError",
    message: "the recipe gone.yaml cannot be read: there is no such file",
  });
  await assert.rejects(load({ path: "stret" }), {
    name: "UserError",
    message: 'there is no recipe called "stret"; did you mean "street"?',
  });
});
