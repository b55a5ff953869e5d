/** Recorded training steps of published methods: what their tests share. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import type { Segmenter, View } from "../../core/plugin.ts";
import type { Batch } from "../../datasets/loader.ts";
import { formulaImages } from "../formula.ts";
import type { FormulaWeights, MethodCase } from "../methods.ts";
import { tinyPlan } from "./fakes.ts";

/** Images whose values follow from their name; `{step}` in it is the step. */
export interface FormulaImages {
  readonly name: string;
  /** Images, channels, height, width. */
  readonly shape: readonly [number, number, number, number];
  readonly factor: number;
}

/** A case with steps of training. */
export interface Trajectory extends MethodCase {
  /** The values that are recorded of each step. */
  readonly columns: readonly string[];
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

const registry = builtins();

/** A loss of a recorded case. */
export function term(
  name: string,
  type: string,
  weight: PlannedLoss["weight"],
  options: object = {},
): PlannedLoss {
  return { name, weight, plan: registry.plan("loss", { type, options }), at: ["losses"], origin: type };
}

/** The plain case of a repeated one, or the case itself. */
export function twinOf<T extends Trajectory>(cases: readonly T[], { name }: T): T {
  return cases.find((one) => one.name === name.replace("_repeated", ""))!;
}

/** The parts of a plan that follow from the record: classes, network and optimiser. @param more of the model */
export function recordedPlan(
  { name, layers, width, rates_used, lr, momentum, weight_decay, head_lr_factor, formula_weights }:
    Trajectory,
  more: { readonly heads?: Readonly<Record<string, string>>; readonly stem?: boolean } = {},
) {
  const [numClasses] = formula_weights["net"]!.shapes["classifier.0.convs.0.0.bias"]!;
  const options = {
    layers,
    width,
    aspp_rates: rates_used,
    ...(more.heads ? { heads: more.heads } : {}),
    classifier_bias: true,
    batch_norm: "affine-frozen",
  };
  const repeats = [
    ...more.stem ? [{ group: "stem", rate: 1, decay: 1, repeats: 2 }] : [],
    { group: "block", rate: 1, decay: 1, repeats: 3 },
    { group: "downsample", rate: 1, decay: 1, repeats: 4 },
  ];
  return {
    labelSpace: {
      name: "recorded",
      classes: Array.from({ length: numClasses! }, (_, k) => `class ${k}`),
      ignore: 255,
    },
    input: { ...tinyPlan().input, alignCorners: true },
    model: { type: "deeplab-v2", plan: registry.plan("model", { type: "deeplab-v2", options }) },
    optimizer: registry.plan("optimizer", { type: "sgd", options: { lr, momentum, weight_decay } }),
    groups: [
      { group: "head", rate: head_lr_factor, decay: 1 },
      ...name.endsWith("_repeated") ? repeats : [],
    ],
  };
}

/** The images of a step, without labels. */
export function formulaBatch(
  { name, shape: [n, , height, width], factor }: FormulaImages,
  step: number,
): Batch {
  return {
    ids: Array.from({ length: n }, (_, k) => `${k}`),
    size: [height, width] as const,
    images: formulaImages(name.replace("{step}", `${step}`), [n, height, width], { factor }),
  };
}

/** Holds the values of a step to the record, to one in a thousand. */
export function equalsColumns(
  values: Readonly<Record<string, number>>,
  { columns, recorded, step }: {
    readonly columns: readonly string[];
    readonly recorded: Float32Array;
    readonly step: number;
  },
): void {
  for (const [k, column] of columns.entries()) {
    const expected = recorded[step * columns.length + k]!, value = values[column]!;
    const error = expected === 0 ? Math.abs(value) : Math.abs(value / expected - 1);
    assert.ok(error < 1e-3, `step ${step}, ${column}: ${value}, recorded ${expected}`);
  }
}

/** What a network gives for the source images of the first step, in inference mode. */
export function firstView(network: Segmenter, { formula_images: { source } }: Trajectory): View {
  const { images, size: [height, width], ids } = formulaBatch(source, 0);
  return network.forward([tf.tensor4d(images, [ids.length, height, width, 3])], { training: false })[0]!;
}
