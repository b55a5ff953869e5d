/** Six recorded training steps of DeepLab-v2 with the full objective. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import { trainStep } from "../../train/step.ts";
import { nhwc, readGolden, relative } from "../goldens.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { assembled, tinyPlan } from "./fakes.ts";
import { fillByFormula, formulaImages } from "../formula.ts";

const SIDE = 65;

const registry = builtins();

function term(
  name: string,
  type: string,
  { weight = 1, ...options }: Record<string, unknown> = {},
): PlannedLoss {
  const plan = registry.plan("loss", { type, options });
  return { name, weight: Number(weight), plan, at: ["losses"], origin: type };
}

const losses = [
  term("ce", "cross-entropy"),
  term("lovasz", "lovasz-softmax", { weight: 0.75 }),
  term("fass", "association", { weight: 0.1, levels: [{ tap: "layer4", similarity: "cosine" }] }),
  term("cass", "association", { weight: 0.1, levels: [{ tap: "probabilities", similarity: "negative-kl" }] }),
  term("lsr", "label-smoothing", { weight: 0.01 }),
];

alsoOnTensorflow(
  "native",
  "six steps of the full objective follow the recorded ones, term by term",
  async () => {
    const { tensors, metadata } = readGolden("trajectory.safetensors");
    const recorded: Record<string, number>[] = JSON.parse(metadata["losses"]!);
    const plan = tinyPlan({
      losses,
      labelSpace: { name: "19", classes: Array.from({ length: 19 }, (_, k) => `class ${k}`), ignore: 255 },
      model: {
        type: "deeplab-v2",
        plan: registry.plan("model", { type: "deeplab-v2", options: { layers: [1, 1, 1, 1] } }),
      },
      optimizer: registry.plan("optimizer", {
        type: "sgd",
        options: { lr: 2.5e-4, momentum: 0.9, weight_decay: 5e-4 },
      }),
    });
    const schedule = registry.plan("schedule", { type: "poly", options: { power: 0.9 } });
    const run = assembled(plan);
    try {
      fillByFormula(run.state.filter(({ name }) => !name.startsWith("optimizer/")));
      const labels = Uint8Array.from(toFloat32(tensors.get("labels")!));
      const size = [SIDE, SIDE] as const, ids = ["0", "1"];
      const shape = [2, SIDE, SIDE] as const;
      for (const [step, expected] of recorded.entries()) {
        const source = { ids, size, labels, images: formulaImages(`source:plca:${step}`, shape) };
        const shifted = { factor: 80, offset: 10 };
        const target = { ids, size, images: formulaImages(`target:plca:${step}`, shape, shifted) };
        const clock = { step, steps: 10, multiplier: schedule.multiplier(step, 10) };
        const { terms, total } = await trainStep(run, { ...clock, passes: [{ source, target }] });
        for (const [name, value] of Object.entries(expected)) {
          const found = name === "total" ? total : terms[name]!;
          assert.ok(Math.abs(found / value - 1) < 2e-3, `step ${step}, ${name}: ${found}, recorded ${value}`);
        }
      }
      const images = tf.tensor4d(formulaImages("source:plca:0", shape), [...shape, 3]);
      const logits = tf.tidy(() => run.segmenter.forward([images], { training: false })[0]!.logits);
      const expected = nhwc(tensors.get("eval_logits_after")!);
      const error = relative(await logits.data(), await expected.data());
      assert.ok(error < 1e-3, `logits after the last step are off by ${error}`);
      tf.dispose([images, logits, expected]);
    } finally {
      run.dispose();
    }
  },
);
