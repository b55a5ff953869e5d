/** Small networks of every built-in model, and their files. */
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import { exportModel, type ExportOptions } from "../../export/export_model.ts";
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

/** What tests leave as it is. */
export const PLAIN = { half: false, producerVersion: "test", metadata: {}, inference: {} } as const;

/** The file of a network. */
export function fileOf({ ensemble }: TestNetwork, options: Partial<ExportOptions> = {}) {
  return exportModel(ensemble, { ...PLAIN, wanted: "logits", ...options });
}
