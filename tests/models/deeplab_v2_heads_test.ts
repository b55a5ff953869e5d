/** Further heads of DeepLab-v2, fewer ASPP branches, and batch-norm whose weights are not trained. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { ConfigError } from "../../core/errors.ts";
import { Registry } from "../../core/registry.ts";
import { models } from "../../models/mod.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { backendTest } from "../goldens.ts";
import { tinyPlan } from "../train/fakes.ts";

const registry = new Registry(models);
const SMALL = { layers: [1, 1, 1, 1], width: 0.125 };

const planned = (options: object) =>
  registry.plan("model", { type: "deeplab-v2", options: { ...SMALL, ...options } });

function withModel(options: object, use: (model: Model) => void): Promise<void> {
  const model = assembleModel({ ...tinyPlan(), model: { type: "deeplab-v2", plan: planned(options) } });
  try {
    tf.tidy(() => use(model));
  } finally {
    model.dispose();
  }
  return Promise.resolve();
}

const pixels = () => tf.randomNormal([1, 33, 41, 3], 0, 1, "float32", 1) as tf.Tensor4D;

backendTest(
  "native",
  "heads are taps with logits of their stage, the main one first",
  () =>
    withModel(
      { heads: { auxiliary: "layer3", second: "layer4" }, classifier_bias: true },
      ({ segmenter }) => {
        const { taps, logits } = segmenter.forward([pixels()], { training: false })[0]!;
        assert.deepEqual(taps["auxiliary"]!.shape, logits.shape);
        assert.deepEqual(taps["second"]!.shape, logits.shape);
        const of = (name: string) => segmenter.params.find((param) => param.name === name)!;
        const channels = (place: number) => of(`classifier.${place}.convs.3.0.weight`).value.shape[2];
        assert.deepEqual([channels(0), channels(1), channels(2)], [256, 128, 256]);
        assert.deepEqual(
          [0, 1, 2].map((place) => of(`classifier.${place}.convs.0.0.bias`).group),
          ["head", "head/auxiliary", "head/second"],
        );
        // Every head starts from numbers of its own.
        const [first, third] = [0, 2].map((place) =>
          of(`classifier.${place}.convs.0.0.weight`).value.dataSync()
        );
        assert.notDeepEqual(first, third);
      },
    ),
);

backendTest(
  "native",
  "a head that nobody reads is not computed",
  () =>
    withModel({ heads: { auxiliary: "layer3" } }, ({ segmenter }) => {
      const read = (taps: readonly string[]) =>
        segmenter.forward([pixels()], { training: false, taps })[0]!.taps["auxiliary"];
      assert.equal(read([]), undefined);
      assert.ok(read(["auxiliary"]));
    }),
);

Deno.test("the heads' taps and groups are known before there is a network", () => {
  const plan = planned({ heads: { auxiliary: "layer3" } });
  assert.deepEqual(plan.taps(5)["auxiliary"], {
    channels: 5,
    stride: 8,
    space: "real",
    head: "classifier.1.",
  });
  assert.ok(plan.groups!.includes("head/auxiliary"));
  const refused = (heads: object, message: string) =>
    assert.throws(
      () => planned({ heads }),
      (error) => error instanceof ConfigError && error.message === message,
    );
  refused({ layer3: "layer3" }, "options.heads.layer3: is a tap already; call the head something else");
  refused(
    { "2nd": "layer3" },
    "options.heads.2nd: expected a name of letters, digits, _ and -, as in auxiliary",
  );
});

backendTest(
  "native",
  "aspp_rates says how many branches there are",
  () =>
    withModel({ aspp_rates: [6, 12] }, ({ state }) => {
      const names = state.map(({ name }) => name).filter((name) => name.startsWith("classifier."));
      assert.deepEqual(names, ["classifier.0.convs.0.0.weight", "classifier.0.convs.1.0.weight"]);
    }),
);

backendTest(
  "native",
  "affine-frozen: the batch's statistics, weights and biases under their names and not trained",
  () =>
    withModel({ batch_norm: "affine-frozen" }, ({ segmenter, state }) => {
      assert.ok(segmenter.params.every(({ name }) => !/\.bn\d|downsample\.1/.test(name)));
      assert.ok(
        "backbone.bn1.weight" in segmenter.buffers &&
          "backbone.layer1.0.downsample.1.bias" in segmenter.buffers,
      );
      const plain = assembleModel({ ...tinyPlan(), model: { type: "deeplab-v2", plan: planned({}) } });
      try {
        const names = (model: Pick<Model, "state">) => model.state.map(({ name }) => name).sort();
        assert.deepEqual(names({ state }), names(plain));
        const images = pixels();
        const forward = (model: Pick<Model, "segmenter">) =>
          model.segmenter.forward([images], { training: true })[0]!;
        const [one, other] = [forward({ segmenter }), forward(plain)];
        assert.deepEqual(one.logits.dataSync(), other.logits.dataSync());
        assert.equal(one.updates!.length, other.updates!.length);
      } finally {
        plain.dispose();
      }
    }),
);

backendTest(
  "native",
  "blocks, the stem and downsampling are groups of their own, norms within",
  () =>
    withModel({}, ({ segmenter }) => {
      const groups = new Set(segmenter.params.map(({ group }) => group));
      assert.deepEqual([...groups].sort(), [
        "backbone/block",
        "backbone/block/norm",
        "backbone/downsample",
        "backbone/downsample/norm",
        "backbone/stem",
        "backbone/stem/norm",
        "head",
      ]);
      assert.deepEqual([...planned({}).groups!].sort(), [...groups].sort());
    }),
);
