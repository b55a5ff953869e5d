/** A tiny network, in-memory data and a cross-entropy, so that the loop is tested without the real plugins. */
import * as tf from "@tensorflow/tfjs-core";
import { conv2d } from "../../ops/conv2d.ts";
import {
  lastPhase,
  type PhasePlan,
  type PlannedLoss,
  type PlannedStream,
  type RunPlan,
} from "../../core/plan.ts";
import type {
  DatasetPlan,
  FileReader,
  LabelledView,
  LossPlan,
  LossTerm,
  ModelPlan,
  OptimizerPlan,
  Sample,
  StepContext,
} from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { poly } from "../../optim/schedule.ts";
import { sgd } from "../../optim/sgd.ts";
import { Registry } from "../../core/registry.ts";
import { assemble, type Run } from "../../train/assemble.ts";

export const CLASSES = ["dark", "bright", "never"];
export const SIDE = 12;
const CHANNELS = 6;

/** 3x3 convolution, ReLU, 1x1 convolution; a running mean as its only buffer. */
export const tinyModel: ModelPlan = {
  featureTap: "features",
  taps: (numClasses) => ({
    features: { channels: CHANNELS, stride: 1, space: "real" },
    logits: { channels: numClasses, stride: 1, space: "real" },
    probabilities: { channels: numClasses, stride: 1, space: "simplex" },
  }),
  create(setup) {
    const filter = (name: string, shape: [number, number, number, number]) => {
      const random = Random.stream(setup.seed, name);
      const initial = tf.tidy(() =>
        tf.tensor4d(
          Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal() * 0.3),
          shape,
        )
      );
      const variable = setup.variable(name, initial) as tf.Variable<tf.Rank.R4>;
      initial.dispose();
      return variable;
    };
    const first = filter("first.weight", [3, 3, 3, CHANNELS]);
    const second = filter("second.weight", [1, 1, CHANNELS, setup.numClasses]);
    const zero = tf.zeros([CHANNELS]);
    const running = setup.variable("first.running_mean", zero, false);
    zero.dispose();
    const classify = (x: tf.Tensor4D) => conv2d(x, second);
    return {
      params: [
        { name: "first.weight", value: first, group: "backbone" },
        { name: "second.weight", value: second, group: "head" },
      ],
      buffers: { "first.running_mean": running },
      classify,
      forward: (batches, { training }) =>
        batches.map((images) => {
          const features = tf.relu(conv2d(images, first, { padding: 1, constantInput: true }));
          const logits = classify(features);
          const taps = { features, logits, probabilities: tf.softmax(logits) };
          if (!training) return { logits, taps };
          const add = tf.tidy(() => tf.mul(tf.mean(features, [0, 1, 2]), 0.1));
          return { logits, taps, updates: [{ variable: running, keep: 0.9, add }] };
        }),
    };
  },
};

/** How {@linkcode tinyData} differs from its defaults. */
export interface TinyDataOptions {
  readonly count?: number;
  readonly name?: string;
  /** Every pixel is labelled with this id. */
  readonly label?: number;
  /** Receives the index and whether labels were wanted. */
  readonly onRead?: (index: number, labels: boolean) => void;
}

/** Images whose left part is dark and whose right part is bright, the border at a random column. */
export function tinyData({ count = 4, name = "tiny", label, onRead }: TinyDataOptions = {}): DatasetPlan {
  return {
    labelSpace: { name: "tiny", classes: CLASSES, ignore: 255 },
    needsRoot: false,
    open: ({ seed }) =>
      Promise.resolve({
        length: count,
        read(index, want): Promise<Sample> {
          onRead?.(index, want.labels);
          const random = Random.stream(seed, `${name}:${index}`);
          const border = random.integer(3, SIDE - 3);
          const image = new Uint8Array(SIDE * SIDE * 3);
          const labels = new Uint8Array(SIDE * SIDE);
          for (let k = 0; k < labels.length; k++) {
            const bright = k % SIDE >= border;
            labels[k] = label ?? (bright ? 1 : 0);
            image.fill(random.integer(0, 60) + (bright ? 150 : 0), 3 * k, 3 * k + 3);
          }
          const sample = { id: `${name}-${index}`, width: SIDE, height: SIDE, image };
          return Promise.resolve(want.labels ? { ...sample, labels } : sample);
        },
      }),
  };
}

/** A term that reads nothing but the source's logits and labels. */
export function lossPlan(compute: LossTerm["compute"], more: Partial<LossTerm> = {}): LossPlan {
  return { needs: { taps: [], target: false }, create: () => ({ compute, ...more }) };
}

/** The mean cross-entropy of the pixels that are not ignored. */
export function crossEntropy(
  { source, ignoreLabel }: Pick<StepContext, "source" | "ignoreLabel">,
): { loss: tf.Scalar } {
  const classes = source.logits.shape[3];
  const counted = tf.cast(tf.notEqual(source.labels, ignoreLabel), "float32");
  const ids = tf.mul(source.labels, tf.cast(counted, "int32"));
  const picked = tf.sum(tf.mul(tf.logSoftmax(source.logits), tf.oneHot(tf.cast(ids, "int32"), classes)), 3);
  const sum = tf.neg(tf.sum(tf.mul(picked, counted)));
  return { loss: tf.div(sum, tf.maximum(tf.sum(counted), 1)) as tf.Scalar };
}

/** The same on a labelled stream. */
export function learning(stream: string): LossPlan {
  return {
    needs: { views: [{ stream, labels: true }] },
    create: () => ({
      compute: ({ view, ignoreLabel }) => crossEntropy({ source: view(stream) as LabelledView, ignoreLabel }),
    }),
  };
}

/** A planned term as the recipe's third loss of a user's file. */
export function planned(name: string, plan: LossPlan, weight = 1): PlannedLoss {
  return { name, weight, plan, at: ["losses", 2], origin: "./my_loss.ts" };
}

/** The plan of a plugin with the given options. */
export function optimizerPlan(options: object): OptimizerPlan {
  return new Registry([sgd]).plan("optimizer", { type: "sgd", options });
}

/** What {@linkcode tinyPlan} takes: fields of the run, of its data, and of its last phase. */
export interface TinyParts extends Omit<Partial<RunPlan>, "phases" | "data">, Partial<PhaseParts> {
  readonly data?: Partial<RunPlan["data"]>;
  /** Trained first. */
  readonly baseline?: Pick<PhasePlan, "name" | "losses">;
  /** Phases before the last one, whose parts they share. */
  readonly earlier?: readonly (Partial<PhaseParts> & Pick<PhasePlan, "name">)[];
}

/** `streams` are those beside target and source. */
type PhaseParts = Omit<PhasePlan, "name" | "baseline" | "training">;

/** Twelve steps of the tiny network; `more` replaces whole fields, `training` its own fields. */
export function tinyPlan(more: TinyParts = {}, training: Partial<PhasePlan["training"]> = {}): RunPlan {
  const {
    losses = [planned("ce", lossPlan(crossEntropy))],
    optimizer = optimizerPlan({ lr: 0.2 }),
    schedule = new Registry([poly]).plan("schedule", "poly"),
    from = { kind: "seed" },
    streams = [],
    networks = [],
    groups = [],
    before = [],
    baseline,
    earlier = [],
    ...run
  } = more;
  const data = {
    root: "",
    source: tinyData(),
    target: tinyData({ name: "target" }),
    splits: { train: tinyData(), val: tinyData({ name: "val" }) },
    ...run.data,
  };
  const name = run.name ?? "tiny";
  const place = (name: string) => ({ name, at: [], origin: "tiny.yaml" });
  const read: PlannedStream[] = [
    { ...place("target"), dataset: data.target, labels: false },
    { ...place("source"), dataset: data.source, labels: true },
  ];
  const last: PhasePlan = {
    name,
    from,
    before,
    streams: [...read, ...streams],
    networks,
    losses,
    optimizer,
    groups,
    schedule,
    training: {
      steps: 12,
      batch: 2,
      accumulation: 1,
      validateEvery: 0,
      checkpointEvery: 0,
      keepCheckpoints: 2,
      logEvery: 5,
      ...training,
    },
  };
  return {
    name,
    seed: 7,
    backend: "native",
    labelSpace: { name: "tiny", classes: CLASSES, ignore: 255 },
    input: {
      training: { crop: [SIDE, SIDE], flip: false },
      normalization: { order: "rgb", scale: 1 / 255, mean: [0.5, 0.5, 0.5], deviation: [0.3, 0.3, 0.3] },
      workers: 0,
    },
    model: { type: "tiny", plan: tinyModel },
    evaluation: { labelSize: "original" },
    resolved: {},
    ...run,
    data,
    phases: [
      ...baseline ? [{ ...last, ...baseline, baseline: true, from: { kind: "seed" } as const }] : [],
      ...earlier.map((phase) => ({
        ...last,
        ...phase,
        streams: [...read, ...phase.streams ?? streams],
      })),
      last,
    ],
  };
}

/** What trains the last phase of a plan. */
export function assembled(plan: RunPlan): Run {
  return assemble(plan, lastPhase(plan));
}

/** Reads from the disk as it is. */
export const plainFiles: FileReader = {
  read: (path) => Deno.readFile(path),
  list: () => Promise.reject(new Error("not used")),
};
