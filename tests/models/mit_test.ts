/** The Mix Transformer: its taps, what it draws, how it begins, and what it refuses. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { ConfigError } from "../../core/errors.ts";
import type { ModelPlan, Segmenter } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { Registry } from "../../core/registry.ts";
import { dropPathRates } from "../../models/mix_transformer.ts";
import { models } from "../../models/mod.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { formulaImages } from "../formula.ts";
import { backendTest, relative } from "../goldens.ts";
import { tinyPlan } from "../train/fakes.ts";

const SMALL = { dims: [4, 8, 10, 16], blocks: [1, 1, 1, 1], head_width: 8 };
const registry = new Registry(models);

const planned = (options: object): ModelPlan =>
  registry.plan("model", { type: "mit", options: { ...SMALL, ...options } });

function modelOf(options: object, seed = 0): Model {
  return assembleModel({ ...tinyPlan(), seed, model: { type: "mit", plan: planned(options) } });
}

const images = (name: string, [n, height, width]: readonly [number, number, number]) =>
  tf.tensor4d(formulaImages(name, [n, height, width], { factor: 4 }), [n, height, width, 3]);

for (const head of ["segformer", "daformer", "deeplab-v2"]) {
  for (const size of [[64, 96], [61, 47], [29, 33]] as const) {
    backendTest("native", `mit, ${head}: every tap of ${size.join("x")} is as its plan says`, async () => {
      const plan = planned({ head }), model = modelOf({ head });
      const [view] = model.segmenter.forward([images("a", [2, ...size])], { training: false });
      // Of every halving the larger half, after a quarter.
      const at = (side: number, stride: number) => {
        let found = Math.floor((side - 1) / 4) + 1;
        for (let k = 4; k < stride; k *= 2) found = Math.floor((found - 1) / 2) + 1;
        return found;
      };
      const taps = plan.taps(3);
      assert.deepEqual(Object.keys(view!.taps).sort(), Object.keys(taps).sort());
      for (const [name, { channels, stride }] of Object.entries(taps)) {
        assert.deepEqual(
          view!.taps[name]!.shape,
          [2, at(size[0], stride), at(size[1], stride), channels],
          name,
        );
      }
      const logits = model.segmenter.classify(view!.taps[plan.featureTap]!);
      assert.ok(relative(await logits.data(), await view!.logits.data()) < 1e-6);
      model.dispose();
    });
  }
}

backendTest(
  "native",
  "mit: what a batch loses depends on its own stream, and evaluation loses nothing",
  async () => {
    const model = modelOf({ drop_path: 0.9, dropout: 0.5 });
    const [a, b] = [images("a", [3, 32, 32]), images("b", [2, 32, 32])];
    const forward = (batches: tf.Tensor4D[], names?: string[], training = true) =>
      model.segmenter.forward(batches, {
        training,
        ...(names ? { random: names.map((name) => Random.stream(0, name)) } : {}),
      }).map(({ logits }) => logits.dataSync());
    const [alone] = forward([a], ["a"]);
    const [beside] = forward([a, b], ["a", "b"]);
    assert.ok(relative(beside!, alone!) < 1e-5);
    const [again] = forward([a], ["a"]);
    assert.deepEqual(again, alone);
    const [other] = forward([a], ["other"]);
    assert.ok(relative(other!, alone!) > 1e-2);
    // As a teacher does: batch statistics, and nothing is left out.
    const [teacher] = forward([a]), [same] = forward([a]);
    assert.deepEqual(teacher, same);
    assert.ok(relative(teacher!, alone!) > 1e-2);
    const [plain] = forward([a], undefined, false);
    assert.ok(relative(plain!, teacher!) > 1e-3);
    model.dispose();
    await Promise.resolve();
  },
);

Deno.test("mit: branches are left out the more, the later their block", () => {
  assert.deepEqual(dropPathRates([2, 1, 1, 1], 0.2), [0, 0.05, 0.1, 0.15000000000000002, 0.2]);
  assert.deepEqual(dropPathRates([1, 0, 0, 0] as never, 0.2), [0]);
});

function deviation(segmenter: Segmenter, name: string): number {
  const values = segmenter.params.find((param) => param.name === name)!.value.dataSync<"float32">();
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
}

backendTest(
  "native",
  "mit: weights begin as published, with numbers of the seed and the name alone",
  async () => {
    const options = { dims: [32, 32, 40, 64], head: "daformer" };
    const [model, twin, other] = [modelOf(options), modelOf(options), modelOf(options, 1)];
    const near = (name: string, expected: number) => {
      const found = deviation(model.segmenter, name);
      assert.ok(Math.abs(found / expected - 1) < 0.15, `${name}: ${found}, expected ${expected}`);
    };
    near("backbone.block1.0.attn.q.weight", 0.02);
    near("backbone.block1.0.mlp.fc1.weight", 0.02);
    near("backbone.patch_embed1.proj.weight", Math.sqrt(2 / (49 * 32)));
    near("backbone.block1.0.attn.sr.weight", Math.sqrt(2 / (64 * 32)));
    // Of a depthwise convolution every output is a group of its own.
    near("backbone.block1.0.mlp.dwconv.dwconv.weight", Math.sqrt(2 / 9));
    for (const { name, value } of model.segmenter.params) {
      if (name.endsWith("bias")) assert.ok(value.dataSync<"float32">().every((one) => one === 0), name);
      if (/norm\d?\.weight$|bn\.weight$/.test(name)) {
        assert.ok(
          value.dataSync<"float32">().every((one) => one === 1),
          name,
        );
      }
    }
    const values = (one: Model) => one.segmenter.params.map(({ value }) => Array.from(value.dataSync()));
    assert.deepEqual(values(twin), values(model));
    assert.notDeepEqual(values(other), values(model));
    for (const one of [model, twin, other]) one.dispose();
    await Promise.resolve();
  },
);

backendTest("native", "mit: groups tell norms from the rest, in encoder and head", async () => {
  for (
    const [options, known] of [
      [{ head: "segformer" }, ["backbone", "backbone/norm", "head", "head/norm"]],
      [{ head: "daformer", batch_norm: "affine-frozen" }, ["backbone", "backbone/norm", "head"]],
      [{ head: "deeplab-v2" }, ["backbone", "backbone/norm", "head"]],
    ] as const
  ) {
    const model = modelOf(options);
    const { params } = model.segmenter;
    assert.deepEqual([...new Set(params.map(({ group }) => group))].sort(), known);
    assert.deepEqual(planned(options).groups, known);
    for (const { name, group } of params) {
      // norm1, norm2, attn.norm, patch_embed1.norm; the head's are called bn.
      assert.equal(group.endsWith("/norm"), /norm\d?\.|\.bn\./.test(name), name);
    }
    model.dispose();
  }
  await Promise.resolve();
});

backendTest("native", "mit: images that are too small are named, with what to change", async () => {
  const model = modelOf({});
  assert.throws(() => model.segmenter.forward([images("a", [1, 28, 64])], { training: false }), {
    name: "UserError",
    message:
      "the Mix Transformer's stage 1 has a map of 7x16 (height x width), of which it makes keys and values of 8x8 pixels " +
      "each: its images are too small (what stage 1 sees is 28x64); use larger ones (input.crop, evaluation.size), or smaller " +
      "model.options.reductions",
  });
  model.dispose();
  const small = modelOf({ reductions: [2, 1, 1, 1] });
  const [view] = small.segmenter.forward([images("a", [1, 5, 5])], { training: false });
  assert.deepEqual(view!.logits.shape, [1, 2, 2, 3]);
  small.dispose();
  await Promise.resolve();
});

Deno.test("mit: heads that do not divide the channels are refused where the recipe has them", () => {
  assert.throws(
    () => registry.plan("model", { type: "mit", options: { dims: [8, 16, 41, 64] } }, ["model"]),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        "model.options.heads: stage 3 has 41 channels, which 5 heads do not divide; change heads or dims",
      );
      return true;
    },
  );
});
