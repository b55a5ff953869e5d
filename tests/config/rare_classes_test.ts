/** `input.rare_class_sampling`: defaults, where its file lies, mistakes. */
import assert from "node:assert/strict";
import { GOOD, load, mistakes } from "./fakes.ts";

const SET = "input.rare_class_sampling";

Deno.test("absent: no sampling; a file alone: the defaults", async () => {
  assert.equal("rareClassSampling" in (await load({})).input, false);
  assert.deepEqual((await load({ set: [`${SET}={stats: a.json}`] })).input.rareClassSampling, {
    stats: "/a.json",
    temperature: 0.01,
    minPixels: 3000,
    cropPixels: 1500,
    tries: 10,
  });
  assert.deepEqual((await load({ set: [`${SET}={tries: 1}`] })).input.rareClassSampling, {
    temperature: 0.01,
    minPixels: 3000,
    cropPixels: 1500,
    tries: 1,
  });
});

Deno.test("the file lies beside the recipe that names it, --set names it from the current folder", async () => {
  const section =
    "crop: 64\n  rare_class_sampling: { stats: ../counts/a.json, temperature: 0.5, min_pixels: 1 }";
  const plan = await load({ files: { "/recipes/good.yaml": GOOD.replace("crop: 64", section) } });
  const expected = { stats: "/counts/a.json", temperature: 0.5, minPixels: 1, cropPixels: 0.5, tries: 10 };
  assert.deepEqual(plan.input.rareClassSampling, expected);
  // As config.yaml of a run has it, which lies elsewhere.
  const { input } = plan.resolved as { input: Record<string, unknown> };
  assert.deepEqual(input["rare_class_sampling"], {
    stats: "/counts/a.json",
    temperature: 0.5,
    min_pixels: 1,
    crop_ratio: 0.5,
    tries: 10,
  });
  const extended = {
    "/recipes/good.yaml": GOOD.replace("crop: 64", section),
    "/x/b.yaml": "extends: ../recipes/good.yaml\n",
  };
  assert.deepEqual((await load({ files: extended, path: "x/b.yaml" })).input.rareClassSampling, expected);
});

Deno.test("mistakes", async () => {
  const text = await mistakes({ set: [`${SET}={temperature: 0, min_pixel: 5}`] });
  assert.deepEqual(text.split("\n"), [
    `--set ${SET} ${SET}.temperature: must be at least 0.0001: it is 0`,
    `--set ${SET} ${SET}.min_pixel: unknown key; did you mean "min_pixels"?`,
  ]);
});

Deno.test("criteria of crops: defaults, streams with sizes of their own, mistakes at their places", async () => {
  const set = ["input.crop_criteria={most_share: 0.75}", "input.streams={source: {crop: 32}}"];
  const { input } = await load({ set });
  const criteria = { tries: 10, mostShare: 0.75, leastClasses: 0, leastShare: 0.02 };
  assert.deepEqual(input.training.criteria, criteria);
  assert.deepEqual(input.streams!["source"]!.criteria, criteria);
  assert.equal("criteria" in (await load({})).input.training, false);
  const text = await mistakes({ set: ["input.crop_criteria={tries: 0, most: 1}"] });
  assert.deepEqual(text.split("\n"), [
    "--set input.crop_criteria input.crop_criteria.tries: must be at least 1: it is 0",
    "--set input.crop_criteria input.crop_criteria.most: unknown key; expected one of tries, most_share, " +
    "least_classes, least_share",
  ]);
});

Deno.test("margins of a stream's images: shares at top, right, bottom and left, of that stream alone", async () => {
  const { input } = await load({
    set: ["input.streams={target: {crop: 32, margins: [0.03, 0, 0.25, 0.5]}}"],
  });
  assert.deepEqual(input.streams!["target"]!.margins, [0.03, 0, 0.25, 0.5]);
  assert.equal("margins" in input.training, false);
  assert.equal(
    await mistakes({ set: ["input.streams={target: {crop: 32, margins: [0, 0, 1, 0]}}"] }),
    "--set input.streams input.streams.target.margins[2]: must be less than 1: it is 1",
  );
});
