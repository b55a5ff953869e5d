/** Small networks of every built-in model, and their files. */
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import type { Normalization } from "../../core/plan.ts";
import { exportModel, type ExportOptions } from "../../export/export_model.ts";
import { openModel } from "../../export/run_model.ts";
import { type Picture, trialsOf } from "../../export/trials.ts";
import { compareOutputs, type Comparison } from "../../export/verify.ts";
import type { Ensemble } from "../../train/predict.ts";
import { Variables } from "../../train/variables.ts";

/** A network and how to free it. */
export interface TestNetwork {
  readonly ensemble: Ensemble;
  dispose(): void;
}

/** With drawn weights, running statistics included, so that nothing is 0 or 1 by chance. */
export function networkOf(model: string, options: object): TestNetwork {
  const plan = builtins().plan("model", { type: model, options });
  const variables = new Variables();
  const segmenter = plan.create(variables.setup("model", { seed: 3, numClasses: 5 }));
  let seed = 1;
  for (const [name, buffer] of Object.entries(segmenter.buffers)) {
    const around = name.endsWith("running_var")
      ? tf.randomUniform(buffer.shape, 0.5, 2, "float32", seed++)
      : undefined;
    buffer.assign(around ?? tf.randomNormal(buffer.shape, 0, 0.3, "float32", seed++));
  }
  return {
    ensemble: { networks: [{ segmenter, weight: 1 }], featureTap: plan.featureTap },
    dispose: () => variables.dispose(),
  };
}

/** A network that is one function of the images. @param run makes the logits of images [N, H, W, 3] */
export function networkOfFunction(run: (images: tf.Tensor4D) => tf.Tensor4D): TestNetwork {
  const segmenter = {
    params: [],
    buffers: {},
    classify: (features: tf.Tensor4D) => features,
    forward: (batches: readonly tf.Tensor4D[]) =>
      batches.map((images) => {
        const logits = run(images);
        return { logits, taps: { logits } };
      }),
  };
  return { ensemble: { networks: [{ segmenter, weight: 1 }], featureTap: "logits" }, dispose() {} };
}

/** What tests leave as it is. */
export const PLAIN = { half: false, producerVersion: "test", metadata: {}, inference: {} } as const;

/** The file of a network. */
export function fileOf({ ensemble }: TestNetwork, options: Partial<ExportOptions> = {}) {
  return exportModel(ensemble, { ...PLAIN, wanted: "logits", ...options });
}

/** A picture whose pixels follow no pattern that a network would miss. */
export function pictureOf(width: number, height: number, seed: number): Picture {
  const value = (_: unknown, k: number) => (k * 37 + seed * 101 + (k >> 5) * 11) % 256;
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, value) };
}

/** How images become the network's input where a test does not care. */
const NORMALIZATION: Normalization = {
  order: "rgb",
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  deviation: [1, 1, 1],
};

/** The network and its file on two pictures. @param sides width and height of these */
export function comparedOn(
  [width, height]: readonly [number, number],
  network: TestNetwork,
  options: Partial<ExportOptions> = {},
): Comparison {
  const { model } = fileOf(network, options);
  const trials = trialsOf([pictureOf(width, height, 1), pictureOf(width, height, 2)], {
    normalization: options.bytes ?? NORMALIZATION,
    bytes: options.bytes !== undefined,
    free: options.size === undefined,
  });
  const file = openModel({ model, input: "images", output: options.wanted ?? "logits" });
  try {
    return compareOutputs(file, network.ensemble, { ...PLAIN, wanted: "logits", ...options, trials });
  } finally {
    file.close();
  }
}
