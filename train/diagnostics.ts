/** What is measured beside a step (`training.diagnostics`). Nothing here changes a number of the run. */
import * as tf from "@tensorflow/tfjs-core";
import { associationMeasures } from "../ops/association/measures.ts";
import { levelPixels } from "../ops/association/level.ts";
import { nearestLabels } from "../ops/nearest.ts";
import { UserError } from "../core/errors.ts";
import type { DiagnosticsPlan, Measure, RunPlan } from "../core/plan.ts";
import type { StepContext } from "../core/plugin.ts";
import type { Input } from "../datasets/input.ts";
import { type Batch, type BatchLookup, batchLookup, type TrainLoaderOptions } from "../datasets/loader.ts";
import type { Run } from "./assemble.ts";
import { gradientNorm } from "./clip.ts";
import { type Batches, type Clock, forward, runPass, type Stages, tensorsOf } from "./pass.ts";

/** Values by name, as `DiagnosticsEvent` has them. */
export type Values = Record<string, number>;

/** A step to be measured. */
export interface MeasuredStep {
  /** The batches of its first pass. */
  readonly batches: Batches;
  /** The same target batch with labels, where the recipe lets them be read. */
  readonly labelled?: Batch | undefined;
  readonly clock: Clock;
  readonly measure: readonly Measure[];
}

/**
 * Measures associations, entropy and gradients by term on the weights before the step, in passes of their own; running
 * statistics are put back afterwards. Values that are not finite are left out.
 * @throws whatever a term throws, and UserError when memory runs out
 */
export async function measureStep(run: Run, step: MeasuredStep): Promise<Values> {
  const buffers = Object.values(run.segmenter.buffers);
  const before = buffers.map((buffer) => tf.keep(tf.clone(buffer)));
  try {
    const found = {
      ...await read(() => measureViews(run, step)),
      ...step.measure.includes("gradients") ? await measureGradients(run, step) : {},
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => Number.isFinite(value)));
  } finally {
    buffers.forEach((buffer, k) => buffer.assign(before[k]!));
    tf.dispose(before);
  }
}

/** Scalars in one transfer. */
async function read(compute: () => Readonly<Record<string, tf.Scalar>>): Promise<Values> {
  let names: string[] = [];
  const stacked = tf.tidy(() => {
    const scalars = compute();
    names = Object.keys(scalars);
    return names.length === 0 ? undefined : tf.stack(names.map((name) => scalars[name]!));
  });
  if (stacked === undefined) return {};
  const numbers = await stacked.data();
  stacked.dispose();
  return Object.fromEntries(names.map((name, k) => [name, numbers[k]!]));
}

function measureViews(run: Run, step: MeasuredStep): Record<string, tf.Scalar> {
  const { measure, batches, clock } = step;
  const associates = measure.includes("associations") &&
    run.terms.some(({ planned }) => planned.plan.association !== undefined);
  if (!associates && !measure.includes("entropy")) return {};
  const context = forward(run, batches, { terms: run.terms, clock });
  return {
    ...(associates ? associations(run, context, step) : {}),
    ...(measure.includes("entropy")
      ? {
        "entropy/source": relativeEntropy(context.source.logits),
        ...(context.target ? { "entropy/target": relativeEntropy(context.target.logits) } : {}),
      }
      : {}),
  };
}

function associations(run: Run, { source, target, ignoreLabel }: StepContext, { labelled }: MeasuredStep) {
  const scalars: Record<string, tf.Scalar> = {};
  if (target === undefined) return scalars;
  for (const { planned } of run.terms) {
    for (const level of planned.plan.association ?? []) {
      const tap = target.taps[level.tap]!;
      const taps = { source: source.taps[level.tap]!, target: tap, labels: source.labels };
      const targetLabels = labelled && labelsAt(labelled, tap);
      const found = associationMeasures(
        { ...levelPixels(taps, level), targetLabels },
        { similarity: level.similarity, ignoreLabel },
      );
      for (const [name, value] of Object.entries(found)) {
        scalars[`${planned.name}/${level.label} ${name}`] = value;
      }
    }
  }
  return scalars;
}

/** The labels at a tap's size, int32 [N, h * w]. */
function labelsAt({ labels, ids, size }: Batch, tap: tf.Tensor4D): tf.Tensor2D {
  const [n, height, width] = tap.shape;
  const whole = tf.tensor3d(Int32Array.from(labels!), [ids.length, ...size], "int32");
  return tf.reshape(nearestLabels(whole, [height, width]), [n, height * width]);
}

/** The mean over pixels of -sum p ln p / ln K, in [0, 1]. @param logits float32 [N, h, w, K]; K = 1 gives 0 */
export function relativeEntropy(logits: tf.Tensor4D): tf.Scalar {
  const logs = tf.logSoftmax(logits);
  const entropy = tf.sub(0, tf.mean(tf.sum(tf.mul(tf.exp(logs), logs), -1)));
  return tf.div(entropy, Math.log(Math.max(2, logits.shape[3]))) as tf.Scalar;
}

/** A pass for every term: the gradient of a sum does not tell its parts. */
async function measureGradients(run: Run, { batches, clock }: MeasuredStep): Promise<Values> {
  const values: Values = {};
  for (const term of run.terms) {
    const pass = runPass(run, batches, { terms: [term], clock });
    try {
      Object.assign(
        values,
        await read(() => ({ [`gradient/${term.planned.name}`]: gradientNorm(pass.grads) })),
      );
    } finally {
      tf.dispose(tensorsOf(pass));
    }
  }
  return values;
}

/** Seconds by stage, of one step. */
export interface Stopwatch extends Stages {
  /** As `seconds/<stage>` and `seconds/step`, their sum; what was measured in between is left out. */
  readonly values: Values;
  /** Milliseconds that went into measuring. */
  readonly measuring: number;
}

/** Starts at once. @param now milliseconds; for tests */
export function stopwatch(now: () => number = () => performance.now()): Stopwatch {
  const spent = new Map<string, number>();
  let last = now();
  return {
    over(stage) {
      const time = now();
      spent.set(stage, (spent.get(stage) ?? 0) + time - last);
      last = time;
    },
    get values() {
      const stages = [...spent].filter(([stage]) => stage !== "measuring");
      const whole = stages.reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
      return Object.fromEntries(
        [...stages, ["step", whole] as const].map(([stage, ms]) => [`seconds/${stage}`, ms / 1000]),
      );
    },
    get measuring() {
      return spent.get("measuring") ?? 0;
    },
  };
}

/**
 * Opens the target once more, with labels, for the steps that are measured; undefined when the recipe does not ask for them.
 * @param options those of the target's loader @throws DataError, UserError when the target has no labels
 */
export async function openLabelled(
  { data, training: { diagnostics } }: RunPlan,
  input: Input,
  options: Omit<TrainLoaderOptions, "skip" | "ahead">,
): Promise<BatchLookup | undefined> {
  if (!wantsLabels(diagnostics)) return undefined;
  const dataset = await input.open(data.target);
  if (dataset.unlabelled !== undefined) {
    throw new UserError(
      `training.diagnostics.target_labels: the target has no labels to compare with: ${dataset.unlabelled}`,
    );
  }
  return batchLookup(dataset, { ...options, labels: true });
}

function wantsLabels(diagnostics: DiagnosticsPlan | undefined): boolean {
  return diagnostics !== undefined && diagnostics.targetLabels &&
    diagnostics.measure.includes("associations");
}
