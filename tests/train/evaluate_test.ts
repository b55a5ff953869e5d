import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { selectBackend } from "../../backends/select.ts";
import type { TrainEvent } from "../../core/events.ts";
import type { EvaluationPlan, RunPlan } from "../../core/plan.ts";
import type { Dataset, ModelPlan, Sample } from "../../core/plugin.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { evaluateSegmenter, onePass } from "../../train/evaluate.ts";
import { evaluate, openPredictor, train } from "../../train/mod.ts";
import { plainFiles, SIDE, tinyData, tinyModel, tinyPlan } from "./fakes.ts";
import type { Measured } from "./memory_child.ts";
import { segmenterOf } from "./segmenters.ts";

await selectBackend("native");
const signal = new AbortController().signal;

/** A network that says what the red channel of a normalised image is. */
const reading = (classes: number) =>
  segmenterOf(([red = 0]) => Array.from({ length: classes }, (_, id) => -((red - id) ** 2) * 9));

/** Images of one row: [label, prediction] of each pixel. */
function dataset(images: readonly (readonly (readonly [number, number])[])[]): Dataset {
  return {
    length: images.length,
    read: (index): Promise<Sample> => {
      const pixels = images[index]!;
      return Promise.resolve({
        id: String(index),
        width: pixels.length,
        height: 1,
        image: Uint8Array.from(pixels.flatMap(([, prediction]) => [prediction, 0, 0])),
        labels: Uint8Array.from(pixels.map(([label]) => label)),
      });
    },
  };
}

function planOf(labelSpace: RunPlan["labelSpace"], evaluation: EvaluationPlan = { labelSize: "original" }) {
  const normalization = { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] } as const;
  const plan = tinyPlan({ labelSpace, evaluation });
  const model = { type: "reading", plan: { ...tinyModel, featureTap: "logits" } };
  return { ...plan, model, input: { ...plan.input, normalization } };
}

Deno.test("19 classes: means over 16 and 13 of them, absent classes left out, ignored pixels nowhere", async () => {
  // Road: 3 of 4 right. Wall: never right. Terrain: right. Sky: right, and once instead of road.
  const pixels = [[0, 0], [0, 0], [0, 0], [0, 10], [3, 0], [9, 9], [10, 10], [255, 4]] as const;
  const { network, seen } = reading(19);
  const found = await evaluateSegmenter(planOf(CITYSCAPES_SPACES["cityscapes-19"]), {
    ensemble: network,
    dataset: dataset([pixels.slice(0, 3), pixels.slice(3)]),
    split: "val",
    signal,
  });
  assert.deepEqual(seen, ["3x1", "5x1"]);
  const [road, wall, terrain, sky] = [3 / 5, 0, 1, 1 / 2];
  const iou = Array(19).fill(null);
  [iou[0], iou[3], iou[9], iou[10]] = [road, wall, terrain, sky];
  assert.deepEqual(found.iou, iou);
  assert.equal(found.miou, (road + wall + terrain + sky) / 4);
  assert.deepEqual(found.subsets!.map(({ name, miou, classes }) => [name, miou, classes.length]), [
    ["mIoU of 16", (road + wall + sky) / 3, 16],
    ["mIoU*", (road + sky) / 2, 13],
  ]);
  assert.equal(found.labelSize, "original varied");
  assert.equal(found.pixelAccuracy, 5 / 7);
});

Deno.test("the recipe's passes are made, and said", async () => {
  const space = { name: "three", classes: ["a", "b", "c"], ignore: 255 };
  const aggregation = {
    alpha: 0.25,
    features: { ...flat(), accepts: "real" as const },
    predictions: flat(),
  };
  const evaluation: EvaluationPlan = {
    labelSize: "input",
    size: [2, 4],
    flip: true,
    scales: [1, 1.5],
    window: { size: [2, 4], stride: [2, 2] },
    aggregation,
  };
  const { network, seen } = reading(3);
  const input = { ensemble: network, dataset: dataset([[[0, 0], [1, 1]]]), split: "val" as const, signal };
  const found = await evaluateSegmenter(planOf(space, evaluation), input);
  assert.equal(found.labelSize, "input 4x2");
  assert.equal(found.inference, "aggregation 0.25, flip, scales 1 1.5, window 4x2 at stride 2x2");
  // 4x2 fits into the window; 6x3 takes four; each is seen with its mirror.
  assert.deepEqual(seen, Array(10).fill("4x2"));
  assert.deepEqual(onePass(evaluation), {
    labelSize: "input",
    size: [2, 4],
    window: { size: [2, 4], stride: [2, 2] },
  });
  const once = await evaluateSegmenter(planOf(space, evaluation), {
    ...input,
    evaluation: { labelSize: "original" },
  });
  assert.deepEqual([once.labelSize, once.inference], ["original 2x1", undefined]);
});

function flat() {
  return {
    accepts: "simplex" as const,
    symmetric: true,
    pairwise: (a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor3D => tf.zeros([a.shape[0], a.shape[1], b.shape[1]]),
  };
}

async function inFolder(body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The tiny network that notes the batch size and size of what it predicts outside of training. */
function noted(): { readonly model: ModelPlan; readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    model: {
      ...tinyModel,
      create(setup) {
        const made = tinyModel.create(setup);
        return {
          ...made,
          forward(batches, mode) {
            if (!mode.training) seen.push(...batches.map(({ shape }) => shape.slice(0, 3).join("x")));
            return made.forward(batches, mode);
          },
        };
      },
    },
  };
}

const whole = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "validation in training looks once at each image, the last evaluation as the recipe says",
  whole,
  () =>
    inFolder(async (folder) => {
      const { model, seen } = noted();
      const plan = tinyPlan({
        model: { type: "tiny", plan: model },
        evaluation: { labelSize: "original", flip: true, scales: [0.5, 1] },
      }, { steps: 4, validateEvery: 2 });
      const events: TrainEvent[] = [];
      const result = await train(plan, {
        runDir: folder,
        signal,
        files: plainFiles,
        onEvent: (event) => events.push(event),
      });
      const [once, half] = [`1x${SIDE}x${SIDE}`, `1x${SIDE / 2}x${SIDE / 2}`];
      assert.deepEqual(seen, [
        ...Array(8).fill(once),
        ...Array(4).fill([half, half, once, once]).flat(),
      ]);
      assert.equal(result.final!.inference, "flip, scales 0.5 1");
      const validations = events.filter((event) => event.type === "validation");
      assert.deepEqual(validations.map(({ step, labelSize }) => [step, labelSize]), [
        [2, "original 12x12"],
        [4, "original 12x12"],
      ]);

      const checkpoint = `${folder}/checkpoints/last.safetensors`;
      assert.deepEqual(
        await evaluate(plan, { checkpoint, split: "val", signal, files: plainFiles }),
        result.final,
      );

      const opened = await tinyData({ name: "val" }).open({ root: "", seed: plan.seed, files: plainFiles });
      const predictor = await openPredictor(plan, { checkpoint, files: plainFiles });
      const confusion = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
      for (let index = 0; index < opened.length; index++) {
        const sample = await opened.read(index, { labels: true });
        const { labels } = await predictor.predict(sample);
        sample.labels!.forEach((label, k) => confusion[label]![labels[k]!]! += 1);
      }
      predictor.dispose();
      assert.deepEqual(confusion, result.final!.confusion);
    }),
);

// In a process of its own, whose garbage is collected when the child asks for it.
Deno.test("memory does not grow with the images", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--v8-flags=--expose-gc",
      ...["read", "env", "ffi", "sys"].map((name) => `--allow-${name}`),
      fileURLToPath(new URL("./memory_child.ts", import.meta.url)),
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { tensors, bytes, heap, arrays, images }: Measured = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(images, 200);
  assert.deepEqual([new Set(tensors).size, new Set(bytes).size], [1, 1]);
  // An image as the network reads it takes 19 kB, its probabilities as much, its labels 1.6 kB.
  const growth = (measured: readonly number[]) => (measured.at(-1)! - measured[0]!) / 100;
  assert.ok(growth(arrays) < 1000, `${growth(arrays)} bytes of arrays a further image: ${arrays}`);
  // Compiled code comes and goes here: about a megabyte.
  assert.ok(growth(heap) < 30_000, `${growth(heap)} bytes a further image: ${heap}`);
});
