/** One forward and backward pass of an update over one batch of each stream. */
import * as tf from "@tensorflow/tfjs-core";
import { type BackwardListener, gradients } from "../ops/gradients.ts";
import { coefficientAt } from "../core/coefficient.ts";
import { LossError, UserError } from "../core/errors.ts";
import type { LossOutput, Update } from "../core/plugin.ts";
import { planPasses, type UpdatePlan } from "../core/step_plan.ts";
import { solo, type World } from "../core/world.ts";
import type { Run, RunOwner, Term } from "./assemble.ts";
import type { PassInput } from "./broken.ts";
import { type Batches, type Computed, computePass, contextFor, type PassAt } from "./context.ts";
import { checkedOutput, describePlanned, messageOf } from "./loss_errors.ts";

/** A scalar to be read, with what it is. */
export interface NamedScalar {
  readonly name: string;
  /** Named in the error when the value is NaN or infinite; absent for what is only logged. */
  readonly who?: string;
  /** Share of the weighted sum. */
  readonly weight: number;
  readonly value: tf.Scalar;
}

/** Gradients of one owner over one pass. */
export interface OwnerPass {
  readonly owner: RunOwner;
  readonly grads: Gradients;
}

/** Aligned with the parameters; null where the objective does not reach one. */
export type Gradients = readonly (tf.Tensor | null)[];

/** Everything a pass yields. Its tensors belong to the caller. */
export interface Pass {
  /** What it was made of. */
  readonly input: PassInput;
  /** Of the student. */
  readonly grads: Gradients;
  readonly scalars: readonly NamedScalar[];
  /** Joint owners first, then those with a value of their own. */
  readonly owners: readonly OwnerPass[];
  /** Of running statistics, in the order of the views. */
  readonly updates: readonly Update[];
}

/** What a pass is made of. */
export interface PassOptions {
  /** The terms that it computes, and the list of what they need. */
  readonly terms: readonly Term[];
  readonly entries: UpdatePlan["entries"];
  readonly at: PassAt;
  /** Takes the time of the stages. */
  readonly stages?: Stages | undefined;
  /**
   * Asked who hears of the gradients of these, those of the student and then of the joint owners, as they are
   * made.
   */
  readonly listen?: ((variables: readonly tf.Variable[]) => BackwardListener) | undefined;
}

/** Takes the time of a step's stages. */
export interface Stages {
  /** What was done since the stage before belongs to `stage`. */
  over(stage: "input" | "forward" | "backward" | "read" | "update" | "measuring"): void;
}

/** A pass that computes some of the terms and only what these need. */
export function passOf(run: Run, terms: readonly Term[], at: PassAt): PassOptions {
  const needs = terms.map(({ planned }) => planned.plan.needs);
  return { terms, entries: planPasses(run.phase, needs).entries, at };
}

/** Whether an owner is updated in a step, counted from 0. */
export function isDue({ plan: { every = 1, first = every - 1 } }: RunOwner, step: number): boolean {
  return step >= first && (step - first) % every === 0;
}

/**
 * The views of the list, then the weighted sum of the terms and its gradient by the student and the joint owners, then the
 * gradient of every owner that follows on what its term handed over.
 * @throws LossError when a term, a stream or an owner fails
 */
export function runPass(run: Run, batches: Batches, options: PassOptions): Pass {
  const { terms, entries, at, stages, listen } = options;
  const joint = ownersOf(run, terms, entries).filter((owner) =>
    owner.plan.when === "joint" && isDue(owner, at.step)
  );
  return kept((keep) => {
    const scalars: NamedScalar[] = [];
    const handoffs = new Map<Term, Record<string, tf.Tensor>>();
    const updates: Update[] = [];
    const student = run.segmenter.params;
    const variables = [...student, ...joint.flatMap((owner) => owner.params)].map(({ value }) => value);
    const all = gradientsOf(variables, () => {
      const computed = computePass(run, batches, { entries, at });
      updates.push(...computed.updates.map((update) => ({ ...update, add: keep(update.add) })));
      return terms.map((term) => {
        const output = outputOf(run, computed, { term, at });
        const { planned } = term;
        const weight = coefficientAt(planned.weight, at);
        scalars.push({
          name: planned.name,
          who: describePlanned("loss", planned),
          weight,
          value: keep(output.loss),
        });
        for (const [name, value] of Object.entries(output.logs ?? {})) {
          scalars.push({ name: `${planned.name}/${name}`, weight: 0, value: keep(value) });
        }
        handoffs.set(term, keptRecord(output.handoff, keep));
        return tf.mul(output.loss, weight) as tf.Scalar;
      }).reduce((a, b) => tf.add(a, b));
    }, { onValue: () => stages?.over("forward"), listener: listen?.(variables) });
    let from = student.length;
    const owners: OwnerPass[] = joint.map((owner) => ({
      owner,
      grads: all.slice(from, from += owner.params.length),
    }));
    for (const term of terms) {
      for (const owner of term.owners) {
        if ((owner.plan.when ?? "after") !== "after" || !isDue(owner, at.step)) continue;
        const made = ownerPass(owner, handoffs.get(term)!, {
          keep,
          file: term.planned.file,
          world: at.world,
        });
        scalars.push(...made.scalars);
        owners.push({ owner, grads: made.grads });
      }
    }
    stages?.over("backward");
    const input = { batches, entries, at };
    return { input, grads: all.slice(0, student.length), scalars, owners, updates };
  });
}

/**
 * The gradients of the owners that are updated ahead of the student, on what their terms hand over; the student's views are
 * constants, and nothing else comes of this pass. @throws LossError
 */
export function runOwnersBefore(
  run: Run,
  batches: Batches,
  { terms, owners, at }: {
    readonly terms: readonly Term[];
    readonly owners: readonly RunOwner[];
    readonly at: PassAt;
  },
): Pass {
  return kept((keep) => {
    const { entries } = passOf(run, terms, at);
    const computed = computePass(run, batches, {
      entries: entries.map((entry) => entry.kind === "view" ? { ...entry, gradient: false } : entry),
      at,
    });
    const scalars: NamedScalar[] = [];
    const passes: OwnerPass[] = [];
    for (const term of terms) {
      const { handoff } = outputOf(run, computed, { term, at });
      for (const owner of term.owners.filter((one) => owners.includes(one))) {
        const made = ownerPass(owner, handoff ?? {}, { keep, file: term.planned.file, world: at.world });
        scalars.push(...made.scalars);
        passes.push({ owner, grads: made.grads });
      }
    }
    return { input: { batches, entries, at }, grads: [], scalars, owners: passes, updates: [] };
  });
}

function outputOf(
  run: Run,
  computed: Computed,
  { term: { planned, term }, at }: { readonly term: Term; readonly at: PassAt },
): LossOutput {
  const compute = () => term.compute(contextFor(run, computed, { kind: "loss", planned, at }));
  return checkedOutput(describePlanned("loss", planned), compute, planned.file);
}

type Keep = <T extends tf.Tensor>(tensor: T) => T;

function ownerPass(
  { who, name, params, compute }: RunOwner,
  handoff: Readonly<Record<string, tf.Tensor>>,
  { keep, file, world = solo }: {
    readonly keep: Keep;
    readonly file: string | undefined;
    readonly world: World | undefined;
  },
): { readonly grads: Gradients; readonly scalars: readonly NamedScalar[] } {
  const scalars: NamedScalar[] = [];
  try {
    const grads = gradientsOf(params.map(({ value }) => value), () => {
      const { loss, logs = {} } = checkedOutput(who, () => compute!(handoff, { world }), file);
      scalars.push({ name, who, weight: 0, value: keep(loss) });
      for (const [log, value] of Object.entries(logs)) {
        scalars.push({ name: `${name}/${log}`, weight: 0, value: keep(value) });
      }
      return loss;
    });
    return { grads, scalars };
  } catch (error) {
    throw error instanceof ObjectiveError ? new LossError(`${who} ${error.fault}`, { cause: error }) : error;
  }
}

/** The owners of terms and of the streams that are made for them. */
export function ownersOf(
  { streams }: Run,
  terms: readonly Term[],
  entries: UpdatePlan["entries"],
): readonly RunOwner[] {
  const made = entries.flatMap((entry) => entry.kind === "make" ? streams.get(entry.stream)!.owners : []);
  return [...terms.flatMap(({ owners }) => owners), ...made];
}

/** Runs a pass in a scope of its own, of which only the result stays. */
function kept(body: (keep: Keep) => Pass): Pass {
  let result: Pass | undefined;
  tf.tidy(() => {
    const copies: tf.Tensor[] = [];
    // Clones, because the end of the gradient scope frees everything but its result.
    const keep: Keep = (tensor) => {
      const copy = tf.keep(tf.clone(tensor));
      copies.push(copy);
      return copy as typeof tensor;
    };
    try {
      const pass = body(keep);
      result = {
        ...pass,
        scalars: pass.scalars.map((scalar) => ({ ...scalar, value: tf.clone(scalar.value) })),
        updates: pass.updates.map((update) => ({ ...update, add: tf.clone(update.add) })),
      };
      return tensorsOf(result);
    } finally {
      tf.dispose(copies);
    }
  });
  return result!;
}

function keptRecord(tensors: LossOutput["handoff"], keep: Keep): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors ?? {}).map(([name, value]) => [name, keep(value)]));
}

/** Everything of a pass that must be freed. */
export function tensorsOf({ grads, scalars, owners, updates }: Pass): tf.Tensor[] {
  return [
    ...grads.filter((grad) => grad !== null),
    ...scalars.map(({ value }) => value),
    ...owners.flatMap((owner) => owner.grads.filter((grad) => grad !== null)),
    ...updates.map(({ add }) => add),
  ];
}

/** The weighted sum of the terms, or its gradient, is at fault, and no term is known to be the cause. */
export class ObjectiveError extends LossError {
  /** What is wrong, to follow the name of what it is wrong with. */
  readonly fault: string;

  constructor(fault: string, options?: ErrorOptions) {
    super(`the objective ${fault}`, options);
    this.fault = fault;
  }
}

interface Heard {
  /** Called once the value is there. */
  readonly onValue?: () => void;
  readonly listener?: BackwardListener | undefined;
}

/**
 * The gradient of a scalar, null where it does not depend on a variable.
 * @throws whatever `f` throws, and ObjectiveError when an operator of it has no gradient
 */
function gradientsOf(
  variables: tf.Variable[],
  f: () => tf.Scalar,
  { onValue = () => {}, listener }: Heard = {},
): Gradients {
  let failure: { readonly error: unknown } | undefined;
  const guarded = () => {
    try {
      const value = f();
      onValue();
      return value;
    } catch (error) {
      // A throw inside the gradient scope would leak its tape, so the scope ends in peace first.
      failure = { error };
      return tf.scalar(0);
    }
  };
  let result: readonly (tf.Tensor | undefined)[];
  try {
    result = gradients(guarded, variables, undefined, listener).grads;
  } catch (cause) {
    // Such as running out of memory, which is no term's fault.
    if (cause instanceof UserError) throw cause;
    throw new ObjectiveError(`cannot be differentiated: ${messageOf(cause)}`, { cause });
  }
  if (failure) throw failure.error;
  return result.map((grad) => grad ?? null);
}
