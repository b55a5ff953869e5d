/** PSPNet: its maps, its names, its files, and what dropout leaves out. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { adaptiveAveragePool } from "../../ops/average_pool.ts";
import { PSPNET_NAMES } from "../../models/pspnet_names.ts";
import { dropChannels } from "../../ops/layers/dropout.ts";
import { Random } from "../../core/random.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { fillByFormula, formulaImages } from "../formula.ts";
import { backendTest, relative } from "../goldens.ts";
import { tinyPlan } from "../train/fakes.ts";

const SMALL = { layers: [1, 1, 1, 1], width: 0.125 };
const SIDE = 56;

function modelOf(options: Record<string, unknown>): Model {
  const plan = builtins().plan("model", { type: "pspnet", options });
  return assembleModel({ ...tinyPlan(), model: { type: "pspnet", plan } });
}

const images = (name: string) => tf.tensor4d(formulaImages(name, [1, SIDE, SIDE]), [1, SIDE, SIDE, 3]);

backendTest(
  "native",
  "pspnet: every tap is as large and as wide as its plan says; classify reads the feature tap",
  async () => {
    const plan = builtins().plan("model", { type: "pspnet", options: SMALL });
    const model = modelOf(SMALL);
    fillByFormula(model.state);
    const [view] = model.segmenter.forward([images("a")], { training: false });
    for (const [name, { channels, stride }] of Object.entries(plan.taps(3))) {
      // A pooling that rounds down leaves exactly this of a side that is a multiple of 8.
      assert.deepEqual(view!.taps[name]!.shape, [1, SIDE / stride, SIDE / stride, channels], name);
    }
    const logits = model.segmenter.classify(view!.taps[plan.featureTap]!);
    assert.ok(relative(await logits.data(), await view!.logits.data()) < 1e-6);
    model.dispose();
  },
);

backendTest("native", "pspnet: what is far away reaches every pixel through the pooled maps", async () => {
  const model = modelOf(SMALL);
  fillByFormula(model.state);
  const logits = (x: tf.Tensor4D) => model.segmenter.forward([x], { training: false })[0]!.logits.dataSync();
  const plain = logits(images("a"));
  const corner = tf.pad(tf.ones([1, 8, 8, 3]), [[0, 0], [SIDE - 8, 0], [SIDE - 8, 0], [0, 0]]) as tf.Tensor4D;
  const other = logits(tf.add(images("a"), tf.mul(corner, 200)));
  assert.ok([0, 1, 2].some((k) => Math.abs(plain[k]! - other[k]!) > 1e-4));
  await Promise.resolve();
  model.dispose();
});

backendTest(
  "native",
  "pspnet: passes that draw lose channels before both classifiers, the same ones whatever they are computed with",
  async () => {
    const model = modelOf({ ...SMALL, dropout: 0.5, batch_norm: "frozen" });
    fillByFormula(model.state);
    const pass = (names: readonly string[], draws: boolean) => {
      const random = names.map((name) => Random.stream(1, name));
      const views = model.segmenter.forward(names.map(images), {
        training: true,
        ...draws ? { random } : {},
      });
      return views.map(({ logits, taps }) => [logits.dataSync(), taps["auxiliary"]!.dataSync()] as const);
    };
    const [plainA] = pass(["a"], false), [alone] = pass(["a"], true);
    const [, together] = pass(["b", "a"], true);
    for (const k of [0, 1] as const) {
      assert.ok(relative(alone![k], plainA![k]) > 1e-2);
      assert.ok(relative(together![k], alone![k]) < 1e-5);
    }
    await Promise.resolve();
    model.dispose();
  },
);

backendTest("native", "whole channels are left out, the others grow so that the mean stays", async () => {
  const x = tf.ones([2, 3, 3, 2000]) as tf.Tensor4D;
  const random = { images: [1, 1], streams: [Random.stream(1, "a"), Random.stream(1, "b")] };
  const y = dropChannels(x, 0.1, { random });
  const means = await adaptiveAveragePool(y, [1, 1]).data();
  const values = new Set([...await y.data()].map((value) => Math.fround(value)));
  assert.deepEqual([...values].sort(), [0, Math.fround(1 / 0.9)]);
  assert.ok(means.every((mean) => values.has(Math.fround(mean)) || Math.abs(mean - 1 / 0.9) < 1e-6));
  const share = means.filter((mean) => mean === 0).length / means.length;
  assert.ok(Math.abs(share - 0.1) < 0.02, `${share}`);
  assert.equal(dropChannels(x, 0.1, {}), x);
});

Deno.test("pspnet has the names of the released decoder, and ResNet-101's size", () => {
  const model = modelOf({});
  const names = model.segmenter.params.map(({ name }) => name);
  assert.deepEqual(
    names.slice(0, 9),
    [1, 2, 3].flatMap((k) => [
      `backbone.conv${k}.weight`,
      `backbone.bn${k}.weight`,
      `backbone.bn${k}.bias`,
    ]),
  );
  const shape = (name: string) => model.segmenter.params.find((one) => one.name === name)!.value.shape;
  assert.deepEqual(shape("backbone.conv3.weight"), [3, 3, 64, 128]);
  assert.deepEqual(shape("backbone.layer1.0.conv1.weight"), [1, 1, 128, 64]);
  assert.deepEqual(shape("decoder.ppm.3.1.weight"), [1, 1, 2048, 512]);
  assert.deepEqual(shape("decoder.conv_last.0.weight"), [3, 3, 2048 + 4 * 512, 512]);
  assert.deepEqual(shape("decoder.conv_last.4.bias"), [3]);
  assert.deepEqual(shape("decoder.cbr_deepsup.0.weight"), [3, 3, 1024, 512]);
  assert.deepEqual(shape("decoder.conv_last_deepsup.weight"), [1, 1, 512, 3]);
  assert.equal(names.filter((name) => name.startsWith("backbone.layer3.")).length, 23 * 9 + 3);
  model.dispose();
});

Deno.test("released encoders and decoders are read from files of their own", () => {
  const scheme = PSPNET_NAMES.schemes.find(({ name }) => name === "encoder and decoder")!;
  const named = (file: string) => {
    const rule = scheme.rules.find(({ pattern }) => pattern.test(file));
    return rule && rule.to !== null ? file.replace(rule.pattern, rule.to) : rule?.to;
  };
  assert.deepEqual(
    [
      "conv3.weight",
      "layer4.2.bn3.running_var",
      "encoder.bn1.bias",
      "ppm.2.2.weight",
      "conv_last.4.bias",
      "decoder.cbr_deepsup.1.weight",
      "conv_last_deepsup.weight",
      "bn1.num_batches_tracked",
      "fc.weight",
      "head.weight",
    ].map(named),
    [
      "backbone.conv3.weight",
      "backbone.layer4.2.bn3.running_var",
      "backbone.bn1.bias",
      "decoder.ppm.2.2.weight",
      "decoder.conv_last.4.bias",
      "decoder.cbr_deepsup.1.weight",
      "decoder.conv_last_deepsup.weight",
      null,
      null,
      undefined,
    ],
  );
});
