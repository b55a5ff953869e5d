/** The model dinov2: images of any size, its taps and heads, patches that are hidden, groups, and what it refuses. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { inGroup } from "../../core/optimization.ts";
import { Random } from "../../core/random.ts";
import { gradients } from "../../ops/gradients.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { fillByFormula, formulaImages } from "../formula.ts";
import { backendTest, relative } from "../goldens.ts";
import { tinyPlan } from "../train/fakes.ts";

const SMALL = { size: { width: 16, blocks: 2, heads: 2 }, table: 3, image_scale: 1 };

function planOf(options: Record<string, unknown>) {
  return builtins().plan("model", { type: "dinov2", options: { ...SMALL, ...options } }, ["model"]);
}

function modelOf(options: Record<string, unknown> = {}, seed = 0): Model {
  const plan = { ...tinyPlan(), seed, model: { type: "dinov2", plan: planOf(options) } };
  return assembleModel(plan);
}

const images = (name: string, [height, width]: readonly [number, number] = [28, 42], count = 1) =>
  tf.tensor4d(formulaImages(name, [count, height, width], { factor: 4 }), [count, height, width, 3]);

backendTest(
  "native",
  "dinov2: every tap is as large and as wide as its plan says; classify reads the feature tap",
  async () => {
    for (
      const [options, extra, featureTap] of [
        [{}, { decoded: 4 }, "decoded"],
        [{ head: "deeplab-v2", registers: 4 }, {}, "block1"],
      ] as const
    ) {
      const plan = planOf(options), model = modelOf(options);
      fillByFormula(model.state);
      const [view] = model.segmenter.forward([images("a")], { training: false });
      const taps = plan.taps(3);
      assert.deepEqual(Object.keys(taps), [
        "block0",
        "block1",
        ...Object.keys(extra),
        "logits",
        "probabilities",
      ]);
      for (const [name, { channels, stride }] of Object.entries(taps)) {
        assert.deepEqual(view!.taps[name]!.shape, [1, 28 / stride, 42 / stride, channels], name);
      }
      assert.equal(plan.featureTap, featureTap);
      const logits = model.segmenter.classify(view!.taps[featureTap]!);
      assert.ok(relative(await logits.data(), await view!.logits.data()) < 1e-6);
      model.dispose();
    }
  },
);

backendTest(
  "native",
  "dinov2: an image of any size becomes whole patches, by image_scale, rounded down, at least one",
  async () => {
    for (
      const [scale, size, patches] of [
        [1, [28, 42], [2, 3]],
        [1, [41, 43], [2, 3]],
        [1.1, [64, 130], [5, 10]],
        // The published sizes: 1024 becomes 1120.
        [1.1, [1024, 14], [80, 1]],
        [1, [5, 29], [1, 2]],
      ] as const
    ) {
      const model = modelOf({ image_scale: scale });
      const [view] = model.segmenter.forward([images("a", size)], { training: false, taps: ["block1"] });
      assert.deepEqual(view!.taps["block1"]!.shape.slice(1, 3), patches, `${size}`);
      assert.deepEqual(view!.logits.shape, [1, 4 * patches[0], 4 * patches[1], 3]);
      model.dispose();
    }
    await Promise.resolve();
  },
);

backendTest("native", "dinov2: taps that nobody reads are not made", async () => {
  const model = modelOf();
  const [view] = model.segmenter.forward([images("a")], { training: false, taps: ["probabilities"] });
  assert.equal(view!.taps["block0"], undefined);
  await Promise.resolve();
  model.dispose();
});

backendTest(
  "native",
  "dinov2: a pass that hides patches sees the mask token there; each batch draws for itself",
  async () => {
    const model = modelOf();
    fillByFormula(model.state);
    const pass = (names: readonly string[], hide?: readonly number[], draws = true) =>
      model.segmenter.forward(names.map((name) => images(name, [56, 56], 2)), {
        training: true,
        ...draws ? { random: names.map((name) => Random.stream(1, name)) } : {},
        ...hide ? { hide } : {},
      }).map(({ logits }) => logits.dataSync());
    const [plain] = pass(["a"]), [hidden] = pass(["a"], [0.7]);
    assert.ok(relative(hidden!, plain!) > 0.05);
    const [beside, alone] = pass(["b", "a"], [0, 0.7]);
    assert.ok(relative(alone!, hidden!) < 1e-5);
    assert.ok(relative(beside!, pass(["b"])[0]!) < 1e-5);
    // Networks that nothing trains draw nothing and see everything.
    assert.ok(relative(pass(["a"], [0.7], false)[0]!, plain!) < 1e-6);
    // With all hidden the image itself does not matter.
    const nearlyAll = 1 - 2 ** -40;
    const blind = (name: string) =>
      model.segmenter.forward([images(name, [56, 56], 2)], {
        training: true,
        random: [Random.stream(1, "same")],
        hide: [nearlyAll],
      })[0]!.logits.dataSync();
    assert.ok(relative(blind("a"), blind("b")) < 1e-6);
    await Promise.resolve();
    model.dispose();
  },
);

backendTest("native", "dinov2: patches are hidden as often as asked for", async () => {
  const model = modelOf({ size: { width: 4, blocks: 1, heads: 1 }, patch: 2 });
  for (const { variable } of model.state) variable.assign(tf.zerosLike(variable));
  const token = model.state.find(({ name }) => name === "backbone.mask_token")!.variable;
  token.assign(tf.tensor2d([[3, -3, 3, -3]]));
  for (const name of ["backbone.norm.weight"]) {
    const norm = model.state.find((one) => one.name === name)!.variable;
    norm.assign(tf.onesLike(norm));
  }
  const [view] = model.segmenter.forward([images("a", [100, 100])], {
    training: true,
    random: [Random.stream(1, "a")],
    hide: [0.7],
    taps: ["block0"],
  });
  const first = tf.slice(view!.taps["block0"]!, [0, 0, 0, 0], [1, 50, 50, 1]);
  const share = tf.mean(tf.cast(tf.greater(first, 0.5), "float32")).dataSync()[0]!;
  assert.ok(Math.abs(share - 0.7) < 0.03, `${share}`);
  await Promise.resolve();
  model.dispose();
});

backendTest(
  "native",
  "dinov2: blocks that are computed again give the same gradients, with less kept",
  async () => {
    const results = [false, true].map((checkpointing) => {
      const model = modelOf({ checkpointing });
      fillByFormula(model.state);
      const { value, grads } = gradients(
        () =>
          tf.mean(tf.square(
            model.segmenter.forward([images("a")], {
              training: true,
              random: [Random.stream(1, "a")],
              hide: [0.5],
            })[0]!.logits,
          )) as tf.Scalar,
        model.segmenter.params.map(({ value }) => value),
      );
      const all = [value, ...grads.map((grad) => grad!)].map((one) => one.dataSync());
      model.dispose();
      return all;
    });
    results[0]!.forEach((values, k) => assert.ok(relative(results[1]![k]!, values) < 1e-5));
    await Promise.resolve();
  },
);

backendTest(
  "native",
  "dinov2: the seed decides every weight; groups tell encoder, head, norms and positions apart",
  async () => {
    const values = (seed: number) => {
      const model = modelOf({ registers: 2 }, seed);
      const numbers = model.segmenter.params.map(({ value }) => [...value.dataSync()]);
      model.dispose();
      return numbers;
    };
    assert.deepEqual(values(3), values(3));
    assert.notDeepEqual(values(3), values(4));
    const plan = planOf({ registers: 2 }), model = modelOf({ registers: 2 });
    const { params } = model.segmenter;
    const within = (key: string) => params.filter(({ group }) => inGroup(group, key)).map(({ name }) => name);
    for (const { name, group } of params) assert.ok(plan.groups!.includes(group), `${name}: ${group}`);
    for (const group of plan.groups!) assert.ok(params.some((param) => param.group === group), group);
    assert.deepEqual(within("position"), ["backbone.pos_embed"]);
    assert.deepEqual(within("token"), [
      "backbone.cls_token",
      "backbone.register_tokens",
      "backbone.mask_token",
    ]);
    assert.ok(within("head").every((name) => /^(?:upscale|out)\./.test(name)));
    assert.equal(within("head").length + within("backbone").length, params.length);
    assert.deepEqual(
      within("norm"),
      params.map(({ name }) => name).filter((name) => /norm\d?\.|upscale\.[146]\./.test(name)),
    );
    await Promise.resolve();
    model.dispose();
  },
);

backendTest(
  "native",
  "dinov2: the small published size has the published number of weights; sizes have their blocks",
  async () => {
    const { segmenter, dispose } = modelOf({ size: "s", table: 37 });
    const encoder = segmenter.params.filter(({ name }) => name.startsWith("backbone."));
    assert.equal(encoder.reduce((sum, { value }) => sum + value.size, 0), 22_056_576);
    assert.equal(encoder.length, 175);
    dispose();
    for (const [size, width, blocks] of [["s", 384, 12], ["b", 768, 12], ["l", 1024, 24]] as const) {
      const taps = planOf({ size }).taps(19);
      assert.equal(taps["block0"]!.channels, width);
      assert.equal(Object.keys(taps).filter((name) => name.startsWith("block")).length, blocks);
    }
    await Promise.resolve();
  },
);

Deno.test("dinov2: heads that do not divide the width are refused by their place", () => {
  assert.throws(() => planOf({ size: { width: 16, blocks: 1, heads: 3 } }), {
    name: "ConfigError",
    message: "model.options.size.heads: 3 heads do not divide a width of 16; choose a divisor of the width",
  });
});
