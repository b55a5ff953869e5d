/** Three recorded training steps of DACS, with plain updates and with the released optimiser's repeats. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedNetwork } from "../../core/plan.ts";
import { mixImages } from "../../streams/mixing.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { formulaImages } from "../formula.ts";
import { backendTest } from "../goldens.ts";
import {
  equalsRecorded,
  fillWith,
  type FormulaWeights,
  type MethodCase,
  methodCases,
  norms,
  stored,
} from "../methods.ts";
import { assembled, tinyPlan } from "./fakes.ts";
import { madeStream } from "./parts.ts";

const registry = builtins();

interface FormulaImages {
  readonly name: string;
  readonly shape: readonly [number, number, number, number];
  readonly factor: number;
}

interface Trajectory extends MethodCase {
  readonly columns: readonly string[];
  readonly alpha: number;
  readonly threshold: number;
  readonly layers: readonly number[];
  readonly width: number;
  readonly rates_used: readonly number[];
  readonly lr: number;
  readonly horizon: number;
  readonly power: number;
  readonly head_lr_factor: number;
  readonly weight_decay: number;
  readonly momentum: number;
  readonly formula_images: Readonly<Record<"source" | "target", FormulaImages>>;
  readonly formula_weights: Readonly<Record<string, FormulaWeights>>;
  /** Of the plain case; its repeated twin has the same. */
  readonly trained?: readonly string[];
  readonly buffers?: readonly string[];
}

/** What a step is told and tells beside the trainer's own values. */
interface Observed {
  /** float32 [N, H, W] of the step that comes. */
  mask: tf.Tensor3D;
  sure: number;
  pseudo: readonly number[];
}

function runOf(one: Trajectory, observed: Observed): Run {
  const { layers, width, rates_used, lr, momentum, weight_decay, alpha, threshold } = one;
  const [, , side] = one.formula_images.source.shape;
  const [numClasses] = Object.entries(one.formula_weights["net"]!.shapes)
    .find(([name]) => name === "classifier.0.convs.0.0.bias")![1];
  const model = registry.plan("model", {
    type: "deeplab-v2",
    options: {
      layers,
      width,
      aspp_rates: rates_used,
      classifier_bias: true,
      batch_norm: "affine-frozen",
    },
  });
  const teacher: PlannedNetwork = {
    name: "teacher",
    at: ["networks", "teacher"],
    origin: "recorded",
    plan: registry.plan("network", { type: "ema", options: { decay: alpha, buffers: "own" } }),
    model,
  };
  const needs = {
    views: [{ stream: "target", by: "teacher", labelResolution: true }],
    streams: ["source", "target"],
  };
  const mixed = madeStream("mixed", needs, (ctx) => {
    const { pixels, labels } = ctx.images("source");
    const logits = ctx.view("target", "teacher").upsampled!;
    const trust = { threshold, ignoreTop: 0, ignoreBottom: 0 };
    const { mask } = observed;
    const images = mixImages(
      { source: { pixels, labels: labels! }, target: ctx.images("target"), logits, mask },
      trust,
    );
    observed.sure = images.values["sure"]!.dataSync()[0]!;
    observed.pseudo = [...tf.argMax(logits, -1).dataSync()];
    return images;
  });
  const term = (name: string, options: object) => ({
    name,
    weight: 1,
    plan: registry.plan("loss", { type: "cross-entropy", options }),
    at: ["losses"],
    origin: "recorded",
  });
  const plan = tinyPlan({
    losses: [
      term("ce_source", {}),
      term("ce_mixed", { stream: "mixed", denominator: "all" }),
    ],
    streams: [mixed],
    networks: [teacher],
    labelSpace: {
      name: "recorded",
      classes: Array.from({ length: numClasses! }, (_, k) => `class ${k}`),
      ignore: 255,
    },
    input: { ...tinyPlan().input, training: { crop: [side, side], flip: false }, alignCorners: true },
    model: { type: "deeplab-v2", plan: model },
    optimizer: registry.plan("optimizer", { type: "sgd", options: { lr, momentum, weight_decay } }),
    groups: [
      { group: "head", rate: one.head_lr_factor, decay: 1 },
      ...one.name.endsWith("_repeated")
        ? [
          { group: "block", rate: 1, decay: 1, repeats: 3 },
          { group: "downsample", rate: 1, decay: 1, repeats: 4 },
        ]
        : [],
    ],
  });
  return assembled(plan);
}

const cases = methodCases<Trajectory>("trajectory/dacs");

for (const one of cases) {
  backendTest("native", `${one.name} is followed, term by term`, async () => {
    const twin = cases.find(({ name }) => name === one.name.replace("_repeated", ""))!;
    const observed: Observed = { mask: tf.zeros([1, 1, 1]), sure: NaN, pseudo: [] };
    const run = runOf(one, observed);
    const teacher = run.networks.get("teacher")!.segmenter;
    const networks = [run.segmenter, teacher].map(({ params, buffers }) =>
      new Map([
        ...params.map(({ name, value }) => [name, value] as const),
        ...Object.entries(buffers),
      ])
    );
    const [student, follower] = networks as [Map<string, tf.Variable>, Map<string, tf.Variable>];
    try {
      for (const variables of networks) {
        fillWith(one.formula_weights["net"]!, [...variables].map(([name, value]) => ({ name, value })));
      }
      const before = new Map([...student].map(([name, value]) => [name, tf.clone(value)]));
      const [labels, masks, pseudo] = ["labels", "masks", "pseudo_labels"].map((key) =>
        toFloat32(stored(twin, key))
      );
      const recorded = toFloat32(stored(one, "losses"));
      for (let step = 0; step < recorded.length / one.columns.length; step++) {
        const batch = ({ name, shape: [n, , height, width], factor }: FormulaImages) => ({
          ids: Array.from({ length: n }, (_, k) => `${k}`),
          size: [height, width] as const,
          images: formulaImages(name.replace("{step}", `${step}`), [n, height, width], { factor }),
        });
        const source = batch(one.formula_images.source);
        const [n, height, width] = [source.ids.length, ...source.size];
        const ofStep = (values: Float32Array | undefined) =>
          values!.slice(step * n * height * width, (step + 1) * n * height * width);
        observed.mask = tf.tensor3d(ofStep(masks), [n, height, width]);
        const { terms } = await trainStep(run, {
          step,
          steps: one.horizon,
          multiplier: (1 - step / one.horizon) ** one.power,
          passes: [{
            source: { ...source, labels: Uint8Array.from(ofStep(labels)) },
            target: batch(one.formula_images.target),
          }],
        });
        const found: Readonly<Record<string, number>> = { ...terms, fraction: observed.sure };
        for (const [k, column] of one.columns.entries()) {
          const expected = recorded[step * one.columns.length + k]!;
          const error = Math.abs(found[column]! / expected - 1);
          assert.ok(error < 1e-3, `step ${step}, ${column}: ${found[column]}, recorded ${expected}`);
        }
        if (!one.tensors["pseudo_labels"]) continue;
        // Pixels may tie to the last bits.
        const other = ofStep(pseudo).filter((id, k) => id !== observed.pseudo[k]).length;
        assert.ok(other <= 2, `step ${step}: ${other} pseudo-labels differ`);
      }

      const zero = tf.zeros([1]);
      // Two of the four branches are never used, and stay.
      const change = (variables: Map<string, tf.Variable>, name: string) =>
        variables.has(name) ? tf.sub(variables.get(name)!, before.get(name)!) : zero;
      const loose = { tolerance: 1e-2 }, close = { tolerance: 2e-3 };
      for (
        const [prefix, variables] of [["", student], ["teacher_", follower]] as const
      ) {
        const changes = twin.trained!.map((name) => change(variables, name));
        await equalsRecorded(one, `${prefix}change_norms`, { actual: norms(changes), ...loose });
        const buffers = twin.buffers!.map((name) => variables.get(name)!);
        await equalsRecorded(one, `${prefix}buffer_norms_after`, { actual: norms(buffers), ...close });
      }
      for (const key of Object.keys(one.tensors).filter((key) => key.startsWith("change/"))) {
        const moved = change(student, key.slice("change/".length));
        // [H, W, I, O] as the record is read: [O, H, W, I].
        const actual = moved.rank === 4 ? tf.transpose(moved, [3, 0, 1, 2]) : moved;
        await equalsRecorded(one, key, { actual, ...loose });
      }
      await equalsRecorded(one, "bn1_running_mean_after", {
        actual: student.get("backbone.bn1.running_mean")!,
        ...close,
      });
      for (
        const [key, network, domain] of [
          ["eval_student_after", run.segmenter, "source"],
          ["eval_teacher_after", teacher, "source"],
        ] as const
      ) {
        const { name, shape: [n, , height, width], factor } = one.formula_images[domain];
        const images = formulaImages(name.replace("{step}", "0"), [n, height, width], { factor });
        const [view] = network.forward([tf.tensor4d(images, [n, height, width, 3])], { training: false });
        await equalsRecorded(one, key, { actual: view!.logits, ...close });
      }
    } finally {
      run.dispose();
    }
  });
}
