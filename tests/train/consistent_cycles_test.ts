/** How many cycles end in their class, on images with more pixels than are compared. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { Segmenter } from "../../core/plugin.ts";
import type { InputDataset } from "../../datasets/input.ts";
import { consistentCycles } from "../../train/consistent_cycles.ts";
import { backendTest } from "../goldens.ts";
import { tinyPlan } from "./fakes.ts";

const WIDTH = 64, HEIGHT = 65;

/** Images with the label 0 everywhere but in their first pixel, which has 1. */
function dataset(length: number): InputDataset {
  const pixels = WIDTH * HEIGHT;
  const labels = Uint8Array.from({ length: pixels }, (_, at) => Number(at === 0));
  const read = (index: number) =>
    Promise.resolve({
      id: `${index}`,
      width: WIDTH,
      height: HEIGHT,
      image: new Uint8Array(3 * pixels),
      labels,
    });
  return { length, read } as unknown as InputDataset;
}

/** Every pixel has the same features, so a pixel's cycle ends in the first pixel that is compared. */
const segmenter = {
  forward: ([images]: readonly tf.Tensor4D[]) => {
    const [n, height, width] = images!.shape;
    const features = tf.ones([n, height, width, 2]) as tf.Tensor4D;
    return [{ logits: features, taps: { features } }];
  },
} as unknown as Segmenter;

backendTest(
  "cpu",
  "consistentCycles compares pixels in the middle of even parts, of images in pairs",
  async () => {
    const similarity = builtins().plan("similarity", "cosine");
    const setup = { plan: tinyPlan(), segmenter, similarity, source: dataset(2) };
    assert.equal(await consistentCycles({ ...setup, target: dataset(1) }), 1);
    assert.equal(await consistentCycles({ ...setup, target: dataset(0) }), undefined);
  },
);
