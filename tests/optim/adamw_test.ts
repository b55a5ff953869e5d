/** AdamW with a decay of its own for each group, against torch.optim.AdamW's recorded steps. */
import * as tf from "@tensorflow/tfjs-core";
import { withFactors } from "../../core/optimization.ts";
import { Registry } from "../../core/registry.ts";
import { optimizers } from "../../optim/mod.ts";
import { backendTest } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCases, read } from "../methods.ts";

interface AdamWCase extends MethodCase {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: Readonly<Record<"w" | "b", number>>;
}

const registry = new Registry(optimizers);

for (const one of methodCases<AdamWCase>("optimizer/adamw")) {
  for (const backend of ["native", "wasm", "cpu"] as const) {
    backendTest(
      backend,
      `${one.name}: weights shrink ahead of the step, those without decay do not`,
      async () => {
        const [beta1, beta2] = one.betas;
        const { w: decay, b: other } = one.weight_decay;
        const options = { lr: one.lr, beta1, beta2, epsilon: one.eps, weight_decay: decay };
        const params = withFactors(
          ["w", "b"].map((name) => ({ name, group: name, value: tf.variable(read(one, `${name}0`)) })),
          [{ group: "b", rate: 1, decay: other / decay }],
        );
        const optimizer = registry.plan("optimizer", { type: "adamw", options }).create(params, {
          variable: (_, initial, trainable) => tf.variable(initial, trainable),
        });
        const grads = tf.unstack(read(one, "grads")), others = tf.unstack(read(one, "b_grads"));
        const seen = grads.map((grad, k) => {
          optimizer.apply([grad, others[k]!], 1);
          return tf.clone(params[0]!.value);
        });
        await equalsRecorded(one, "w", { actual: tf.stack(seen) });
        await equalsRecorded(one, "b_last", { actual: params[1]!.value });
      },
    );
  }
}
