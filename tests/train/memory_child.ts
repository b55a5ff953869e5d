/** Evaluates 200 small images and prints what was in use after the 100th, 150th and last; see evaluate_test.ts. */
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import type { Segmenter } from "../../core/plugin.ts";
import { evaluateSegmenter } from "../../train/evaluate.ts";
import { plainFiles, tinyData, tinyPlan } from "./fakes.ts";

/** In use, after every 50 images from the 100th on. */
export interface Measured {
  readonly images: number;
  readonly tensors: readonly number[];
  readonly bytes: readonly number[];
  /** Bytes of JavaScript's objects, and of the memory of its arrays. */
  readonly heap: readonly number[];
  readonly arrays: readonly number[];
}

const segmenter: Segmenter = {
  params: [],
  buffers: {},
  classify: (features) => features,
  forward: (batches) =>
    batches.map((images) => {
      const logits = tf.mul<tf.Tensor4D>(images, 2);
      return { logits, taps: { logits } };
    }),
};

if (import.meta.main) {
  await selectBackend("native");
  const { gc } = globalThis as unknown as { gc(): void };
  const plan = tinyPlan({
    evaluation: { labelSize: "input", flip: true, window: { size: [24, 24], stride: [16, 16] }, size: 40 },
  });
  const [tensors, bytes, heap, arrays]: number[][] = [[], [], [], []];
  const dataset = await tinyData({ count: 200 }).open({ root: "", seed: 1, files: plainFiles });
  const { images } = await evaluateSegmenter(plan, {
    ensemble: { networks: [{ segmenter, weight: 1 }], featureTap: "logits" },
    dataset,
    split: "val",
    signal: new AbortController().signal,
    onImage(done) {
      if (done < 100 || done % 50 !== 0) return;
      // The second waits for the arrays that the first lets go.
      gc();
      gc();
      const { numTensors, numBytes } = tf.memory();
      tensors!.push(numTensors);
      bytes!.push(numBytes);
      const { heapUsed, external } = Deno.memoryUsage();
      heap!.push(heapUsed);
      arrays!.push(external);
    },
  });
  console.log(JSON.stringify({ images, tensors, bytes, heap, arrays }));
  // ONNX Runtime's threads would keep the process alive.
  Deno.exit(0);
}
