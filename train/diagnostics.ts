/** What is measured beside a step (`training.diagnostics`). Nothing here changes a number of the run. */
import * as tf from "@tensorflow/tfjs-core";
import { normalisedEntropy } from "../ops/entropy.ts";
import { UserError } from "../core/errors.ts";
import type { MovedMemory } from "../core/memory.ts";
import type { Measure, PhasePlan, RunPlan } from "../core/plan.ts";
import { viewKey } from "../core/needs.ts";
import { STUDENT } from "../core/term.ts";
import type { Input } from "../datasets/input.ts";
import { type BatchLookup, batchLookup } from "../datasets/loader.ts";
import type { Run } from "./assemble.ts";
import { gradientNorm } from "./clip.ts";
import { type Batches, type Clock, computePass, contextFor, labelsOf, measuring } from "./context.ts";
import { loaderOptions, type OpenStream } from "./loaders.ts";
import { passOf, runPass, type Stages, tensorsOf } from "./pass.ts";
import type { Team } from "./together.ts";

/** Values by name, as `DiagnosticsEvent` has them. */
export type Values = Record<string, number>;

/** A step to be measured. */
export interface MeasuredStep {
  /** The batches of its first pass. */
  readonly batches: Batches;
  /** The same batches with labels that training does not see, by stream, where the recipe lets them be read. */
  readonly labelled?: Batches | undefined;
  readonly clock: Clock;
  readonly measure: readonly Measure[];
}

/**
 * Measures what terms say of themselves, entropy and gradients by term on the weights before the step, in passes of their
 * own, of which nothing stays. Values that are not finite are left out.
 * @throws whatever a term throws, and UserError when memory runs out
 */
export async function measureStep(run: Run, step: MeasuredStep): Promise<Values> {
  const found = {
    ...await read(() => measureViews(run, step)),
    ...step.measure.includes("gradients") ? await measureGradients(run, step) : {},
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => Number.isFinite(value)));
}

/**
 * What a step moved out of the heap and back, and the most that lay in either place since the run began, as `memory/...`.
 * @param before of the step
 */
export function memoryValues(before: MovedMemory, after: MovedMemory): Values {
  return {
    "memory/heap": after.heapPeak,
    "memory/outside": after.outsidePeak,
    "memory/out": after.out - before.out,
    "memory/back": after.back - before.back,
    "memory/seconds": after.seconds - before.seconds,
  };
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

/** A pass for every term: the gradient of a sum does not tell its parts. */
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
 * Opens streams that are read without labels once more, with labels, for the steps that are measured; none when the recipe does
 * not ask for them. @throws DataError, UserError when the target has no labels
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

/** The k-th batches of {@linkcode openLabelled}. */
export async function batchesAt(lookups: ReadonlyMap<string, BatchLookup>, k: number): Promise<Batches> {
  const batches: Record<string, Batches[string]> = {};
  for (const [stream, lookup] of lookups) batches[stream] = await lookup.at(k);
  return batches;
}
