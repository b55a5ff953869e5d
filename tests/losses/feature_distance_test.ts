/** DAFormer's feature distance: recorded values, pixels that are no things, and what a recipe may say. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { labelsByShare } from "../../ops/label_shares.ts";
import { maskedDistance } from "../../ops/masked_distance.ts";
import { Registry } from "../../core/registry.ts";
import { losses } from "../../losses/mod.ts";
import { backendTest, withGradients } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCases, read } from "../methods.ts";
import type { LabelledView } from "../../core/plugin.ts";
import { contextOf } from "../contexts.ts";
import { tensorflowTest } from "../tensorflow.ts";
import { termOf } from "./terms.ts";

interface DistanceCase extends MethodCase {
  readonly things: readonly number[];
  readonly factor: number;
  readonly min_ratio: number;
  readonly weight: number;
}

const IGNORE = 255;

function test(name: string, run: () => Promise<void>): void {
  for (const backend of ["native", "wasm", "cpu"] as const) backendTest(backend, name, run);
  tensorflowTest(name, run);
}

for (const one of methodCases<DistanceCase>("daformer/feature_distance")) {
  test(`${one.name}: labels, mask, distance and gradient are the recorded ones`, async () => {
    const labels = read<tf.Tensor3D>(one, "labels");
    const student = read<tf.Tensor4D>(one, "student"), guide = read<tf.Tensor4D>(one, "imagenet");
    const [, height, width] = student.shape;
    const classes = Math.max(...[...labels.dataSync()].filter((id) => id !== IGNORE)) + 1;
    const options = { classes, least: one.min_ratio, ignore: IGNORE };
    const small = labelsByShare(labels, [height, width], options);
    assert.deepEqual(small.arraySync(), read(one, "small_labels").arraySync());
    const ids = small.dataSync();
    const mask = tf.tensor3d(Float32Array.from(ids, (id) => Number(one.things.includes(id))), small.shape);
    await equalsRecorded(one, "mask", { actual: tf.cast(mask, read(one, "mask").dtype) });
    await equalsRecorded(one, "distance", { actual: maskedDistance(student, guide, mask) });
    const { value, grads } = withGradients(
      (own) => tf.mul(maskedDistance(own as tf.Tensor4D, guide, mask), one.weight),
      [student],
    );
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gstudent", { actual: grads[0]! });
  });
}

test("a grid that does not divide the labels has cells that overlap by a pixel", () => {
  // Five pixels in two cells: 0 to 2 and 2 to 4. One class covers 2 of 3, the other all.
  const labels = tf.tensor3d([0, 0, 1, 1, 1], [1, 1, 5], "int32");
  const at = (
    least: number,
  ) => [...labelsByShare(labels, [1, 2], { classes: 2, least, ignore: IGNORE }).dataSync()];
  assert.deepEqual(at(0.75), [IGNORE, 1]);
  assert.deepEqual(at(2 / 3), [0, 1]);
  // What is ignored wins as a class does, and gives none.
  const ignored = tf.tensor3d([IGNORE, IGNORE, 1, 1], [1, 1, 4], "int32");
  assert.deepEqual([...labelsByShare(ignored, [1, 2], { classes: 2, least: 0.75, ignore: 9 }).dataSync()], [
    9,
    1,
  ]);
  return Promise.resolve();
});

test("without a pixel of a thing, and where both networks agree: 0 and no gradient", () => {
  const own = tf.ones([1, 2, 2, 3]) as tf.Tensor4D;
  for (const [other, mask] of [[tf.zeros([1, 2, 2, 3]), 0], [own, 1]] as const) {
    const { value, grads } = withGradients(
      (x) => maskedDistance(x as tf.Tensor4D, other as tf.Tensor4D, tf.fill([1, 2, 2], mask)),
      [own],
    );
    assert.ok(Math.abs(value.dataSync()[0]!) < 1e-9);
    assert.deepEqual([...grads[0]!.dataSync()], new Array(12).fill(0));
  }
  return Promise.resolve();
});

backendTest(
  "cpu",
  "the term compares pixels of things alone: neither other classes nor pixels without one",
  () => {
    const term = termOf("feature-distance", { numClasses: 2, classes: ["road", "car"], things: ["car"] });
    const features = (value: number) => tf.fill([1, 1, 3, 2], value) as tf.Tensor4D;
    const lossOf = (labels: readonly number[]) => {
      const of = (value: number) => ({
        logits: features(0),
        taps: { layer4: features(value) },
        labels: tf.tensor3d([...labels], [1, 1, 3], "int32"),
      });
      const context = contextOf({ source: of(1) as LabelledView });
      const views = { student: of(1), guide: of(3) };
      const view = (_: string, by: string = "student") => views[by as "student" | "guide"];
      return term.compute({ ...context, view }).loss.dataSync()[0]!;
    };
    assert.equal(lossOf([0, IGNORE, IGNORE]), 0);
    const car = lossOf([0, 1, IGNORE]);
    assert.ok(car > 1, `${car}`);
    assert.equal(lossOf([1, 1, 1]), car, "the mean is over the things' pixels");
    return Promise.resolve();
  },
);

Deno.test("things that are no classes are refused by name", () => {
  const create = (classes: readonly string[], things?: readonly string[]) =>
    new Registry(losses).plan("loss", { type: "feature-distance", options: things ? { things } : {} }).create(
      {
        seed: 0,
        numClasses: classes.length,
        alignCorners: false,
        classes,
        taps: {},
        variable: () => {
          throw new Error("it owns nothing");
        },
      },
    );
  create(["road", "car"]);
  assert.throws(() => create(["road", "car"], ["cart"]), {
    message: 'things: "cart" is no class of the source; did you mean "car"?',
  });
  assert.throws(() => create(["road", "sky"]), {
    message:
      "things: the source has none of traffic light, traffic sign, person, rider, car, truck, bus, train, " +
      "motorcycle, bicycle; it has road, sky",
  });
});
