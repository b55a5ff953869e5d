/** What terms promise beside their recorded values: ranges, invariances, what they hand over, and what they refuse. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { ConfigError } from "../../core/errors.ts";
import type { LossPlan, Segmenter, StepContext, StreamView } from "../../core/plugin.ts";
import { logitsNeed, readLogits } from "../../losses/read_logits.ts";
import { wholeGrid } from "../../losses/patch_clusters.ts";
import { turnOptions } from "../../losses/opponent.ts";
import { contextOf } from "../contexts.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative, withGradients } from "../goldens.ts";
import { termOf, viewOf } from "./terms.ts";

const registry = builtins();
const K = 3, SIZE = [4, 5] as const;

function test(name: string, run: () => void): void {
  backendTest("cpu", name, () => Promise.resolve(tf.tidy(() => void run())));
}

const maps = (name: string, n = 2, [h, w] = SIZE as readonly [number, number], c = K) =>
  tf.tensor4d(normals(n * h * w * c, 1, name), [n, h, w, c]);
const labelsOf = (values: (k: number) => number, n = 2) =>
  tf.tensor3d(Array.from({ length: n * SIZE[0] * SIZE[1] }, (_, k) => values(k)), [n, ...SIZE], "int32");
const number = (x: tf.Tensor) => x.dataSync()[0]!;

/** Both domains with these logits; the source is labelled 0, 1, 2, 0, ... */
function context(source: tf.Tensor4D, target = source, more: Partial<StreamView> = {}): StepContext {
  const view = (main: tf.Tensor4D) => ({ ...viewOf({ main, size: SIZE }), ...more });
  return contextOf({ source: { ...view(source), labels: labelsOf((k) => k % K) }, target: view(target) });
}

function refusal(type: string, options: object): string {
  try {
    registry.plan("loss", { type, options }, ["losses", 0]);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail(`${type} takes ${JSON.stringify(options)}`);
}

Deno.test("logitsNeed declares what readLogits reads, for either head and resolution", () => {
  const at = ["losses", 0];
  assert.deepEqual(logitsNeed({ stream: "a", tap: "logits", resolution: "labels" }, at), {
    stream: "a",
    labelResolution: true,
    at: ["losses", 0, "stream"],
  });
  assert.deepEqual(logitsNeed({ stream: "a", tap: "auxiliary", resolution: "features" }, at), {
    stream: "a",
    taps: [{ name: "auxiliary", logits: true, labelResolution: false, at: ["losses", 0, "tap"] }],
    at: ["losses", 0, "stream"],
  });
});

test("readLogits: the chosen head's maps, as they are or at the labels' size", () => {
  const view = viewOf({ main: maps("main"), auxiliary: maps("auxiliary"), size: [8, 10] });
  const of = (tap: string, resolution: "features" | "labels") => readLogits(view, { tap, resolution });
  assert.equal(of("logits", "features"), view.logits);
  assert.equal(of("logits", "labels"), view.upsampled);
  assert.equal(of("auxiliary", "features"), view.taps["auxiliary"]);
  assert.equal(of("auxiliary", "labels"), view.upsampledTaps!["auxiliary"]);
});

test("entropy: in [0, 1], the same for classes in another order, and least for sure predictions", () => {
  const term = termOf("entropy", { numClasses: K });
  const of = (z: tf.Tensor4D) => number(term.compute(context(z)).loss);
  const z = maps("entropy");
  assert.ok(of(z) > 0 && of(z) < 1);
  assert.ok(Math.abs(of(tf.reverse(z, 3)) - of(z)) < 1e-6);
  assert.ok(of(tf.mul(z, 50)) < of(z) && Math.abs(of(tf.zerosLike(z)) - 1) < 1e-6);
  assert.ok(Math.abs(of(tf.add(z, 7)) - of(z)) < 1e-5, "a constant more changes no probability");
});

test("maximum-squares: in [-1/2, -1/(2K)], and by hand for each form and weighting", () => {
  const of = (options: object, z: tf.Tensor4D) =>
    number(termOf("maximum-squares", { numClasses: K, ...options }).compute(context(z)).loss);
  const sure = tf.mul<tf.Tensor4D>(maps("squares"), 500), even = tf.zeros([2, ...SIZE, K]) as tf.Tensor4D;
  assert.ok(Math.abs(of({}, even) + 1 / (2 * K)) < 1e-6);
  assert.ok(of({}, sure) < -0.45 && of({}, sure) >= -0.5 - 1e-6);
  assert.ok(Math.abs(of({ form: "released" }, even) + 1 / (2 * K * K)) < 1e-6);
  assert.ok(
    Math.abs(of({ image_weighted: true, ratio: 0 }, even) - of({}, even)) < 1e-6,
    "ratio 0 weighs alike",
  );
  // One image: three pixels of class 0, one of class 1, all certain.
  const z = tf.mul(tf.oneHot(tf.tensor3d([0, 0, 1, 0], [1, 2, 2], "int32"), K), 200) as tf.Tensor4D;
  const view = viewOf({ main: z, size: [2, 2] });
  const one = contextOf({ source: { ...view, labels: tf.zeros([1, 2, 2], "int32") }, target: view });
  for (const ratio of [0.2, 0.5, 1]) {
    const expected = -0.5 * (3 / (3 ** ratio * 4 ** (1 - ratio)) + 1 / 4 ** (1 - ratio));
    const found = number(
      termOf("maximum-squares", { numClasses: K, image_weighted: true, ratio }).compute(one).loss,
    );
    assert.ok(Math.abs(found - expected) < 1e-5, `${ratio}: ${found}, ${expected}`);
    const released = termOf("maximum-squares", {
      numClasses: K,
      image_weighted: true,
      ratio,
      form: "released",
    });
    assert.ok(Math.abs(number(released.compute(one).loss) - 2 * expected / K) < 1e-5);
  }
});

test("label-smoothing: the sum of source's and target's, whatever the labels", () => {
  const term = termOf("label-smoothing", { numClasses: K, lambda: 2 });
  const [a, b] = [maps("a"), maps("b")];
  const of = (one: tf.Tensor4D, other: tf.Tensor4D) => number(term.compute(context(one, other)).loss);
  assert.ok(Math.abs(of(a, b) - (of(a, a) + of(b, b)) / 2) < 1e-6);
  assert.ok(Math.abs(of(a, b) - of(b, a)) < 1e-6);
});

test("self-guidance: the further head learns the class of both heads' mean where one of them is sure", () => {
  const z = (...odds: readonly number[]) =>
    tf.tensor4d(odds.flatMap((one) => [one, 0, -99]), [1, 1, odds.length, 3]);
  // The main head is sure of class 0, both are unsure, the further one is sure of class 1.
  const main = z(6, 0.1, 1), auxiliary = z(-1, 0.1, -6);
  const view = viewOf({ main, auxiliary, size: [1, 3] });
  const labels = tf.zeros([1, 1, 3], "int32") as tf.Tensor3D;
  const term = termOf("self-guidance", { numClasses: 3, threshold: 0.9 });
  const found = number(term.compute(contextOf({ source: { ...view, labels }, target: view })).loss);
  const expected = (Math.log1p(Math.exp(1)) + Math.log1p(Math.exp(-6))) / 2;
  assert.ok(Math.abs(found - expected) < 1e-5, `${found}, ${expected}`);
  assert.match(
    refusal("self-guidance", { tap: "logits" }),
    /^losses\[0\]\.options\.tap: is the main head; expected a further one/,
  );
});

test("adversarial: the opponent gets both domains' maps as it sees them, and its labels are exchanged by source_label", () => {
  const z = maps("z", 1, [32, 32]);
  const view = viewOf({ main: z, size: [32, 32] });
  const both = contextOf({ source: { ...view, labels: tf.zeros([1, 32, 32], "int32") }, target: view });
  const softmax = termOf("adversarial", { numClasses: K }).compute(both);
  assert.deepEqual(Object.keys(softmax.handoff!), ["source", "target"]);
  assert.ok(relative(softmax.handoff!["target"]!.dataSync(), tf.softmax(z).dataSync()) < 1e-6);
  const information = termOf("adversarial", { numClasses: K, map: "self-information" }).compute(both);
  const p = tf.softmax(z);
  const expected = tf.div(tf.mul(p, tf.log(p)), -Math.log(K)).dataSync();
  assert.ok(relative(information.handoff!["source"]!.dataSync(), expected) < 1e-5);
  // Where both domains are alike, opponent and term are at a loss: the same errors, with labels exchanged.
  for (const source_label of [0, 1]) {
    const term = termOf("adversarial", { numClasses: K, source_label });
    const { loss, handoff } = term.compute(both);
    const own = term.owners!["discriminator"]!.compute!(handoff!, { world: both.world }).loss;
    const other = number(
      termOf("adversarial", { numClasses: K, source_label: 1 - source_label }).compute(both).loss,
    );
    assert.ok(Math.abs(number(own) - (number(loss) + other) / 2) < 1e-5);
  }
});

test("realism: the term takes made images for real, the opponent halves both errors; made images get a gradient", () => {
  const term = termOf("realism", { numClasses: K, made: "made", real: "real", width: 2 });
  const [a, b] = [maps("a", 1, [32, 32], 3), maps("b", 1, [32, 32], 3)];
  const of = (made: tf.Tensor4D) =>
    term.compute({ ...context(maps("z")), images: (stream) => ({ pixels: stream === "made" ? made : b }) });
  const { value, grads } = withGradients((x) => of(x as tf.Tensor4D).loss, [a]);
  assert.ok(grads[0]!.dataSync().some((slope) => slope !== 0));
  assert.deepEqual(of(a).handoff, { made: a, real: b });
  const { compute } = term.owners!["discriminator"]!;
  const own = (made: tf.Tensor, real: tf.Tensor) =>
    2 * number(compute!({ made, real }, { world: context(maps("z")).world }).loss);
  // Its error is that of real images, which the term has of made ones, and that of made ones against 0.
  const taken = (images: tf.Tensor4D) => number(of(images).loss);
  assert.ok(Math.abs(number(value) - taken(a)) < 1e-6);
  assert.ok(Math.abs(own(a, b) - own(a, a) - (taken(b) - taken(a))) < 1e-5);
  assert.ok(Math.abs(own(a, b) + own(b, a) - own(a, a) - own(b, b)) < 1e-5);
  assert.ok(Math.abs(own(a, a) - own(b, a)) > 1e-5);
});

test("perceptual: of equal images 0, with each tap by its weight; a texture is compared in the first taps", () => {
  const taps = ["relu1_1", "relu2_1"];
  const options = { numClasses: K, taps, weights: [2, 3], made: "made", structure: "structure" };
  const features: Record<string, tf.Tensor4D[]> = {
    made: [tf.fill([1, 2, 2, 1], 1), tf.fill([1, 1, 1, 2], 5)],
    structure: [tf.tensor4d([0, 0, 1, 1], [1, 2, 2, 1]), tf.fill([1, 1, 1, 2], 4)],
    texture: [tf.tensor4d([1, 3], [1, 1, 2, 1]), tf.fill([1, 1, 1, 2], 9)],
  };
  const of = (more: object, made = "made") => {
    const view = (stream: string) => {
      const all = features[stream === "made" ? made : stream]!;
      return { logits: all[0]!, taps: Object.fromEntries(taps.map((tap, k) => [tap, all[k]!])) };
    };
    return number(
      termOf("perceptual", { ...options, ...more }).compute({ ...context(maps("z")), view }).loss,
    );
  };
  assert.equal(of({}), 2 * 0.5 + 3 * 1);
  assert.equal(of({}, "structure"), 0);
  assert.equal(of({ texture: "texture", texture_layers: 1 }), 2 * 1 + 3 * 1);
  assert.equal(of({ texture: "texture", texture_layers: 2 }), 2 * 1 + 3 * 4);
});

Deno.test("perceptual: a weight for each tap, and not more texture layers than taps", () => {
  assert.equal(
    refusal("perceptual", { taps: ["a", "b"], weights: [1] }),
    "losses[0].options.weights: expected a weight for each of the 2 taps, got 1",
  );
  assert.equal(
    refusal("perceptual", { taps: ["a"], weights: [1], texture: "target", texture_layers: 2 }),
    "losses[0].options.texture_layers: expected at most 1, as many as there are taps",
  );
  const plan = registry.plan("loss", { type: "perceptual", options: { texture: "target" } });
  assert.deepEqual(plan.needs.views!.map(({ stream, by, flows }) => [stream, by, flows]), [
    ["translated", "perceptual", true],
    ["source", "perceptual", undefined],
    ["target", "perceptual", undefined],
  ]);
});

test("weight-discrepancy: 2 for equal heads, 0 for opposite ones; heads of other sizes and none are refused", () => {
  const param = (name: string, values: number[]) => ({
    name,
    group: "head",
    value: tf.variable(tf.tensor1d(values)),
  });
  const of = (...params: ReturnType<typeof param>[]) => {
    const read: readonly Segmenter["params"][number][] = params;
    return number(
      termOf("weight-discrepancy", { numClasses: K }).compute({
        ...context(maps("z")),
        parameters: () => read,
      }).loss,
    );
  };
  const [a, b] = [param("classifier.0.a", [1, 2]), param("classifier.0.b", [3])];
  assert.ok(Math.abs(of(a, b, param("classifier.1.a", [2, 4]), param("classifier.1.b", [6])) - 2) < 1e-6);
  assert.ok(Math.abs(of(a, b, param("classifier.1.a", [-1, -2, -3]))) < 1e-6);
  assert.throws(() => of(a, b, param("classifier.1.a", [1])), {
    message: '"auxiliary" has 1 weights and "logits" 3; expected heads of one shape, on one stage',
  });
  assert.throws(() => of(a, b), {
    message: 'the network has no parameter whose name begins with "classifier.1."',
  });
  const plan: LossPlan = registry.plan("loss", "weight-discrepancy");
  const setup = {
    seed: 0,
    numClasses: K,
    taps: {},
    classes: [],
    alignCorners: false,
    variable: () => assert.fail("owns nothing"),
  };
  assert.throws(() => plan.create(setup), {
    message: 'the model does not say which parameters make "auxiliary"',
  });
});

test("statistics: a constant 0 of a view that is asked for all the same", () => {
  const plan = registry.plan("loss", { type: "statistics", options: { stream: "third" } }, ["losses", 0]);
  assert.deepEqual(plan.needs, { views: [{ stream: "third", at: ["losses", 0, "options", "stream"] }] });
  assert.equal(number(termOf("statistics", { numClasses: K }).compute(context(maps("z"))).loss), 0);
});

test("class-shares: until classes are counted, every class has the same share", () => {
  const even = termOf("class-shares", { numClasses: K }),
    counted = termOf("class-shares", { numClasses: K, prior: "source" });
  const z = context(maps("z"));
  assert.ok(Math.abs(number(even.compute(z).loss) - number(counted.compute(z).loss)) < 1e-6);
  assert.deepEqual(counted.buffers!["shares"]!.shape, [1, 1, 1, K]);
  const shares = [...counted.buffers!["shares"]!.dataSync()];
  assert.ok(shares.every((share) => Math.abs(share - 1 / K) < 1e-6));
  assert.deepEqual(termOf("class-shares", { numClasses: K, prior: "places" }).buffers!["shares"]!.shape, [
    1,
    32,
    32,
    K,
  ]);
  assert.deepEqual(
    ["uniform", "source"].map((prior) =>
      registry.plan("loss", { type: "class-shares", options: { prior } }).needs.streams
    ),
    [
      [],
      ["source"],
    ],
  );
});

Deno.test("patch-alignment: sides of patches are even, and a crop holds at least one", () => {
  assert.equal(
    refusal("patch-alignment", { patch: [3, 4] }),
    "losses[0].options.patch[0]: expected an even number of pixels",
  );
  assert.deepEqual(wholeGrid([9, 8], [4, 8]), [2, 1]);
  assert.throws(() => wholeGrid([9, 7], [4, 8]), {
    name: "UserError",
    message: "a patch is 4x8 pixels: expected a crop of at least as many, got 9x7",
  });
});

Deno.test("turnOptions: an opponent's turn has the defaults of its term, and steps count from 0", () => {
  const { when, every, first } = turnOptions({ when: "before", every: 5 });
  assert.deepEqual([when.parse(undefined), every.parse(undefined), first.parse(undefined)], ["before", 5, 0]);
  assert.ok(!every.safeParse(0).success && first.safeParse(0).success && !when.safeParse("never").success);
});

test("separable-adversarial: the threshold falls from the phase's beginning to its end, and classes are trusted from it on", () => {
  const registryTerm = (options: object) =>
    registry.plan("loss", { type: "separable-adversarial", options: { width: 2, ...options } }).create({
      seed: 0,
      numClasses: K,
      classes: [],
      alignCorners: false,
      taps: { layer4: { channels: 4, stride: 8, space: "real" } },
      variable: (_, initial, trainable) => tf.variable(initial, trainable),
    });
  // Sure of class 0 to 0.7 and of class 1 to 0.95.
  const p = [0.7, 0.2, 0.1, 0.03, 0.95, 0.02];
  const taps = { layer4: maps("layer4", 1, [1, 2], 4), probabilities: tf.tensor4d(p, [1, 1, 2, K]) };
  const view = { logits: taps.probabilities, taps };
  const labels = tf.zeros([1, 1, 2], "int32") as tf.Tensor3D;
  const at = (step: number, options: object = { from: 0.9, to: 0.5 }) => {
    const given = { ...contextOf({ source: { ...view, labels }, target: view }), step, steps: 10 };
    const { loss, logs } = registryTerm(options).compute(given);
    return [number(logs!["classes"]!), number(loss)];
  };
  assert.deepEqual([0, 4, 6, 9].map((step) => at(step)[0]), [1, 1, 2, 2]);
  assert.deepEqual(at(9, { from: 0.99, to: 0.96 }), [0, 0]);
});

test("domain-classifier: the opponent's value is the sum of both errors, the term's that of the target alone", () => {
  const z = maps("z", 1, [16, 16]);
  const view = viewOf({ main: z, size: [16, 16] });
  const both = contextOf({ source: { ...view, labels: tf.zeros([1, 16, 16], "int32") }, target: view });
  const [one, other] = [1, 0].map((source_label) => {
    const term = termOf("domain-classifier", { numClasses: K, width: 2, source_label });
    const { loss, handoff } = term.compute(both);
    return {
      loss: number(loss),
      own: number(term.owners!["discriminator"]!.compute!(handoff!, { world: both.world }).loss),
    };
  });
  for (const { own } of [one!, other!]) assert.ok(Math.abs(own - one!.loss - other!.loss) < 1e-5);
  assert.ok(Math.abs(one!.loss - other!.loss) > 1e-6);
  const small = viewOf({ main: z, size: [15, 40] });
  const term = termOf("domain-classifier", { numClasses: K, width: 2 });
  assert.throws(
    () =>
      term.compute(
        contextOf({ source: { ...small, labels: tf.zeros([1, 15, 40], "int32") }, target: small }),
      ),
    {
      name: "UserError",
      message:
        "the discriminator halves its input four times: expected a crop of at least 16 pixels, got 15x40",
    },
  );
});

test("confidence-regularization: pixels count by the mark of their image, and by 1 where there are no marks", () => {
  const z = maps("z"), { upsampled } = viewOf({ main: z, size: SIZE });
  const of = (marks?: readonly number[]) => {
    const given = context(z);
    const images = {
      labels: given.source.labels,
      ...(marks ? { values: { mark: tf.tensor1d([...marks]) } } : {}),
    };
    const term = termOf("confidence-regularization", { numClasses: K });
    return number(
      term.compute({ ...given, images: () => images as unknown as ReturnType<StepContext["images"]> }).loss,
    );
  };
  const each = tf.neg(tf.mean(tf.logSoftmax(upsampled!), 3));
  const [first, second] = (tf.mean(each, [1, 2]) as tf.Tensor1D).arraySync();
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) < 1e-5, `${found}, ${expected}`);
  near(of(), (first! + second!) / 2);
  near(of([0, 1]), second!);
  near(of([2, 1]), (2 * first! + second!) / 2);
});
