/**
 * What is measured beside a step (`training.diagnostics`). Measuring changes no number of the run: it makes
 * passes of its own over the batches of the step, draws from random numbers that follow from the step and
 * not from what was drawn before, and throws away gradients and running statistics. A measured run and an
 * unmeasured one end with the same bits.
 */
import * as tf from "@tensorflow/tfjs-core";
import { normalisedEntropy } from "../ops/entropy.ts";
import { UserError } from "../core/errors.ts";
import { movedBetween, type MovedMemory } from "../core/memory.ts";
import type { Measure, PhasePlan, RunPlan } from "../core/plan.ts";
import { viewKey } from "../core/needs.ts";
import { STUDENT } from "../core/term.ts";
import type { Input } from "../datasets/input.ts";
import { type BatchLookup, batchLookup } from "../datasets/loader.ts";
import type { Run } from "./assemble.ts";
import { gradientNorm } from "./clip.ts";
import { computePass, labelsOf } from "./compute_pass.ts";
import { type Batches, type Clock, contextFor, measuring } from "./context.ts";
import { loaderOptions, type OpenStream } from "./loaders.ts";
import { passOf, runPass, type Stages, tensorsOf } from "./pass.ts";
import type { Team } from "./together.ts";

/** Values by name, as a `DiagnosticsEvent` holds them. */
export type Values = Record<string, number>;

/** A step to be measured. */
export interface MeasuredStep {
  /** The batches of the step's first pass. */
  readonly batches: Batches;
  /** The same images with the labels that training does not see; absent unless the recipe asks for them. */
  readonly labelled?: Batches | undefined;
  readonly clock: Clock;
  readonly measure: readonly Measure[];
}

/**
 * Measures on the weights before the step, as far as the step's `measure` asks for it: what terms measure of
 * themselves (`<loss>/<name>`), the student's normalised entropy on each stream that is read
 * (`entropy/<stream>`), and the norm of each term's gradient (`gradient/<loss>`). Values that are not finite
 * are left out. All tensors are freed.
 * @throws whatever a term throws, and UserError when memory runs out
 */
export async function measureStep(run: Run, step: MeasuredStep): Promise<Values> {
  const values = {
    ...await read(() => measureViews(run, step)),
    ...step.measure.includes("gradients") ? await measureGradients(run, step) : {},
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
}

/** How many kinds of tensors are named, those that moved the most bytes. */
const NAMED = 3;

/**
 * What the backend moved out of its heap during a step and back, in bytes and seconds, and the largest sizes
 * of the heap and of what lay outside since the run began, as `memory/...`; the kinds of tensors that moved
 * most as `memory/moved <operator> [<shape>]`, their bytes both ways.
 */
export function memoryValues(before: MovedMemory, after: MovedMemory): Values {
  const kinds = movedBetween(before, after).slice(0, NAMED);
  return {
    "memory/heap": after.heapPeak,
    "memory/outside": after.outsidePeak,
    "memory/out": after.out - before.out,
    "memory/back": after.back - before.back,
    "memory/seconds": after.seconds - before.seconds,
    ...Object.fromEntries(kinds.map(({ what, bytes }) => [`memory/moved ${what}`, bytes])),
  };
}

/** Reads scalars from the backend, all in one transfer. */
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
  const { measure, batches, labelled } = step;
  const terms = measure.includes("terms") ? run.terms.filter(({ term }) => term.measure) : [];
  const wantsEntropy = measure.includes("entropy");
  if (terms.length === 0 && !wantsEntropy) return {};
  const at = { ...step.clock, pass: 0 };
  const { entries } = passOf(run, wantsEntropy ? run.terms : terms, at);
  const computed = computePass(run, batches, { entries, at });
  const hidden = Object.fromEntries(
    Object.entries(labelled ?? {}).map(([stream, batch]) => [stream, labelsOf(batch)]),
  );
  const scalars: Record<string, tf.Scalar> = {};
  for (const { planned, term } of terms) {
    const context = measuring(contextFor(run, computed, { kind: "loss", planned, at }), hidden);
    for (const [name, value] of Object.entries(term.measure!(context))) {
      scalars[`${planned.name}/${name}`] = value;
    }
  }
  if (wantsEntropy) {
    for (const stream of run.reads) {
      const view = computed.views.get(viewKey({ stream, by: STUDENT }));
      if (view) scalars[`entropy/${stream}`] = normalisedEntropy(view.logits);
    }
  }
  return scalars;
}

/** The norm of each term's gradient. Each needs a pass of its own, since the objective has only the sum. */
async function measureGradients(run: Run, { batches, clock }: MeasuredStep): Promise<Values> {
  const values: Values = {};
  for (const term of run.terms) {
    const pass = runPass(run, batches, passOf(run, [term], { ...clock, pass: 0 }));
    const name = `gradient/${term.planned.name}`;
    try {
      Object.assign(values, await read(() => ({ [name]: gradientNorm(pass.grads) })));
    } finally {
      tf.dispose(tensorsOf(pass));
    }
  }
  return values;
}

/** Takes the time of the stages of one step. */
export interface Stopwatch extends Stages {
  /**
   * Seconds: `seconds/<stage>` of each stage, `seconds/step` their sum. The stage `measuring` is left out.
   */
  readonly values: Values;
  /** Milliseconds of the stage `measuring`. */
  readonly measuring: number;
}

/** A stopwatch that runs from now. @param now the time in milliseconds; another clock for tests */
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
 * Opens the streams that training reads without labels a second time, with labels, for the steps that are
 * measured. Gives none when the recipe does not ask for them (`training.diagnostics.target_labels`).
 * @throws DataError when a dataset cannot be read, UserError when it has no labels
 */
export async function openLabelled(
  { plan, phase, input, team: { world: share } }: {
    readonly plan: RunPlan;
    readonly phase: PhasePlan;
    readonly input: Input;
    readonly team: Team;
  },
  streams: readonly OpenStream[],
): Promise<ReadonlyMap<string, BatchLookup>> {
  const lookups = new Map<string, BatchLookup>();
  const { diagnostics } = phase.training;
  if (!diagnostics?.targetLabels || !diagnostics.measure.includes("terms")) return lookups;
  for (const { stream } of streams) {
    if (stream.labels || !("dataset" in stream)) continue;
    const dataset = await input.open(stream.dataset);
    if (dataset.unlabelled !== undefined) {
      throw new UserError(
        `training.diagnostics.target_labels: the ${stream.name} has no labels to compare with: ${dataset.unlabelled}`,
      );
    }
    lookups.set(
      stream.name,
      batchLookup(dataset, { ...loaderOptions(plan, phase, { ...stream, share }), labels: true }),
    );
  }
  return lookups;
}

/** The k-th batch, counted from 0, of each stream that {@linkcode openLabelled} gave. */
export async function batchesAt(lookups: ReadonlyMap<string, BatchLookup>, k: number): Promise<Batches> {
  const batches: Record<string, Batches[string]> = {};
  for (const [stream, lookup] of lookups) batches[stream] = await lookup.at(k);
  return batches;
}
