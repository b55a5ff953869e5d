/** Layers: names, groups and first values of what they allocate, what they report, and who sees what. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Setup } from "../../../core/plugin.ts";
import { Random } from "../../../core/random.ts";
import { batchNorm, type Change } from "../../../ops/layers/batch_norm.ts";
import { classJudge } from "../../../ops/layers/class_judge.ts";
import { Companion, leakyRelu } from "../../../ops/layers/companion.ts";
import { convolutionLayer, depthwiseLayer } from "../../../ops/layers/convolution.ts";
import { discriminator, uniformByFanIn } from "../../../ops/layers/discriminator.ts";
import { drawnFactors, dropChannels, timesEach } from "../../../ops/layers/dropout.ts";
import { imageDecoder } from "../../../ops/layers/image_decoder.ts";
import { domainJudge, imageJudge } from "../../../ops/layers/judges.ts";
import { layerNormLayer } from "../../../ops/layers/layer_norm.ts";
import { linearLayer } from "../../../ops/layers/linear.ts";
import { patchHead, patchJudge } from "../../../ops/layers/patch_networks.ts";
import { CODE, privateEncoder } from "../../../ops/layers/private_encoder.ts";
import { layersIn, layersOf } from "../../../ops/layers/scope.ts";
import { normals } from "../../contracts/differences.ts";
import { backendTest, relative } from "../../goldens.ts";
import { looseLayers } from "../../mit.ts";

/** A setup that allocates for the test alone. */
const setupOf = (seed = 0, numClasses = 3): Setup => ({
  seed,
  numClasses,
  variable: (_, initial, trainable) => tf.variable(initial, trainable),
});

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

const maps = (...shape: [number, number, number, number]) =>
  tf.tensor4d(normals(shape.reduce((a, b) => a * b), 1, "maps"), shape);
const valuesOf = (of: { readonly value: tf.Variable } | undefined) => [...of!.value.dataSync()];

test("layersOf: names that begin with backbone. are in the group backbone, others in head, buffers in none", () => {
  const layers = layersOf(setupOf());
  layers.param("backbone.a", tf.zeros([1]));
  layers.param("backbones", tf.zeros([1]), "norm");
  layers.normal("backbone.b", [2, 3], 1, "block");
  const buffer = layers.buffer("backbone.c", tf.ones([2]));
  assert.deepEqual(layers.params.map(({ name, group }) => [name, group]), [
    ["backbone.a", "backbone"],
    ["backbones", "head/norm"],
    ["backbone.b", "backbone/block"],
  ]);
  assert.deepEqual(Object.keys(layers.buffers), ["backbone.c"]);
  assert.deepEqual([buffer.trainable, layers.params[0]!.value.trainable], [false, true]);
});

test("layersOf frees what it is given, and its numbers follow from the seed and the name alone", () => {
  const initial = tf.ones([2]);
  layersOf(setupOf()).param("a", initial);
  assert.ok(initial.isDisposed);
  const drawn = (seed: number, ...names: string[]) => {
    const layers = layersOf(setupOf(seed));
    for (const name of names) layers.normal(name, [4], 2);
    return valuesOf(layers.params.find(({ name }) => name === "a"));
  };
  assert.deepEqual(drawn(0, "a"), drawn(0, "b", "a"));
  assert.notDeepEqual(drawn(0, "a"), drawn(1, "a"));
  const random = Random.stream(0, "a");
  assert.deepEqual(drawn(0, "a"), Array.from({ length: 4 }, () => Math.fround(2 * random.normal())));
});

test("layersIn puts parameters into a part of their group, one part within the other, and leaves buffers", () => {
  const layers = layersOf(setupOf());
  const block = layersIn(layers, "block"), inner = layersIn(block, "attention");
  block.param("backbone.a", tf.zeros([1]));
  block.param("backbone.b", tf.zeros([1]), "norm");
  inner.normal("backbone.c", [1], 1, "norm");
  inner.normalFilter("d", [1, 1, 1, 1], 1);
  inner.buffer("e", tf.zeros([1]));
  assert.deepEqual(layers.params.map(({ group }) => group), [
    "backbone/block",
    "backbone/block/norm",
    "backbone/block/attention/norm",
    "head/block/attention",
  ]);
  assert.deepEqual(Object.keys(layers.buffers), ["e"]);
});

test("convolutionLayer and depthwiseLayer: shapes, deviations and biases as they say", () => {
  const layers = looseLayers();
  const plain = convolutionLayer(layers, ["a", 3, 4, 50], { padding: 1, stride: 2 });
  const bare = convolutionLayer(layers, ["b", 1, 4, 2], { bias: false, deviation: 0 });
  const depthwise = depthwiseLayer(layers, ["c", 60], { dilation: 3 });
  assert.deepEqual(layers.params.map(({ name, value }) => [name, value.shape]), [
    ["a.weight", [3, 3, 4, 50]],
    ["a.bias", [50]],
    ["b.weight", [1, 1, 4, 2]],
    ["c.weight", [3, 3, 1, 60]],
    ["c.bias", [60]],
  ]);
  const deviation = (k: number) =>
    Math.sqrt(
      valuesOf(layers.params[k]).reduce((sum, one) => sum + one ** 2, 0) / layers.params[k]!.value.size,
    );
  assert.ok(Math.abs(deviation(0) / Math.sqrt(2 / (9 * 50)) - 1) < 0.1);
  assert.ok(Math.abs(deviation(3) / Math.sqrt(2 / 9) - 1) < 0.1);
  assert.ok(valuesOf(layers.params[1]).every((value) => value === 0));
  assert.deepEqual(plain(maps(1, 5, 4, 4)).shape, [1, 3, 2, 50]);
  assert.ok(bare(maps(1, 5, 4, 4)).dataSync().every((value) => value === 0));
  assert.deepEqual(depthwise(maps(2, 4, 5, 60)).shape, [2, 4, 5, 60]);
  layers.params[4]!.value.assign(tf.ones([60]));
  const without = looseLayers();
  const none = depthwiseLayer(without, ["c", 60], { dilation: 3, bias: false });
  const shift = tf.sub(depthwise(maps(1, 4, 5, 60)), none(maps(1, 4, 5, 60))).dataSync();
  assert.ok(shift.every((value) => Math.abs(value - 1) < 1e-5));
});

test("linearLayer and layerNormLayer: matrices as PyTorch keeps them, norms in a part of their own", () => {
  const layers = looseLayers();
  const linear = linearLayer(layers, ["backbone.a", 3, 200]),
    bare = linearLayer(layers, ["b", 3, 2], { bias: false, deviation: 1 });
  const norm = layerNormLayer(layers, ["backbone.c", 4], 0.5);
  assert.deepEqual(layers.params.map(({ name, group, value }) => [name, group, value.shape]), [
    ["backbone.a.weight", "backbone", [200, 3]],
    ["backbone.a.bias", "backbone", [200]],
    ["b.weight", "head", [2, 3]],
    ["backbone.c.weight", "backbone/norm", [4]],
    ["backbone.c.bias", "backbone/norm", [4]],
  ]);
  const weights = valuesOf(layers.params[0]);
  const deviation = Math.sqrt(weights.reduce((sum, one) => sum + one ** 2, 0) / weights.length);
  assert.ok(Math.abs(deviation / 0.02 - 1) < 0.1, `${deviation}`);
  const [first] = valuesOf(layers.params[2]);
  assert.ok(Math.abs(bare(tf.tensor2d([[1, 0, 0]])).dataSync()[0]! - first!) < 1e-6);
  assert.deepEqual(linear(tf.zeros([2, 5, 3])).shape, [2, 5, 200]);
  // Of 1, -1, 1, -1 the variance is 1.
  const y = norm(tf.tensor2d([[1, -1, 1, -1]])).dataSync();
  assert.ok(y.every((value, k) => Math.abs(value - (k % 2 === 0 ? 1 : -1) / Math.sqrt(1.5)) < 1e-6));
});

test("batchNorm reports a tenth of each part's statistics, the variance unbiased, and changes nothing itself", () => {
  const layers = looseLayers();
  const norm = batchNorm(layers, ["n", 2]);
  const x = maps(3, 2, 3, 2), changes: (Omit<Change, "batch"> & { part: number; batch: number[] })[] = [];
  norm(x, {
    parts: [1, 2],
    record: (part, change) => changes.push({ ...change, part, batch: [...change.batch.dataSync()] }),
  });
  const { running_mean: mean, running_var: variance } = Object.fromEntries(
    Object.entries(layers.buffers).map(([name, value]) => [name.slice(2), value]),
  );
  assert.deepEqual(changes.map(({ part, variable }) => [part, variable]), [
    [0, mean],
    [0, variance],
    [1, mean],
    [1, variance],
  ]);
  assert.ok(changes.every(({ keep }) => keep === 0.9));
  const counts = [6, 6, 12, 12];
  changes.forEach(({ factor, batch }, k) => {
    const count = counts[k]!, unbiased = k % 2 === 1 ? count / (count - 1) : 1;
    assert.ok(Math.abs(factor - 0.1 * unbiased) < 1e-9);
    const part = tf.slice(x, [k < 2 ? 0 : 1, 0, 0, 0], [k < 2 ? 1 : 2, 2, 3, 2]);
    const expected = tf.moments(part, [0, 1, 2])[k % 2 === 0 ? "mean" : "variance"].dataSync();
    assert.ok(relative(batch, expected) < 1e-5);
  });
  assert.deepEqual([[...mean!.dataSync()], [...variance!.dataSync()]], [[0, 0], [1, 1]]);
  // A single pixel has no unbiased variance; it counts as it is.
  const single: number[] = [];
  norm(maps(1, 1, 1, 2), { parts: [1], record: (_, { factor }) => single.push(factor) });
  assert.deepEqual(single, [0.1, 0.1]);
});

test("batchNorm: without parts the running statistics are used, and nothing is reported", () => {
  const layers = looseLayers();
  const norm = batchNorm(layers, ["n", 1]);
  layers.buffers["n.running_mean"]!.assign(tf.tensor1d([2]));
  layers.buffers["n.running_var"]!.assign(tf.tensor1d([4]));
  const y = norm(tf.tensor4d([2, 6, 0], [1, 1, 3, 1]), { record: () => assert.fail("reported") }, {
    relu: true,
  });
  [0, 2, 0].forEach((one, k) => assert.ok(Math.abs(y.dataSync()[k]! - one) < 1e-4));
  assert.deepEqual(layers.params.map(({ group }) => group), ["head/norm", "head/norm"]);
});

test("batchNorm: weights that are not trained are buffers, with the same values", () => {
  const layers = looseLayers();
  batchNorm(layers, ["n", 2], { affine: false });
  assert.deepEqual(layers.params, []);
  assert.deepEqual(
    Object.entries(layers.buffers).map(([name, value]) => [name, ...value.dataSync()]),
    [["n.weight", 1, 1], ["n.bias", 0, 0], ["n.running_mean", 0, 0], ["n.running_var", 1, 1]],
  );
});

test("drawnFactors: a part draws from its own stream, and nothing is drawn in evaluation or of nothing", () => {
  const pass = (...images: number[]) => ({
    random: { images, streams: images.map((_, k) => Random.stream(1, `part ${k}`)) },
  });
  assert.equal(drawnFactors(3, 0.5, {}), undefined);
  assert.equal(drawnFactors(3, 0, pass(2)), undefined);
  const both = [...drawnFactors(3, 0.5, pass(2, 4))!];
  assert.equal(both.length, 18);
  assert.deepEqual(both.slice(0, 6), [...drawnFactors(3, 0.5, pass(2, 1))!].slice(0, 6));
  assert.ok(both.every((factor) => factor === 0 || factor === 2));
  const random = Random.stream(1, "part 0");
  assert.deepEqual(both.slice(0, 6), Array.from({ length: 6 }, () => random.next() < 0.5 ? 0 : 2));
});

test("dropChannels and timesEach: whole channels of an image, or whole images, by one factor", () => {
  const x = tf.ones([2, 3, 4, 5]) as tf.Tensor4D;
  const pass = { random: { images: [2], streams: [Random.stream(4, "drop")] } };
  const y = dropChannels(x, 0.5, pass).arraySync() as number[][][][];
  const factors = drawnFactors(5, 0.5, { random: { images: [2], streams: [Random.stream(4, "drop")] } })!;
  y.forEach((image, n) =>
    image.flat().forEach((pixel) => assert.deepEqual(pixel, [...factors.slice(5 * n, 5 * n + 5)]))
  );
  assert.equal(dropChannels(x, 0.5, {}), x);
  assert.equal(timesEach(x, undefined), x);
  const each = timesEach(tf.ones([3, 2]), Float32Array.of(2, 0, 1));
  assert.deepEqual([...each.dataSync()], [2, 2, 0, 0, 1, 1]);
  assert.deepEqual(timesEach(x, Float32Array.of(1, 3)).shape, [2, 3, 4, 5]);
});

test("uniformByFanIn and leakyRelu: within 1 / sqrt(fan in), and a fifth of what is negative", () => {
  const values = uniformByFanIn(Random.stream(0, "a"), [20, 30], 16).dataSync();
  assert.ok(values.every((value) => Math.abs(value) <= 0.25));
  assert.ok(Math.max(...values) > 0.2 && Math.min(...values) < -0.2);
  const y = leakyRelu(tf.tensor1d([-5, 0, 3])).dataSync();
  [-1, 0, 3].forEach((one, k) => assert.ok(Math.abs(y[k]! - one) < 1e-6));
});

test("Companion: parameters in the order of making, with prefix, group and bounds; a layer changes no other", () => {
  const make = (extra: boolean) => {
    const layers = new Companion(setupOf(3), "net.");
    if (extra) layers.linear("other", [2, 2]);
    layers.convolution("c", { side: 3, input: 4, output: 5, padding: 1 });
    layers.transposedConvolution("t", { side: 4, input: 4, output: 6, stride: 2 });
    layers.linear("l", [9, 2]);
    layers.imageLayerNorm("n", 3);
    return layers.params;
  };
  const params = make(false);
  assert.deepEqual(params.map(({ name, group, value }) => [name, group, value.shape]), [
    ["net.c.weight", "companion", [3, 3, 4, 5]],
    ["net.c.bias", "companion", [5]],
    ["net.t.weight", "companion", [4, 4, 6, 4]],
    ["net.l.weight", "companion", [2, 9]],
    ["net.l.bias", "companion", [2]],
    ["net.n.gamma", "companion", [3]],
    ["net.n.beta", "companion", [3]],
  ]);
  const bounds = [1 / 6, 1 / 6, 1 / Math.sqrt(96), 1 / 3, 1 / 3];
  bounds.forEach((bound, k) => {
    const values = valuesOf(params[k]).map(Math.abs);
    assert.ok(Math.max(...values) <= bound && Math.max(...values) > bound / 2, params[k]!.name);
  });
  assert.ok(valuesOf(params[5]).every((gamma) => gamma >= 0 && gamma < 1));
  assert.deepEqual(make(true).slice(2).map(valuesOf), params.map(valuesOf));
});

test("Companion: convolutions add their bias, and without one there is none", () => {
  const layers = new Companion(setupOf());
  const biased = layers.convolution("a", { side: 1, input: 1, output: 2 });
  const bare = layers.convolution("b", { side: 1, input: 1, output: 2, bias: false });
  const zero = tf.zeros([1, 1, 1, 1]) as tf.Tensor4D;
  assert.deepEqual([...biased(zero).dataSync()], valuesOf(layers.params[1]));
  assert.deepEqual([...bare(zero).dataSync()], [0, 0]);
  assert.deepEqual(layers.params.map(({ name }) => name), ["a.weight", "a.bias", "b.weight"]);
  const linear = layers.linear("c", [2, 3]);
  assert.deepEqual([...linear(tf.zeros([1, 2])).dataSync()], valuesOf(layers.params.at(-1)));
});

test("discriminator: halves maps at every convolution, rounding down, and judges patch by patch", () => {
  const { params, smallest, judge } = discriminator(setupOf(), { input: 3, channels: [4, 5, 1] });
  assert.equal(smallest, 8);
  assert.deepEqual(judge(maps(2, 17, 23, 3)).shape, [2, 2, 2, 1]);
  assert.deepEqual(params.map(({ name, value }) => [name, value.shape]), [
    ["0.weight", [4, 4, 3, 4]],
    ["0.bias", [4]],
    ["1.weight", [4, 4, 4, 5]],
    ["1.bias", [5]],
    ["2.weight", [4, 4, 5, 1]],
    ["2.bias", [1]],
  ]);
  // The last convolution's result is the score itself, however negative.
  params[4]!.value.assign(tf.zeros([4, 4, 5, 1]));
  params[5]!.value.assign(tf.tensor1d([-1]));
  assert.deepEqual([...judge(maps(1, 8, 8, 3)).dataSync()], [-1]);
});

test("imageJudge and domainJudge: scores of a sixteenth of the sides, one more for domains", () => {
  const image = imageJudge(setupOf(), { input: 3, width: 2 }),
    domain = domainJudge(setupOf(), { input: 3, width: 2 });
  assert.deepEqual([image.smallest, domain.smallest], [16, 16]);
  assert.deepEqual(image.judge(maps(1, 33, 50, 3)).shape, [1, 2, 3, 1]);
  assert.deepEqual(domain.judge(maps(1, 33, 50, 3)).shape, [1, 3, 4, 1]);
  // Only the last convolution has a bias.
  for (const { params } of [image, domain]) {
    assert.deepEqual(params.map(({ name }) => name), [
      ...[0, 1, 2, 3].map((k) => `${k}.conv.weight`),
      "out.weight",
      "out.bias",
    ]);
    assert.deepEqual(params.map(({ value }) => value.shape.at(-1)), [2, 4, 8, 16, 1, 1]);
  }
});

test("imageJudge looks at each image by itself: others of the batch change no score", () => {
  const { judge } = imageJudge(setupOf(), { input: 3, width: 2 });
  const both = maps(2, 32, 32, 3);
  const alone = judge(tf.slice(both, [0, 0, 0, 0], [1, 32, 32, 3])).dataSync();
  assert.ok(relative(tf.slice(judge(both), [0, 0, 0, 0], [1, -1, -1, -1]).dataSync(), alone) < 1e-5);
});

test("classJudge: a branch sees the features of its class, and nothing of other classes", () => {
  const { judge, params } = classJudge(setupOf(), { input: 4, width: 3 });
  assert.equal(params.length, 2 + 3 * 6);
  const features = maps(1, 8, 8, 4);
  const masks = tf.tidy(() => {
    const left = tf.cast(tf.less(tf.range(0, 8), 4), "float32");
    const half = tf.tile(tf.reshape(left, [1, 1, 8, 1]), [1, 8, 1, 1]);
    return tf.concat([half, tf.sub(1, half), tf.zerosLike(half)], 3);
  }) as tf.Tensor4D;
  const scores = judge(features, masks);
  assert.deepEqual(scores.shape, [1, 2, 2, 3]);
  // The right half changes: the class of the left one, and the absent one, notice nothing.
  const changed = tf.concat(
    [tf.slice(features, [0, 0, 0, 0], [1, 8, 4, 4]), tf.fill([1, 8, 4, 4], 9)],
    2,
  ) as tf.Tensor4D;
  const after = judge(changed, masks);
  const of = (x: tf.Tensor, id: number) => [...tf.slice(x, [0, 0, 0, id], [1, 2, 2, 1]).dataSync()];
  assert.deepEqual(of(after, 0), of(scores, 0));
  assert.notDeepEqual(of(after, 1), of(scores, 1));
  assert.deepEqual(of(after, 2), of(scores, 2));
});

test("patchHead and patchJudge: 1x1 convolutions, so that a cell sees itself alone", () => {
  const head = patchHead(setupOf(), { input: 3, width: 5, clusters: 7 }),
    opponent = patchJudge(setupOf(), { input: 7 });
  const cells = maps(1, 2, 3, 3);
  const modes = head.classify(cells);
  assert.deepEqual([modes.shape, opponent.judge(modes).shape], [[1, 2, 3, 7], [1, 2, 3, 1]]);
  assert.deepEqual(opponent.params.map(({ value }) => value.shape.at(-1)), [256, 256, 512, 512, 1, 1]);
  const first = tf.slice(cells, [0, 0, 0, 0], [1, 1, 1, 3]);
  assert.ok(
    relative(head.classify(first).dataSync(), tf.slice(modes, [0, 0, 0, 0], [1, 1, 1, 7]).dataSync()) < 1e-5,
  );
  assert.ok([...head.params, ...opponent.params].every(({ name }) => /^(head|judge)\.\d\./.test(name)));
});

test("privateEncoder: eight numbers of an image, whatever its size", () => {
  const { encode, params } = privateEncoder(setupOf(), { prefix: "p.", input: 3, width: 2 });
  for (const [h, w] of [[32, 32], [40, 65]] as const) {
    assert.deepEqual(encode(maps(2, h, w, 3)).shape, [2, CODE]);
  }
  assert.deepEqual(params.map(({ value }) => value.shape.at(-1)), [
    ...[2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8],
    CODE,
    CODE,
  ]);
  assert.ok(params.every(({ name }) => name.startsWith("p.")));
});

test("imageDecoder: sides of 8 h - 8, values in [-1, 1]; structure, texture and domain all show", () => {
  const { decode } = imageDecoder(setupOf(), { structure: 3, width: 2 });
  const structure = maps(1, 3, 4, 3), texture = tf.tensor2d(normals(CODE, 2, "texture"), [1, CODE]);
  const image = (more: object = {}) => decode({ structure, texture, domain: 0, ...more });
  const plain = image();
  assert.deepEqual(plain.shape, [1, 16, 24, 3]);
  assert.ok(plain.dataSync().every((value) => Math.abs(value) <= 1));
  const changes = [{ domain: 1 }, { texture: tf.neg(texture) }, { structure: tf.neg(structure) }];
  for (const change of changes) assert.ok(relative(image(change).dataSync(), plain.dataSync()) > 1e-3);
  assert.throws(() => image({ structure: maps(1, 1, 4, 3) }), {
    name: "UserError",
    message: "maps of 1x4 pixels cannot be padded with 1 of their own: expected larger ones",
  });
});
