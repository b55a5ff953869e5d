/** AdamW with rates and decays of groups and a warm-up, against torch.optim.AdamW's recorded steps. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { withFactors } from "../../core/optimization.ts";
import { Registry } from "../../core/registry.ts";
import { optimizers } from "../../optim/mod.ts";
import { sizeOf, toFloat32 } from "../../weights/stored_tensor.ts";
import { type BackboneCase, backboneCases, inputOf, stored, weightOf } from "../backbones.ts";
import { backendTest, relative } from "../goldens.ts";

interface GroupsCase extends BackboneCase {
  readonly options: {
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly steps: number;
    readonly lr: number;
    readonly schedule: {
      readonly total: number;
      readonly warm_up: number;
      readonly warm_up_ratio: number;
      readonly power: number;
    };
    readonly groups: Readonly<
      Record<string, { readonly lr_multiplier: number; readonly weight_decay: number }>
    >;
  };
}

const registry = new Registry(optimizers);

for (const one of backboneCases<GroupsCase>("optimizer/")) {
  for (const backend of ["native", "wasm", "cpu"] as const) {
    backendTest(backend, `${one.name}: every weight after every step is as recorded`, async () => {
      const { betas: [beta1, beta2], eps: epsilon, lr, steps, schedule, groups } = one.options;
      const decay = Math.max(...Object.values(groups).map(({ weight_decay }) => weight_decay));
      const { total, warm_up, warm_up_ratio: from, power } = schedule;
      const { multiplier } = registry.plan("schedule", {
        type: "warm-up",
        options: { share: warm_up / total, from, then: { type: "poly", options: { power } } },
      });
      const names = Object.keys(one.weights!);
      const params = withFactors(
        names.map((name) => {
          const { shape } = weightOf(one, name);
          return {
            name,
            group: name,
            value: tf.variable(tf.tensor(toFloat32(weightOf(one, name)), [...shape])),
          };
        }),
        names.map((group) => ({
          group,
          rate: groups[group]!.lr_multiplier,
          decay: groups[group]!.weight_decay / decay,
        })),
      );
      const options = { lr, beta1, beta2, epsilon, weight_decay: decay };
      const optimizer = registry.plan("optimizer", { type: "adamw", options }).create(params, {
        variable: (_, initial, trainable) => tf.variable(initial, trainable),
      });
      for (let step = 0; step < steps; step++) {
        const part = (values: Float32Array, size: number) => values.slice(step * size, (step + 1) * size);
        const grads = params.map(({ name, value }) =>
          tf.tensor(part(toFloat32(inputOf(one, `grad:${name}`)), value.size), value.shape)
        );
        optimizer.apply(grads, multiplier(step, total));
        for (const { name, value } of params) {
          const key = `${name}:after`, recorded = stored(one, key);
          const size = sizeOf(recorded.shape) / steps;
          const error = relative(await value.data(), part(toFloat32(recorded), size));
          assert.ok(error <= one.outputs[key]!.tolerance, `${key}, step ${step}: off by ${error}`);
        }
      }
    });
  }
}
