/** A network whose parameters are its taps: the trainer's gradients are then gradients with respect to the taps. */
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import type { Domain, LossPlan, ModelPlan, Param, TapInfo } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { assemble, type Run } from "../../train/assemble.ts";
import { runPass, tensorsOf } from "../../train/pass.ts";
import { trainStep } from "../../train/step.ts";
import { optimizerPlan, planned, tinyPlan } from "../train/fakes.ts";
import { normals } from "./differences.ts";

const CLASSES = ["road", "car", "sky", "pole"];
const IMAGES = 2;
const CHANNELS = 8;
/** Height and width of every tap. */
const TAP_SIZE = [6, 5] as const;
/** Height and width of the labels: no whole multiple of the taps', and enough for a discriminator. */
export const LABEL_SIZE = [36, 32] as const;

/** The taps of the built-in models, narrow. */
export const TAPS: Readonly<Record<string, TapInfo>> = Object.fromEntries(
  builtins().all("model").flatMap((model) =>
    Object.entries(builtins().plan("model", model.name).taps(CLASSES.length))
      .map(([name, tap]) => [name, { ...tap, channels: Math.min(tap.channels, CHANNELS) }])
  ),
);

const tapModel: ModelPlan = {
  featureTap: "layer4",
  taps: () => TAPS,
  create(setup) {
    const params: Param[] = [];
    const add = (name: string, values: Float32Array, shape: number[]) => {
      const initial = tf.tensor(values, shape);
      params.push({ name, value: setup.variable(name, initial), group: "taps" });
      initial.dispose();
    };
    add(UNREAD, Float32Array.of(1), [1]);
    for (const domain of ["source", "target"] as const) {
      for (const [tap, { channels }] of Object.entries(TAPS)) {
        // The model's own probabilities are those of its logits.
        if (tap === "probabilities") continue;
        const shape = [IMAGES, ...TAP_SIZE, channels];
        add(paramName(domain, tap), tapValues(setup.seed, domain, tap, shape.reduce((a, b) => a * b)), shape);
      }
    }
    return {
      params,
      buffers: {},
      classify() {
        throw new Error("no loss classifies features");
      },
      forward(_, { domain }) {
        const leaf = (tap: string) =>
          tf.clone(params.find(({ name }) => name === paramName(domain, tap))!.value) as tf.Tensor4D;
        const logits = leaf("logits");
        const taps = Object.entries(TAPS).map(([tap, { space }]) => {
          if (tap === "probabilities") return [tap, tf.softmax(logits)];
          return [tap, tap === "logits" ? logits : space === "simplex" ? tf.softmax(leaf(tap)) : leaf(tap)];
        });
        return { logits, taps: Object.fromEntries(taps) };
      },
    };
  },
};

/** Standard normal; pixels at one place in source and target are much alike, so that small steps keep most cycles. */
function tapValues(seed: number, domain: Domain, tap: string, count: number): Float32Array {
  const source = normals(count, seed, tap);
  if (domain === "source") return source;
  return normals(count, seed, `target ${tap}`).map((own, k) => 0.99 * source[k]! + 0.15 * own);
}

/** A parameter that nothing depends on. */
const UNREAD = "unread";

/** What the parameter behind a tap is called. */
function paramName(domain: Domain, tap: string): string {
  return `${domain}.${tap}`;
}

/** Random labels of both images, one pixel in eight ignored. */
export function randomLabels(seed: number): Uint8Array {
  const random = Random.stream(seed, "labels");
  return Uint8Array.from({ length: IMAGES * LABEL_SIZE[0] * LABEL_SIZE[1] }, () => {
    const ignored = random.next() < 1 / 8;
    return ignored ? IGNORE_LABEL : random.integer(0, CLASSES.length - 1);
  });
}

/** A run whose only term is this loss. The taps' values and what the loss draws follow from the seed. */
export function assembleLoss(plan: LossPlan, seed: number): Run {
  const term = planned("loss", plan);
  const whole = tinyPlan({
    seed,
    labelSpace: { name: "contract", classes: CLASSES, ignore: IGNORE_LABEL },
    model: { type: "taps", plan: tapModel },
    losses: [term],
    // Large steps, so that what a second step does differs from the first.
    optimizer: optimizerPlan({ lr: 3, momentum: 0, weight_decay: 0 }),
  });
  const run = assemble(whole, [term]);
  // At their first weights opponents hardly react to anything; at twice these, five layers react 32 times as much.
  tf.tidy(() => opponentParams(run).forEach(({ value }) => value.assign(tf.mul(value, 2))));
  return run;
}

function batches(run: Run, labels: Uint8Array) {
  const [height, width] = LABEL_SIZE;
  const batch = {
    ids: Array.from({ length: IMAGES }, (_, k) => `image ${k}`),
    size: [height, width] as [number, number],
    images: new Float32Array(IMAGES * height * width * 3),
  };
  return { source: { ...batch, labels }, ...(run.needsTarget ? { target: batch } : {}) };
}

/** The term of one pass. */
export interface Evaluation {
  readonly value: number;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** By {@linkcode paramName}; null where the term does not depend on a tap. */
  readonly gradients: Readonly<Record<string, Float32Array | null>>;
}

/** Runs the term of {@linkcode assembleLoss} once, as the trainer does; nothing is updated. */
export function evaluate(run: Run, labels: Uint8Array): Evaluation {
  const pass = runPass(run, batches(run, labels), { terms: run.terms, clock: { step: 0, steps: 10 } });
  try {
    const { value } = pass.scalars[0]!;
    const gradients = run.segmenter.params.map(({ name }, k) => [name, pass.grads[k]?.dataSync() ?? null]);
    return {
      value: value.dataSync()[0]!,
      shape: value.shape,
      dtype: value.dtype,
      gradients: Object.fromEntries(gradients),
    };
  } finally {
    tf.dispose(tensorsOf(pass));
  }
}

/** The value alone: no parameter that the term depends on is asked for, so nothing is differentiated. */
export function valueOf(run: Run, labels: Uint8Array): number {
  const params = run.segmenter.params.filter(({ name }) => name === UNREAD);
  const terms = run.terms.map((term) => ({ ...term, opponents: [] }));
  const { value } = evaluate({ ...run, terms, segmenter: { ...run.segmenter, params } }, labels);
  return value;
}

/** Two updates of taps and opponents: the value at every step, then every parameter as it came out. */
export async function train(run: Run, labels: Uint8Array): Promise<readonly ArrayLike<number>[]> {
  const values: number[] = [];
  for (let step = 0; step < 2; step++) {
    const passes = [batches(run, labels)];
    values.push((await trainStep(run, { step, steps: 10, passes, multiplier: 1 })).total);
  }
  return [
    values,
    ...[...run.segmenter.params, ...opponentParams(run)].map(({ value }) => value.dataSync().slice()),
  ];
}

/** The taps that the term says it reads, and the logits, which it may always read. */
export function readParams(run: Run): readonly Param[] {
  const taps = ["logits", ...run.terms[0]!.planned.plan.needs.taps.map(({ name }) => name)];
  const read = new Set(taps.flatMap((tap) => [paramName("source", tap), paramName("target", tap)]));
  return run.segmenter.params.filter(({ name }) => read.has(name));
}

/** Gives a parameter other values. */
export function overwrite(variable: Param["value"], values: ArrayLike<number>): void {
  tf.tidy(() => {
    variable.assign(tf.tensor(Float32Array.from(values), variable.shape));
  });
}

function opponentParams(run: Run): readonly Param[] {
  return run.terms.flatMap((term) => term.opponents.flatMap(({ player }) => player.params));
}
