/** The recorded perceptual losses, by the network that they are computed with. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { featureDistance, type Features, textureDistance } from "../../ops/perceptual.ts";
import { assembleModel } from "../../train/assemble.ts";
import { withGradients } from "../goldens.ts";
import { equalsRecorded, fillWith, methodCase, read } from "../methods.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { tinyPlan } from "../train/fakes.ts";

const one = methodCase("dise/perceptual");
const weights = one.formula_weights!["net"]!;
const names = Object.keys(weights.shapes);

/** Of what METHODS call layers 1 to 5. */
const WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1];

/** The recorded network; its convolutions are numbered, ours as torchvision's. */
function network() {
  const blocks = [0, 2, 4, 8, 12];
  const channels = blocks.map((k) => weights.shapes[`${k}.weight`]![0]!);
  const plan = builtins().plan("model", { type: "vgg19", options: { channels } });
  const model = assembleModel({ ...tinyPlan(), model: { type: "vgg19", plan } });
  fillWith(weights, model.segmenter.params.map(({ value }, k) => ({ name: names[k]!, value })));
  const taps = Object.keys(plan.taps(5));
  const features = (x: tf.Tensor): Features => {
    const [view] = model.segmenter.forward([x as tf.Tensor4D], { training: false });
    return taps.map((tap) => view!.taps[tap]!);
  };
  return { model, features };
}

alsoOnTensorflow(
  "native",
  "dise/perceptual equals the recorded values, with gradients to the image",
  async () => {
    const { model, features } = network();
    const [y, texture] = [features(read(one, "y")), features(read(one, "texture"))];
    const part = (all: Features, from: number, to?: number) => all.slice(from, to);
    const reconstruction = withGradients((x) => featureDistance(features(tf.mul(x!, 1)), y, WEIGHTS), [
      tf.variable(read(one, "x")),
    ]);
    await equalsRecorded(one, "loss", { actual: reconstruction.value });
    await equalsRecorded(one, "gx", { actual: reconstruction.grads[0]! });
    const translation = withGradients((x) => {
      const own = features(tf.mul(x!, 1));
      return tf.add(
        textureDistance(part(own, 0, 3), part(texture, 0, 3), [1, 1, 1]),
        featureDistance(part(own, 3), part(y, 3), WEIGHTS.slice(3)),
      );
    }, [tf.variable(read(one, "x"))]);
    await equalsRecorded(one, "translation_loss", { actual: translation.value });
    await equalsRecorded(one, "translation_gx", { actual: translation.grads[0]! });
    const own = features(read(one, "x"));
    await equalsRecorded(one, "slice_means", { actual: tf.stack(own.map((map) => tf.mean(map))) });
    model.dispose();
  },
);

Deno.test("vgg19 has torchvision's names up to the last tap, and labels nothing", () => {
  const plan = builtins().plan("model", "vgg19");
  const model = assembleModel({ ...tinyPlan(), model: { type: "vgg19", plan } });
  const places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28];
  assert.deepEqual(
    model.segmenter.params.map(({ name }) => name),
    places.flatMap((place) => [`features.${place}.weight`, `features.${place}.bias`]),
  );
  assert.deepEqual(Object.values(plan.taps(19)).map(({ channels, stride }) => [channels, stride]), [
    [64, 1],
    [128, 2],
    [256, 4],
    [512, 8],
    [512, 16],
  ]);
  assert.throws(() => model.segmenter.classify(tf.zeros([1, 1, 1, 512])), {
    message: "vgg19 labels nothing: it is for networks, not for model",
  });
  model.dispose();
});
