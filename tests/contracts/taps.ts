/** A network whose parameters are its taps: the trainer's gradients are then gradients with respect to the taps. */
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import { neededViews } from "../../core/needs.ts";
import type { PlannedNetwork } from "../../core/plan.ts";
import type { LossPlan, ModelPlan, Param, TapInfo } from "../../core/plugin.ts";
import { fnv1a, Random } from "../../core/random.ts";
import { STUDENT } from "../../core/term.ts";
import type { Run } from "../../train/assemble.ts";
import { passOf, runPass, tensorsOf } from "../../train/pass.ts";
import type { Batches } from "../../train/context.ts";
import { trainStep } from "../../train/step.ts";
import { assembled, optimizerPlan, planned, tinyPlan } from "../train/fakes.ts";
import { normals } from "./differences.ts";

export const CLASSES = ["road", "car", "sky", "pole"];
const IMAGES = 2;
const CHANNELS = 8;
/** Height and width of every tap. */
const TAP_SIZE = [6, 5] as const;
/** Height and width of the labels: no whole multiple of the taps', and enough for a discriminator. */
export const LABEL_SIZE = [36, 32] as const;
/** The streams of {@linkcode assembleLoss}; every pixel of one has its place in the list as its value. */
export const STREAMS = ["source", "target"] as const;
/** Where the target's labels come from, so that they differ from the source's. */
const TARGET_SEED = 101;

type StreamName = (typeof STREAMS)[number];

/** The taps of the built-in models, narrow, and a further head. */
export const TAPS: Readonly<Record<string, TapInfo>> = Object.fromEntries(
  builtins().all("model").flatMap((model) => {
    const taps = builtins().plan("model", model.name).taps(CLASSES.length);
    // Those that only look at images have no head.
    const { logits } = taps;
    return Object.entries({ ...taps, ...logits ? { auxiliary: logits } : {} }).map(
      ([name, { head, ...tap }]) => {
        const narrow = { ...tap, channels: Math.min(tap.channels, CHANNELS) };
        // What is made of features is a parameter here.
        return [name, head === undefined ? narrow : { ...narrow, head: paramName("source", name) }];
      },
    );
  }),
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
    for (const stream of STREAMS) {
      for (const [tap, { channels }] of Object.entries(TAPS)) {
        // The model's own probabilities are those of its logits.
        if (tap === "probabilities") continue;
        const shape = [IMAGES, ...TAP_SIZE, channels];
        add(paramName(stream, tap), tapValues(setup.seed, stream, tap, shape.reduce((a, b) => a * b)), shape);
      }
    }
    return {
      params,
      buffers: {},
      classify() {
        throw new Error("no loss classifies features");
      },
      forward: (batches) =>
        batches.map((images) => {
          const stream = STREAMS[images.dataSync()[0]!]!;
          const leaf = (tap: string) =>
            tf.clone(params.find(({ name }) => name === paramName(stream, tap))!.value) as tf.Tensor4D;
          const logits = leaf("logits");
          const taps = Object.entries(TAPS).map(([tap, { space }]) => {
            if (tap === "probabilities") return [tap, tf.softmax(logits)];
            return [tap, tap === "logits" ? logits : space === "simplex" ? tf.softmax(leaf(tap)) : leaf(tap)];
          });
          return { logits, taps: Object.fromEntries(taps) };
        }),
    };
  },
};

/** Standard normal; pixels at one place in source and target are much alike, so that small steps keep most cycles. */
function tapValues(seed: number, stream: StreamName, tap: string, count: number): Float32Array {
  const source = normals(count, seed, tap);
  if (stream === "source") return source;
  return normals(count, seed, `target ${tap}`).map((own, k) => 0.99 * source[k]! + 0.15 * own);
}

/** A parameter that nothing depends on. */
const UNREAD = "unread";

/** What the parameter behind a tap is called. */
function paramName(stream: string, tap: string): string {
  return `${stream}.${tap}`;
}

/** Random labels of both images, one pixel in eight ignored. */
export function randomLabels(seed: number): Uint8Array {
  const random = Random.stream(seed, "labels");
  return Uint8Array.from({ length: IMAGES * LABEL_SIZE[0] * LABEL_SIZE[1] }, () => {
    const ignored = random.next() < 1 / 8;
    return ignored ? IGNORE_LABEL : random.integer(0, CLASSES.length - 1);
  });
}

/** Another network of the same taps, for losses that compare both; each name's has its own weights. */
function guideModel(name: string): ModelPlan {
  return {
    ...tapModel,
    create: (setup) => tapModel.create({ ...setup, seed: setup.seed + fnv1a(name) % 1000 + 1000 }),
  };
}

/** The networks beside the student that the loss reads, frozen. */
function readNetworks({ needs }: LossPlan): PlannedNetwork[] {
  const names = new Set(neededViews(needs).map(({ by }) => by).filter((by) => by !== STUDENT));
  return [...names].map((name) => ({
    name,
    at: ["networks", name],
    origin: "contract.yaml",
    plan: { training: false, start: "weights" },
    model: guideModel(name),
  }));
}

/** The tensors of a run that no checkpoint stores: what frozen networks are read from files. */
export function frozenTensors({ networks }: Run): number {
  return [...networks.values()].reduce(
    (sum, { segmenter: { params, buffers } }) => sum + params.length + Object.keys(buffers).length,
    0,
  );
}

/**
 * A run whose only term is this loss. The taps' values and what the loss draws follow from the seed.
 * @param straight keep every number positive that a leaky ReLU of an opponent sees
 */
export function assembleLoss(plan: LossPlan, seed: number, { straight = false } = {}): Run {
  const run = assembled(tinyPlan({
    seed,
    labelSpace: { name: "contract", classes: CLASSES, ignore: IGNORE_LABEL },
    model: { type: "taps", plan: tapModel },
    losses: [planned("loss", plan)],
    networks: readNetworks(plan),
    // Large steps, so that what a second step does differs from the first.
    optimizer: optimizerPlan({ lr: 3, momentum: 0, weight_decay: 0 }),
  }));
  // At their first weights opponents hardly react to anything; at twice these, five layers react 32 times as much.
  tf.tidy(() => opponentParams(run).forEach(({ value }) => value.assign(tf.mul(value, 2))));
  if (straight) tf.tidy(() => straighten(run));
  return run;
}

/**
 * Makes the taps positive, and all layers of the opponents but the last, which has a channel for the score. Sums become
 * twice a mean, or five layers would end where the loss is flat; of the fourth powers, or all channels would be alike.
 */
function straighten(run: Run): void {
  for (const { value } of run.segmenter.params) value.assign(tf.abs(value));
  for (const { value } of opponentParams(run)) {
    if (value.shape.at(-1) === 1) continue;
    const positive = tf.pow(value, 4);
    const mean = (filter: tf.Tensor) => tf.div(filter, tf.sum(filter, [0, 1, 2], true));
    value.assign(value.rank === 4 ? tf.mul(mean(positive), 2) : positive);
  }
}

/** Those that the term reads; the target's labels are always the same. */
function batches(run: Run, source: Uint8Array): Batches {
  const [height, width] = LABEL_SIZE;
  return Object.fromEntries(run.reads.map((stream) => [stream, {
    ids: Array.from({ length: IMAGES }, (_, k) => `image ${k}`),
    size: [height, width] as [number, number],
    images: new Float32Array(IMAGES * height * width * 3).fill(STREAMS.indexOf(stream as StreamName)),
    labels: stream === "source" ? source : randomLabels(TARGET_SEED),
  }]));
}

/** The term of one pass. */
export interface Evaluation {
  readonly value: number;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** By {@linkcode paramName}; null where the term does not depend on a tap. */
  readonly gradients: Readonly<Record<string, Float32Array | null>>;
}

/** Runs the term of {@linkcode assembleLoss} once, in the last step of ten, as the trainer does; nothing is updated. */
export function evaluate(run: Run, labels: Uint8Array): Evaluation {
  const pass = runPass(run, batches(run, labels), passOf(run, run.terms, { step: 9, steps: 10, pass: 0 }));
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

/**
 * The value alone: no parameter that the term depends on is asked for, so nothing is differentiated, unless it reads the
 * parameters themselves.
 */
export function valueOf(run: Run, labels: Uint8Array): number {
  const reads = run.terms.some(({ planned }) => planned.plan.needs.parameters?.length);
  const params = run.segmenter.params.filter(({ name }) => reads || name === UNREAD);
  const terms = run.terms.map((term) => ({ ...term, owners: [] }));
  const { value } = evaluate({ ...run, terms, segmenter: { ...run.segmenter, params } }, labels);
  return value;
}

/** Images that a term may look through before the first step: more than any counts by default. */
const LOOKED_THROUGH = 600;

/** Calls the terms' `begin`, with small random labels of every stream. */
export async function begin(run: Run): Promise<void> {
  for (const { term } of run.terms) {
    await term.hooks?.begin?.({
      random: Random.stream(run.seed, "begin"),
      signal: new AbortController().signal,
      note: () => {},
      async *batches(stream) {
        for (let k = 0; k < LOOKED_THROUGH; k++) {
          const random = Random.stream(k, stream);
          const labels = Uint8Array.from({ length: 64 }, () => random.integer(0, CLASSES.length - 1));
          yield await Promise.resolve({ size: [8, 8] as const, ids: [`${k}`], labels });
        }
      },
    });
  }
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
  const taps = neededViews(run.terms[0]!.planned.plan.needs).flatMap(({ taps }) => taps);
  const names = ["logits", ...taps.map(({ name }) => name)];
  const read = new Set(names.flatMap((tap) => STREAMS.map((stream) => paramName(stream, tap))));
  return run.segmenter.params.filter(({ name }) => read.has(name));
}

/** Gives a parameter other values. */
export function overwrite(variable: Param["value"], values: ArrayLike<number>): void {
  tf.tidy(() => {
    variable.assign(tf.tensor(Float32Array.from(values), variable.shape));
  });
}

function opponentParams(run: Run): readonly Param[] {
  return run.terms.flatMap(({ owners }) => owners.flatMap(({ params }) => params));
}
