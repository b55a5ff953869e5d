/**
 * One forward and backward pass over one batch of each stream.
 *
 * The objective is one number, the weighted sum of the terms, and there is one backward pass for it: it gives
 * the gradients of the student and of joint owners (parts that are trained by the same objective). An owner
 * with `when: after`, such as a discriminator, has a loss of its own, on tensors that its term handed over
 * (`handoff`). The gradient of that loss is taken by the owner's parameters alone, in a small backward pass
 * of its own, and the objective's gradient is not taken by them: so each of two opponents follows its own
 * aim. An owner with `when: before` is updated ahead of the student, so that the student meets its new
 * weights; {@linkcode runOwnersBefore} is that pass.
 *
 * A pass changes nothing. It returns gradients, values and changes of running statistics, and the step
 * applies them once all values were found finite.
 */
import * as tf from "@tensorflow/tfjs-core";
import { coefficientAt } from "../core/coefficient.ts";
import { LossError } from "../core/errors.ts";
import type { LossOutput, Param, Update } from "../core/plugin.ts";
import { planPasses, type UpdatePlan } from "../core/step_plan.ts";
import { solo, type World } from "../core/world.ts";
import type { BackwardListener } from "../ops/gradients.ts";
import type { Run, Term } from "./assemble.ts";
import type { PassInput } from "./broken.ts";
import { computePass } from "./compute_pass.ts";
import { type Batches, type Computed, contextFor, type PassAt } from "./context.ts";
import { type Gradients, gradientsOf, ObjectiveError } from "./gradients_of.ts";
import { checkedOutput, describePlanned } from "./loss_errors.ts";
import type { RunOwner } from "./owners.ts";

/** A value of a pass that is still on the device. */
export interface NamedScalar {
  /** The name under which it is logged. */
  readonly name: string;
  /** How the error calls it when it is not finite; absent for a value that may be anything. */
  readonly who?: string;
  /** Its weight in the objective; 0 for values that are only logged. */
  readonly weight: number;
  readonly value: tf.Scalar;
}

/** Gradients of one owner over one pass. */
export interface OwnerPass {
  readonly owner: RunOwner;
  readonly grads: Gradients;
}

/** The result of a pass. Its tensors belong to the caller; {@linkcode tensorsOf} lists them. */
export interface Pass {
  /** What the pass was computed from. */
  readonly input: PassInput;
  /** The gradients of the student. */
  readonly grads: Gradients;
  readonly scalars: readonly NamedScalar[];
  /** The gradients of the owners: joint owners first, then those with a loss of their own. */
  readonly owners: readonly OwnerPass[];
  /** Changes of running statistics, in the order of the views. */
  readonly updates: readonly Update[];
}

/** What a pass computes. */
export interface PassOptions {
  readonly terms: readonly Term[];
  /** The list of what the terms need. */
  readonly entries: UpdatePlan["entries"];
  readonly at: PassAt;
  /** Takes the time of the stages. */
  readonly stages?: Stages | undefined;
  /**
   * Gives callbacks for gradients that become complete during the backward pass. It is called with the
   * variables: those of the student, then those of the joint owners.
   */
  readonly listen?: ((variables: readonly tf.Variable[]) => BackwardListener) | undefined;
}

/** Takes the time of a step's stages. */
export interface Stages {
  /** Says that `stage` has just ended: all time since the end of the stage before belongs to it. */
  over(stage: "input" | "forward" | "backward" | "read" | "update" | "measuring"): void;
}

/** The options of a pass that computes some of the terms and only what these need. */
export function passOf(run: Run, terms: readonly Term[], at: PassAt): PassOptions {
  const needs = terms.map(({ planned }) => planned.plan.needs);
  return { terms, entries: planPasses(run.phase, needs).entries, at };
}

/**
 * Whether an owner is updated in a step, counted from 0: every `every` steps, for the first time in `first`.
 */
export function isDue({ plan: { every = 1, first = every - 1 } }: RunOwner, step: number): boolean {
  return step >= first && (step - first) % every === 0;
}

/**
 * Computes the entries of the list, the terms on them, the gradient of their weighted sum by the student and
 * the joint owners, and then the gradient of each owner with `when: after`. Owners that are not due in this
 * step are left out.
 * @param batches one for each stream that loaders read
 * @throws LossError when a term, a stream or an owner fails; ObjectiveError when no term is known as the
 * cause
 */
export function runPass(run: Run, batches: Batches, options: PassOptions): Pass {
  const { terms, entries, at, stages, listen } = options;
  const all = ownersOf(run, terms, entries);
  const joint = all.filter((owner) => owner.plan.when === "joint" && isDue(owner, at.step));
  const others = all.filter((owner) => !joint.includes(owner)).flatMap(({ params }) => params);
  return inScope((keep) => {
    const scalars: NamedScalar[] = [];
    const handoffs = new Map<Term, Record<string, tf.Tensor>>();
    const updates: Update[] = [];
    const student = run.segmenter.params;
    const variables = [...student, ...joint.flatMap((owner) => owner.params)].map(({ value }) => value);
    const objective = () => {
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
    };
    const calls = { onValue: () => stages?.over("forward"), listener: listen?.(variables) };
    const gradients = whileFrozen(others, () => gradientsOf(variables, objective, calls));
    let from = student.length;
    const owners: OwnerPass[] = joint.map((owner) => ({
      owner,
      grads: gradients.slice(from, from += owner.params.length),
    }));
    for (const term of terms) {
      for (const owner of term.owners) {
        if ((owner.plan.when ?? "after") !== "after" || !isDue(owner, at.step)) continue;
        const result = ownerPass(owner, handoffs.get(term)!, {
          keep,
          file: term.planned.file,
          world: at.world,
        });
        scalars.push(...result.scalars);
        owners.push({ owner, grads: result.grads });
      }
    }
    stages?.over("backward");
    const input = { batches, entries, at };
    return { input, grads: gradients.slice(0, student.length), scalars, owners, updates };
  });
}

/**
 * The gradients of owners that are updated ahead of the student, on what their terms hand over. All views are
 * constants in this pass, and it yields neither gradients of the student nor changes of running statistics.
 * @throws LossError when a term, a stream or an owner fails
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
  return inScope((keep) => {
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
        const result = ownerPass(owner, handoff ?? {}, { keep, file: term.planned.file, world: at.world });
        scalars.push(...result.scalars);
        passes.push({ owner, grads: result.grads });
      }
    }
    return { input: { batches, entries, at }, grads: [], scalars, owners: passes, updates: [] };
  });
}

/** What a term returns, checked. @throws LossError */
function outputOf(
  run: Run,
  computed: Computed,
  { term: { planned, term }, at }: { readonly term: Term; readonly at: PassAt },
): LossOutput {
  const compute = () => term.compute(contextFor(run, computed, { kind: "loss", planned, at }));
  return checkedOutput(describePlanned("loss", planned), compute, planned.file);
}

/** Keeps a copy of a tensor beyond the gradient scope in which it was computed. */
type Keep = <T extends tf.Tensor>(tensor: T) => T;

/** The loss and the gradients of an owner that has a loss of its own. @throws LossError */
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

/** The owners of the terms, then those of the streams that the entries make. */
function ownersOf(
  { streams }: Run,
  terms: readonly Term[],
  entries: UpdatePlan["entries"],
): readonly RunOwner[] {
  const ofStreams = entries.flatMap((entry) =>
    entry.kind === "make" ? streams.get(entry.stream)!.owners : []
  );
  return [...terms.flatMap(({ owners }) => owners), ...ofStreams];
}

/**
 * Calls `f` while the parameters are not trainable, so that operators leave out gradients that nobody asks
 * for: those of an opponent's filters, when the objective passes through it, are a third of its work.
 */
function whileFrozen<R>(params: readonly Param[], f: () => R): R {
  const trained = params.map(({ value }) => value).filter(({ trainable }) => trainable);
  for (const variable of trained) variable.trainable = false;
  try {
    return f();
  } finally {
    for (const variable of trained) variable.trainable = true;
  }
}

/** Runs a pass in a scope that frees all its tensors but those of the result. */
function inScope(body: (keep: Keep) => Pass): Pass {
  let result: Pass | undefined;
  tf.tidy(() => {
    const copies: tf.Tensor[] = [];
    // Copies, because the gradient scope inside frees everything but its own result.
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

/** All tensors of a pass, which its caller must free. */
export function tensorsOf({ grads, scalars, owners, updates }: Pass): tf.Tensor[] {
  return [
    ...grads.filter((grad) => grad !== null),
    ...scalars.map(({ value }) => value),
    ...owners.flatMap((owner) => owner.grads.filter((grad) => grad !== null)),
    ...updates.map(({ add }) => add),
  ];
}
