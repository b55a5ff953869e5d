/** Recorded training steps of a Mix Transformer with SegFormer's head, AdamW, its groups and a warm-up. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { assignStored } from "../../train/checkpoint.ts";
import { trainStep } from "../../train/step.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { backboneCases, equalsBackbone, inputOf, readInput, stored, weightOf } from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import { type MitCase, type MitOptions, mitPlanOf, recordedSpace } from "../mit.ts";
import { assembled, tinyPlan } from "./fakes.ts";

interface Trajectory extends MitCase {
  readonly options: MitOptions & {
    readonly steps: number;
    readonly betas: readonly [number, number];
    readonly adam_eps: number;
    readonly lr: number;
    readonly optimizer: string;
    /** Rates and decays, in words. */
    readonly groups: string;
    readonly schedule: {
      readonly total: number;
      readonly warm_up: number;
      readonly warm_up_ratio: number;
      readonly power: number;
    };
  };
  /** The weights whose norms are recorded. */
  readonly norms_of: readonly string[];
}

const registry = builtins();

/** What the list says of rates and decays, with those of the encoder's norms and of the whole head. */
function groupsOf(words: string) {
  const found =
    /^'head' in the name: rate x(.+), decay (.+); else 'norm' in the name: decay (.+); else decay (.+)$/
      .exec(words);
  assert.ok(found, `rates and decays in other words than the test knows: ${words}`);
  const [rate, head, norm, decay] = found.slice(1).map(Number) as [number, number, number, number];
  // So batch norms of the head decay, and layer norms of the encoder do not.
  return {
    weight_decay: decay,
    groups: [
      { group: "head", rate, decay: head / decay },
      { group: "backbone/norm", rate: 1, decay: norm / decay },
    ],
  };
}

for (const one of backboneCases<Trajectory>("trajectory/")) {
  backendTest(
    "native",
    `${one.name}: losses, weights and running statistics follow the recorded ones`,
    async () => {
      const { steps, lr, betas: [beta1, beta2], adam_eps: epsilon, schedule } = one.options;
      const { weight_decay, groups } = groupsOf(one.options.groups);
      const { total, warm_up, warm_up_ratio: from, power } = schedule;
      const loss = registry.plan("loss", { type: "cross-entropy" });
      const plan = tinyPlan({
        losses: [{ name: "ce", weight: 1, plan: loss, at: ["losses"], origin: "cross-entropy" }],
        labelSpace: recordedSpace(one),
        model: { type: "mit", plan: mitPlanOf(one, { drop_path: 0, dropout: 0 }) },
        optimizer: registry.plan("optimizer", {
          type: one.options.optimizer.toLowerCase(),
          options: { lr, beta1, beta2, epsilon, weight_decay },
        }),
        groups,
      });
      const { multiplier } = registry.plan("schedule", {
        type: "warm-up",
        options: { share: warm_up / total, from, then: { type: "poly", options: { power } } },
      });
      const run = assembled(plan);
      try {
        const network = run.state.filter(({ name }) => one.weights![name]);
        assert.equal(network.length, Object.keys(one.weights!).length);
        for (const entry of network) assignStored(entry, weightOf(one, entry.name));
        const losses: number[] = [];
        for (let step = 0; step < steps; step++) {
          const images = readInput<tf.Tensor4D>(one, `x${step}`);
          const [count, height, width] = images.shape;
          const source = {
            ids: Array.from({ length: count }, (_, k) => `${k}`),
            size: [height, width] as const,
            labels: Uint8Array.from(toFloat32(inputOf(one, `labels${step}`))),
            images: await images.data() as Float32Array,
          };
          const clock = { step, steps: total, multiplier: multiplier(step, total) };
          losses.push((await trainStep(run, { ...clock, passes: [{ source, target: source }] })).total);
        }
        await equalsBackbone(one, "losses", tf.tensor1d(losses));
        const [view] = run.segmenter.forward([readInput<tf.Tensor4D>(one, "x0")], { training: true });
        await equalsBackbone(one, "logits_after", view!.logits);
        const variables = new Map(network.map(({ name, variable }) => [name, variable]));
        for (const key of Object.keys(one.outputs).filter((key) => key.endsWith(":after"))) {
          const variable = variables.get(key.slice(0, -":after".length))!;
          await equalsBackbone(
            one,
            key,
            variable.rank === 4 ? tf.transpose(variable, [3, 0, 1, 2]) : variable,
          );
        }
        const norms = toFloat32(stored(one, "norms_after")), { tolerance } = one.outputs["norms_after"]!;
        one.norms_of.forEach((name, k) => {
          const found = Math.hypot(...variables.get(name)!.dataSync());
          assert.ok(
            Math.abs(found / norms[k]! - 1) <= tolerance,
            `${name}: the norm ${found}, recorded ${norms[k]}`,
          );
        });
      } finally {
        run.dispose();
      }
    },
  );
}
