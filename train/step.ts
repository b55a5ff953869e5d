/**
 * One step of training.
 *
 * A step is a short list. Networks that move before the student move. Then comes the update of the student
 * (several, where the recipe gives losses an `update`): owners that are updated ahead of it, its passes, one
 * read of all values, the optimisers. Then the networks that follow the student move.
 *
 * Two rules hold. Values are read *before* anything that they depend on is updated: reading waits for the
 * device, so it happens once, and a value that is not finite stops the step while all weights are good. And a
 * step that fails changes nothing: whatever was updated before a later part failed is put back from a
 * {@linkcode Snapshot}, which is taken only where a later part can fail.
 *
 * `train/loop.ts` calls this once a step. What may break is the order: a move or an update at another place
 * of the list changes every number that follows.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo } from "../core/world.ts";
import type { Run, Term } from "./assemble.ts";
import { Averaging, mean, type WholeGradients } from "./averaging.ts";
import { clipGradients, gradientNorm } from "./clip.ts";
import { applyUpdates } from "../ops/running_statistics.ts";
import { type Gradients, ObjectiveError } from "./gradients_of.ts";
import { moveNetworks, plannedMoves } from "./move.ts";
import { isDue, type Pass, runOwnersBefore, runPass, type Stages, tensorsOf } from "./pass.ts";
import { Snapshot } from "./snapshot.ts";
import {
  agreed,
  blame,
  blameOwner,
  BrokenValues,
  readValues,
  type StepBatches,
  type StepValues,
  valuesOf,
} from "./step_values.ts";

/** What a step needs. */
export interface StepInput extends StepBatches {
  /** Factor on the learning rates; that of owners with a schedule of their own is left alone. */
  readonly multiplier: number;
  /** Largest norm of the student's gradient; absent: it is not limited. */
  readonly clipNorm?: number | undefined;
  /** Takes the time of the stages. */
  readonly stages?: Stages | undefined;
  /** Called with the norm of the student's gradient before clipping; absent: the norm is not computed. */
  readonly onGradientNorm?: ((norm: number) => void) | undefined;
}

/**
 * Makes one step: updates the student, the owners, the networks that move and the running statistics. All
 * processes must call it with their parts of the same batches.
 * @throws LossError when a term, a stream, an owner or a network fails, or a value or gradient is not finite;
 * no variable is changed then
 */
export async function trainStep(run: Run, input: StepInput): Promise<StepValues> {
  const early = new Snapshot();
  const terms: Record<string, number> = {};
  let total = 0;
  try {
    const moves = plannedMoves(run, input);
    // A plugin's own code may throw after the student was updated; moving averages cannot.
    const breakable = moves.some(({ planned: { plan } }) => plan.update && plan.when !== "before");
    moveNetworks(run, input, { moves: moves.filter(({ planned }) => planned.plan.when === "before"), early });
    for (const [k, { losses, entries }] of run.updates.entries()) {
      const chosen = run.terms.filter(({ planned }) => losses.includes(planned));
      const last = k === run.updates.length - 1;
      Object.assign(terms, await ownersBefore(run, input, { terms: chosen, early }));
      const parts = { terms: chosen, entries, early: last && !breakable ? undefined : early };
      const values = await studentUpdate(run, input, parts);
      Object.assign(terms, values.terms);
      total += values.total;
    }
    moveNetworks(run, input, {
      moves: moves.filter(({ planned }) => planned.plan.when !== "before"),
      early: breakable ? early : undefined,
    });
    return { terms, total };
  } catch (error) {
    early.restore();
    throw error;
  } finally {
    early.dispose();
  }
}

interface UpdateParts {
  readonly terms: readonly Term[];
  readonly entries: Run["updates"][number]["entries"];
  /** Keeps the values before the update; undefined where nothing after it can fail. */
  readonly early: Snapshot | undefined;
}

/** One update: of the student, of joint owners, and of owners with `when: after`. */
async function studentUpdate(run: Run, input: StepInput, parts: UpdateParts): Promise<StepValues> {
  const passes: Pass[] = [];
  const { world = solo, stages } = input;
  const { terms, entries } = parts;
  const averaging = new Averaging(world);
  let whole: WholeGradients | undefined;
  try {
    for (const [pass, batches] of input.passes.entries()) {
      const listen = pass === input.passes.length - 1 ? averaging.listening(passes) : undefined;
      passes.push(runPass(run, batches, { terms, entries, at: { ...input, pass }, stages, listen }));
    }
    whole = averaging.whole(passes);
    const values = valuesOf(await readValues(run, passes, input), world);
    stages?.over("read");
    if (input.onGradientNorm) {
      input.onGradientNorm(await normOf(whole.student));
      stages?.over("measuring");
    }
    parts.early?.add(run.state.map(({ variable }) => variable));
    apply(run, passes, { ...input, whole });
    stages?.over("update");
    return values;
  } catch (error) {
    if (error instanceof BrokenValues) {
      throw await agreed(error, world, (fault) => blame(run, input, { terms, error: fault }));
    }
    throw error instanceof ObjectiveError ? await blame(run, input, { terms, error }) : error;
  } finally {
    tf.dispose(passes.flatMap(tensorsOf));
    if (whole) tf.dispose([whole.student, ...whole.joint].flat().filter((grad) => grad !== null));
  }
}

/** Updates owners with `when: before` on all passes. @returns their values */
async function ownersBefore(
  run: Run,
  input: StepInput,
  { terms, early }: { readonly terms: readonly Term[]; readonly early: Snapshot },
): Promise<StepValues["terms"]> {
  const owners = terms.flatMap((term) => term.owners)
    .filter((owner) => owner.plan.when === "before" && isDue(owner, input.step));
  if (owners.length === 0) return {};
  const involved = terms.filter((term) => term.owners.some((owner) => owners.includes(owner)));
  const passes: Pass[] = [];
  const { world = solo } = input;
  try {
    for (const [pass, batches] of input.passes.entries()) {
      passes.push(runOwnersBefore(run, batches, { terms: involved, owners, at: { ...input, pass } }));
    }
    const { terms: values } = valuesOf(await readValues(run, passes, input), world);
    for (const { params, optimizer } of owners) {
      early.add([...params.map(({ value }) => value), ...Object.values(optimizer.slots)]);
    }
    tf.tidy(() => applyOwners(passes, input));
    return values;
  } catch (error) {
    if (error instanceof BrokenValues) throw await agreed(error, world, (fault) => blameOwner(passes, fault));
    throw error instanceof ObjectiveError ? await blameOwner(passes, error) : error;
  } finally {
    tf.dispose(passes.flatMap(tensorsOf));
  }
}

/** Updates the student, the owners of the passes and the running statistics. */
function apply(
  run: Run,
  passes: readonly Pass[],
  input: StepInput & { readonly whole: WholeGradients },
): void {
  const { multiplier, clipNorm, whole: { student, joint } } = input;
  tf.tidy(() => {
    run.optimizer.apply(clipNorm === undefined ? student : clipGradients(student, clipNorm), multiplier);
    applyOwners(passes, input, joint);
    applyUpdates(passes.flatMap(({ updates }) => updates));
  });
}

/**
 * Updates the owners of the passes. @param joint the means of the first owners, where they are known already
 */
function applyOwners(
  passes: readonly Pass[],
  { step, steps, multiplier, world = solo }: StepInput,
  joint: readonly Gradients[] = [],
): void {
  passes[0]!.owners.forEach(({ owner: { plan, optimizer } }, k) => {
    const factor = plan.schedule ? plan.schedule.multiplier(step, steps) : multiplier;
    const grads = joint[k] ?? world.mean(mean(passes.map(({ owners }) => owners[k]!.grads)));
    optimizer.apply(grads, factor);
  });
}

/** The norm of all gradients together, read from the device. */
async function normOf(gradients: Gradients): Promise<number> {
  const norm = tf.tidy(() => gradientNorm(gradients));
  const [value] = await norm.data();
  norm.dispose();
  return value!;
}
