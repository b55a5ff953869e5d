/** The recorded networks of DISE. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Param, Setup } from "../../core/plugin.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { misjudged } from "../../ops/discrimination.ts";
import type { Discriminator } from "../../ops/layers/discriminator.ts";
import { imageDecoder } from "../../ops/layers/image_decoder.ts";
import { domainJudge, imageJudge } from "../../ops/layers/judges.ts";
import { privateEncoder } from "../../ops/layers/private_encoder.ts";
import { withGradients } from "../goldens.ts";
import { equalsRecorded, fillWith, type MethodCase, methodCases, norms, read } from "../methods.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";

interface NetworkCase extends MethodCase {
  readonly width: number;
  readonly domain: 0 | 1;
}

const setup: Setup = {
  seed: 1,
  numClasses: 5,
  variable: (_, initial, trainable) => tf.variable(initial, trainable),
};

const channels = (of: NetworkCase, key: string) => of.tensors[key]![1]!;

/** Fills parameters by the case's formula; their order is the recorded one. */
function filled(one: NetworkCase, params: readonly Param[]): tf.Variable[] {
  const weights = one.formula_weights!["net"]!;
  assert.deepEqual(params.map(({ name }) => name), Object.keys(weights.shapes));
  fillWith(weights, params);
  return params.map(({ value }) => value);
}

interface Run {
  readonly params: readonly Param[];
  readonly inputs: readonly string[];
  readonly f: (...xs: tf.Tensor[]) => tf.Tensor;
  /** Of the gradients' names: `image` for `gimage`. */
  readonly output: string;
}

/** The value, and the gradients of inputs and weights for the recorded `gy`. */
async function compare(one: NetworkCase, { params, inputs, f, output }: Run): Promise<void> {
  const values = filled(one, params);
  const xs = inputs.map((key) => read(one, key));
  const { value, grads } = withGradients(
    (...all) => f(...all.slice(0, xs.length)),
    [...xs, ...values],
    read(one, "gy"),
  );
  await equalsRecorded(one, output, { actual: value });
  for (const [k, key] of inputs.entries()) await equalsRecorded(one, `g${key}`, { actual: grads[k]! });
  await compareNorms(one, grads.slice(xs.length), params);
}

/** Biases before a batch-norm have no gradient but rounding, so they are compared with the largest norm. */
async function compareNorms(
  one: NetworkCase,
  grads: readonly tf.Tensor[],
  params: readonly Param[],
): Promise<void> {
  const found = await norms(grads).data(), expected = await read(one, "gw_norms").data();
  const largest = Math.max(...expected);
  params.forEach(({ name }, k) => {
    const error = Math.abs(found[k]! - expected[k]!);
    assert.ok(
      error <= 1e-4 * Math.max(expected[k]!, largest * 1e-2),
      `${one.name}, ${name}: ${found[k]}, ${expected[k]}`,
    );
  });
}

/** An opponent's own loss with its weights' gradients, and the term's with that of what is judged. */
async function compareJudge(one: NetworkCase, { params, judge }: Discriminator, { by, own }: {
  readonly by: "ls" | "bce";
  readonly own: () => tf.Scalar;
}): Promise<void> {
  const wrong = (x: tf.Tensor) => tf.mean(misjudged(judge(x as tf.Tensor4D), { label: 1, by })) as tf.Scalar;
  const [judged] = Object.keys(one.tensors);
  const term = withGradients((x) => wrong(x!), [read(one, judged!)]);
  await equalsRecorded(one, `g${judged}`, { actual: term.grads[0]! });
  if ("fake" in one.tensors) await equalsRecorded(one, "g_loss_fake", { actual: wrong(read(one, "fake")) });
  const { value, grads } = withGradients(own, params.map((param) => param.value));
  await equalsRecorded(one, "d_loss", { actual: value });
  await compareNorms(one, grads, params);
}

/** Cases that other files hold. */
const ELSEWHERE = ["dise/perceptual"];

const CASES: Readonly<Record<string, (one: NetworkCase) => Promise<void>>> = {
  async private_encoder(one) {
    const { params, encode } = privateEncoder(setup, { input: channels(one, "x"), width: one.width });
    await compare(one, { params, inputs: ["x"], f: (x) => encode(x as tf.Tensor4D), output: "code" });
  },
  async decoder(one) {
    const { params, decode } = imageDecoder(setup, {
      structure: channels(one, "structure"),
      width: one.width,
    });
    const f = (structure: tf.Tensor, texture: tf.Tensor) =>
      decode({ structure: structure as tf.Tensor4D, texture: texture as tf.Tensor2D, domain: one.domain });
    await compare(one, { params, inputs: ["structure", "texture"], f, output: "image" });
  },
  async image_discriminator(one) {
    const made = imageJudge(setup, { input: channels(one, "x"), width: one.width });
    const { judge } = made;
    filled(one, made.params);
    await equalsRecorded(one, "y", { actual: judge(read(one, "x") as tf.Tensor4D) });
    const error = (key: string, label: 0 | 1) =>
      tf.mul(0.5, tf.mean(misjudged(judge(read(one, key) as tf.Tensor4D), { label, by: "ls" })));
    await compareJudge(one, made, { by: "ls", own: () => tf.add(error("x", 1), error("fake", 0)) });
  },
  async cross_entropy(one) {
    const labels = read<tf.Tensor3D>(one, "labels");
    const { value, grads } = withGradients((z) => crossEntropy(z as tf.Tensor4D, { labels }, "all"), [
      read(one, "z"),
    ]);
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gz", { actual: grads[0]! });
  },
  async domain_classifier(one) {
    const made = domainJudge(setup, { input: channels(one, "z"), width: one.width });
    const { judge } = made;
    filled(one, made.params);
    const own = () => {
      const halves = tf.split(judge(tf.softmax(read<tf.Tensor4D>(one, "z"))), 2);
      const wrong = halves.map((half, k) => tf.mean(misjudged(half, { label: k === 0 ? 1 : 0 })));
      return tf.add(wrong[0]!, wrong[1]!) as tf.Scalar;
    };
    await equalsRecorded(one, "y", { actual: judge(tf.softmax(read<tf.Tensor4D>(one, "z"))) });
    await compareJudge(one, { ...made, judge: (z) => judge(tf.softmax(z)) }, {
      by: "bce",
      own,
    });
  },
};

for (const one of methodCases<NetworkCase>("dise/")) {
  const check = Object.entries(CASES).find(([begins]) => one.name.startsWith(`dise/${begins}`))?.[1];
  if (ELSEWHERE.includes(one.name)) continue;
  assert.ok(check, `nothing checks ${one.name}`);
  alsoOnTensorflow("native", `${one.name} equals the recorded values`, () => check(one));
}
