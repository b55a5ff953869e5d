import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { resizeBilinear, resizedRows } from "../../ops/resize_bilinear.ts";
import { selectBackend } from "../../backends/select.ts";
import type { Similarity } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import type { NetworkInput } from "../../datasets/evaluation.ts";
import { similarities } from "../../losses/mod.ts";
import { Registry } from "../../core/registry.ts";
import { confidenceBytes, type Inference, predictLabels } from "../../train/predict.ts";
import {
  type Logits,
  type Map3,
  meanOf,
  mirroredInput,
  resized,
  segmenterOf,
  softmaxOf,
} from "./segmenters.ts";

await selectBackend("wasm");

const random = Random.stream(3, "inputs");

function inputOf(height: number, width: number): NetworkInput {
  return { height, width, images: Float32Array.from({ length: height * width * 3 }, () => random.normal()) };
}

/** Depends on the pixel and on where it lies in what the network sees. */
const placed: Logits = ([r = 0, g = 0, b = 0], { x, y, width }) => [r, g + x / width, b + 0.3 * y, 0.5];

async function labelled(
  logits: Logits | ReturnType<typeof segmenterOf>,
  task: { inputs: NetworkInput[]; inference?: Inference; height?: number; width?: number },
) {
  const { network, seen } = typeof logits === "function" ? segmenterOf(logits) : logits;
  const { inputs, inference = {}, height = inputs[0]!.height, width = inputs[0]!.width } = task;
  const wanted = { height, width, confidence: true };
  const before = tf.memory().numTensors;
  const { labels, confidence } = await predictLabels(network, { inputs, inference, wanted });
  assert.equal(tf.memory().numTensors, before);
  return { labels: [...labels], confidence: [...confidenceBytes(confidence!)], seen };
}

/** Winners and their probabilities in 0..255. */
function expected(map: Map3) {
  const pixels = map.flat();
  return {
    labels: pixels.map((values) => values.indexOf(Math.max(...values))),
    confidence: pixels.map((values) => 255 * Math.max(...values)),
  };
}

function agree(found: { labels: number[]; confidence: number[] }, map: Map3): void {
  const { labels, confidence } = expected(map);
  assert.deepEqual(found.labels, labels);
  assert.ok(new Set(labels).size > 1);
  found.confidence.forEach((value, k) => {
    assert.ok(Math.abs(value - confidence[k]!) < 0.502, `${value} is not ${confidence[k]}`);
  });
}

Deno.test("probabilities, not labels or logits, are resized to the wanted size", async () => {
  const input = inputOf(4, 5);
  const steep: Logits = (pixel, at) => placed(pixel, at).map((value) => 6 * value);
  const found = await labelled(steep, { inputs: [input], height: 9, width: 13 });
  agree(found, resized(softmaxOf(steep, input), 9, 13));
  assert.deepEqual(found.seen, ["5x4"]);
});

Deno.test("flip: the mean of the image and its mirror, mirrored back", async () => {
  const input = inputOf(4, 6);
  const mirrored = softmaxOf(placed, mirroredInput(input)).map((row) => row.toReversed());
  const found = await labelled(placed, { inputs: [input], inference: { flip: true }, height: 6, width: 7 });
  agree(found, resized(meanOf([softmaxOf(placed, input), mirrored]), 6, 7));
  assert.deepEqual(found.seen, ["6x4", "6x4"]);
  assert.notDeepEqual(
    found.labels,
    (await labelled(placed, { inputs: [input], height: 6, width: 7 })).labels,
  );
});

Deno.test("flip: a network that treats both sides alike says the same", async () => {
  const alike: Logits = ([r = 0, g = 0, b = 0], { x, width }) => [r, g, b + Math.abs(2 * x + 1 - width)];
  const inputs = [inputOf(5, 6)];
  const { labels, confidence } = await labelled(alike, { inputs });
  const flipped = await labelled(alike, { inputs, inference: { flip: true } });
  assert.deepEqual([flipped.labels, flipped.confidence], [labels, confidence]);
});

Deno.test("scales: probabilities are averaged at the wanted size", async () => {
  const inputs = [inputOf(3, 4), inputOf(6, 8), inputOf(9, 12)];
  const maps = inputs.map((input) => resized(softmaxOf(placed, input), 10, 11));
  const found = await labelled(placed, { inputs, height: 10, width: 11 });
  agree(found, meanOf(maps));
  assert.deepEqual(found.seen, ["4x3", "8x6", "12x9"]);
});

Deno.test("windows: probabilities of overlaps are averaged at the input's size, then resized", async () => {
  const input = inputOf(5, 7);
  const inference: Inference = { window: { size: [4, 4], stride: [2, 3] } };
  const sums = Array.from({ length: 5 }, () => Array.from({ length: 7 }, () => [0, 0, 0, 0, 0]));
  for (const top of [0, 1]) {
    for (const left of [0, 3]) {
      const images = new Float32Array(48);
      for (let y = 0; y < 4; y++) {
        const from = 3 * ((top + y) * 7 + left);
        images.set(input.images.subarray(from, from + 12), 12 * y);
      }
      softmaxOf(placed, { images, height: 4, width: 4 }).forEach((row, y) =>
        row.forEach((values, x) => {
          const sum = sums[top + y]![left + x]!;
          values.forEach((value, k) => sum[k]! += value);
          sum[4]! += 1;
        })
      );
    }
  }
  const means = sums.map((row) => row.map((sum) => sum.slice(0, 4).map((value) => value / sum[4]!)));
  const found = await labelled(placed, { inputs: [input], inference, height: 8, width: 9 });
  assert.deepEqual(found.seen, Array(4).fill("4x4"));
  agree(found, resized(means, 8, 9));
});

Deno.test("windows: a constant stays that constant", async () => {
  const inference: Inference = { window: { size: [3, 3], stride: [1, 2] } };
  const { labels, confidence } = await labelled(() => [0, Math.log(3), 0], {
    inputs: [inputOf(7, 8)],
    inference,
  });
  assert.deepEqual([new Set(labels), new Set(confidence)], [new Set([1]), new Set([153])]);
});

Deno.test("windows: one as large as the image, or larger, is no window", async () => {
  const inputs = [inputOf(4, 6)];
  const plain = await labelled(placed, { inputs, height: 9, width: 9 });
  for (const size of [[4, 6], [40, 60]] as const) {
    const inference: Inference = { window: { size, stride: size } };
    assert.deepEqual(await labelled(placed, { inputs, inference, height: 9, width: 9 }), plain);
  }
  // With a stride the way over the input's size would be another one.
  const strided = () => segmenterOf(placed, 2);
  const inference: Inference = { window: { size: [4, 6], stride: [2, 2] } };
  assert.deepEqual(
    await labelled(strided(), { inputs, inference, height: 9, width: 9 }),
    await labelled(strided(), { inputs, height: 9, width: 9 }),
  );
});

Deno.test("flip, scales and windows combine: every window of every scale and its mirror", async () => {
  const inputs = [inputOf(2, 3), inputOf(4, 6)];
  const inference: Inference = { flip: true, window: { size: [3, 4], stride: [3, 4] } };
  const { seen } = await labelled(placed, { inputs, inference });
  assert.deepEqual(seen, ["3x2", "3x2", ...Array(8).fill("4x3")]);
});

/** Every pixel is as like to every other: aggregation with alpha 1 makes all pixels the mean of what the pass saw. */
const flat: Similarity = {
  accepts: "real",
  symmetric: true,
  pairwise: (a, b) => tf.zeros([a.shape[0], a.shape[1], b.shape[1]]),
};

Deno.test("aggregation works within a pass: each window has its own mean", async () => {
  const input = { ...inputOf(2, 4), images: new Float32Array(24) };
  for (const [pixel, value] of [3, 1, -1, -1, 3, 1, -1, -1].entries()) input.images[3 * pixel] = value;
  const logits: Logits = ([red = 0]) => [red, 0];
  const aggregation = { alpha: 1, features: flat, predictions: flat };
  const whole = await labelled(logits, { inputs: [input], inference: { aggregation } });
  assert.deepEqual(whole.labels, Array(8).fill(0));
  const window = { size: [2, 2], stride: [2, 2] } as const;
  const halves = await labelled(logits, { inputs: [input], inference: { aggregation, window } });
  assert.deepEqual(halves.labels, [0, 0, 1, 1, 0, 0, 1, 1]);
  // Features are averaged before the softmax: (3 + 1) / 2 on the left.
  assert.equal(halves.confidence[0], Math.round(255 / (1 + Math.exp(-2))));
});

Deno.test("a lone pixel, whose similarity has no deviation, stays what it is under aggregation", async () => {
  const registry = new Registry(similarities);
  const plan = (name: string) => registry.plan("similarity", name);
  const aggregation = { alpha: 0.5, features: plan("cosine"), predictions: plan("negative-kl") };
  const found = await labelled(() => [0, Math.log(3)], {
    inputs: [inputOf(1, 1)],
    inference: { aggregation },
  });
  assert.deepEqual([found.labels, found.confidence], [[1], [191]]);
});

Deno.test("rows of a resized grid are the rows of the whole, at any size and from any rows", () => {
  const sizes = [[1, 1, 5, 4], [5, 4, 5, 4], [3, 7, 11, 5], [9, 2, 4, 3], [4, 4, 4, 9]] as const;
  for (const [height, width, tall, wide] of sizes) {
    const data = Float32Array.from({ length: height * width * 2 }, () => random.normal());
    const whole = tf.tidy(() => resizeBilinear(tf.tensor4d(data, [1, height, width, 2]), [tall, wide]));
    const values = whole.dataSync();
    for (let first = 0; first < tall; first++) {
      for (let count = 1; first + count <= tall; count++) {
        const part = resizedRows({ height, width, channels: 2, data }, [tall, wide], {
          rows: { first, count },
        });
        assert.deepEqual(part.shape, [1, count, wide, 2]);
        part.dataSync().forEach((value, k) =>
          assert.ok(Math.abs(value - values[first * wide * 2 + k]!) < 1e-6, `${[height, tall, first, count]}`)
        );
        part.dispose();
      }
    }
    whole.dispose();
  }
});

Deno.test("a result too large to be upsampled at once is made in bands without seams", async () => {
  const logits: Logits = (_, { y }) => y === 0 ? [2, 0] : [0, 2];
  const [height, width] = [2100, 8200];
  const found = await labelled(logits, { inputs: [inputOf(2, 1)], height, width });
  const column = Array.from({ length: height }, (_, y) => found.labels[y * width + 17]!);
  assert.deepEqual(column, Array.from({ length: height }, (_, y) => y < height / 2 ? 0 : 1));
  assert.equal(found.labels.reduce((a, b) => a + b), width * height / 2);
});

Deno.test("average: logits resizes and averages these; confidence is the softmax of the mean", async () => {
  const first: Logits = ([r = 0, g = 0]) => [3 * r, g, 0.2];
  const second: Logits = ([r = 0, g = 0, b = 0]) => [b, r, 2 * g];
  const input = inputOf(3, 4);
  const [one, other] = [first, second].map((logits) => segmenterOf(logits).network.networks[0]!);
  const network = { networks: [one!, { ...other!, weight: 0.5 }], featureTap: "logits" };
  const { labels, confidence } = await labelled({ network, seen: [] }, {
    inputs: [input],
    inference: { average: "logits" },
  });
  const mean: Logits = (pixel, at) =>
    first(pixel, at).map((value, k) => (value + 0.5 * second(pixel, at)[k]!) / 1.5);
  agree({ labels, confidence }, softmaxOf(mean, input));
  // Resizing logits and resizing probabilities are two results.
  const steep: Logits = (_, { x }) => x === 0 ? [9, 0] : [0, 1];
  const wide = (inference: Inference) =>
    labelled(steep, { inputs: [inputOf(1, 2)], inference, height: 1, width: 16 });
  const count = ({ labels }: { labels: number[] }) => labels.filter((label) => label === 1).length;
  assert.ok(count(await wide({ average: "logits" })) < count(await wide({})));
});

Deno.test("memory that ends within a kernel is told as such", async () => {
  const { network } = segmenterOf(() => {
    throw new WebAssembly.RuntimeError("memory access out of bounds");
  });
  const wanted = { height: 2, width: 3, confidence: false };
  await assert.rejects(predictLabels(network, { inputs: [inputOf(2, 3)], inference: {}, wanted }), {
    name: "UserError",
    message: "the network has no memory for 3x2 pixels at once; lower evaluation.size or set a smaller " +
      "evaluation.window",
  });
});
