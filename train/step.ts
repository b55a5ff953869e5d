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
 * When the sum of all terms fails, nobody knows yet which term is the cause. Only then is the step repeated
 * with one term at a time ({@linkcode blame}), so that the error names the term.
 */
import * as tf from "@tensorflow/tfjs-core";
import { LossError } from "../core/errors.ts";
import { exchangeJson, solo, type World } from "../core/world.ts";
import type { Run, Term } from "./assemble.ts";
import { Averaging, mean, type WholeGradients } from "./averaging.ts";
import { brokenStream, brokenWeight, firstNonFinite } from "./broken.ts";
import { clipGradients, gradientNorm } from "./clip.ts";
import type { Batches, Clock } from "./context.ts";
import { describePlanned, nonFinite } from "./loss_errors.ts";
import {
  type Gradients,
  isDue,
  ObjectiveError,
  type Pass,
  passOf,
  runOwnersBefore,
  runPass,
  type Stages,
  tensorsOf,
} from "./pass.ts";
import { shared } from "./together.ts";
import { applyUpdates } from "../ops/running_statistics.ts";
import { kernels } from "../ops/kernels.ts";
import { moveNetworks, plannedMoves } from "./move.ts";
import { Snapshot } from "./snapshot.ts";

/** What a step needs. */
export interface StepInput extends Clock {
  /** The batches of each pass, at least one; the gradients of all passes are averaged. */
  readonly passes: readonly Batches[];
  /** Factor on the learning rates; that of owners with a schedule of their own is left alone. */
  readonly multiplier: number;
  /** Largest norm of the student's gradient; absent: it is not limited. */
  readonly clipNorm?: number | undefined;
  /** Takes the time of the stages. */
  readonly stages?: Stages | undefined;
  /** The processes of the run; absent for a run of one process. */
  readonly world?: World | undefined;
  /** Called with the norm of the student's gradient before clipping; absent: the norm is not computed. */
  readonly onGradientNorm?: ((norm: number) => void) | undefined;
}

/** The values of a step, averaged over its passes and all processes. */
export interface StepValues {
  /** The value of each term, log and owner, by name, without weights. */
  readonly terms: Record<string, number>;
  /** The weighted sum of the terms. */
  readonly total: number;
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

/** What was read of a step. */
interface ReadValues {
  readonly values: StepValues;
  /** Whether a value or a gradient is not finite in any process. */
  readonly broken: boolean;
  /** What is not finite in this process; undefined when all is finite here. */
  readonly fault: LossError | undefined;
}

/** A value or gradient of some process is not finite; thrown by all processes of a run at the same place. */
class BrokenValues extends Error {
  /** What is not finite in this process; undefined when all is finite here. */
  readonly fault: LossError | undefined;

  constructor(fault: LossError | undefined) {
    super("values are not finite");
    this.fault = fault;
  }
}

/**
 * The values, if all are finite. @throws BrokenValues in all of several processes, LossError in a single one
 */
function valuesOf({ values, broken, fault }: ReadValues, { size }: World): StepValues {
  if (size > 1 && broken) throw new BrokenValues(fault);
  if (fault) throw fault;
  return values;
}

/**
 * The error that all processes throw: that of the first process in which a value is not finite, with its
 * rank. All processes must call it.
 * @param blamed finds the cause of a fault of the whole objective, in this process
 */
async function agreed(
  { fault }: BrokenValues,
  world: World,
  blamed: (fault: ObjectiveError) => Promise<LossError>,
): Promise<LossError> {
  const error = fault instanceof ObjectiveError ? await blamed(fault) : fault;
  const errors = exchangeJson(
    world,
    error ? { message: error.message, ofGradient: fault instanceof ObjectiveError } : null,
  );
  // A value that is not finite makes the gradients of other processes so; the value is the cause.
  const ofValue = errors.findIndex((one) => one?.ofGradient === false);
  const rank = ofValue < 0 ? errors.findIndex((one) => one !== null) : ofValue;
  return shared(new LossError(`rank ${rank} of ${world.size}: ${errors[rank]!.message}`, { cause: error }));
}

/** Reads all values of the passes and one number for their gradients, in a single transfer. */
async function readValues(run: Run, passes: readonly Pass[], input: StepInput): Promise<ReadValues> {
  const { world = solo } = input;
  const scalars = passes.flatMap((pass) => pass.scalars);
  const stacked = tf.tidy(() => tf.stack([...scalars.map(({ value }) => value), gradientsAre(passes)]));
  const here = await stacked.data();
  const [whole] = world.mean([stacked]);
  const numbers = whole === stacked ? here : await whole!.data();
  tf.dispose([stacked, whole!]);
  const terms: Record<string, number> = {};
  let total = 0;
  for (const [k, { name, weight }] of scalars.entries()) {
    const value = numbers[k]!;
    terms[name] = (terms[name] ?? 0) + value / passes.length;
    total += weight * value / passes.length;
  }
  const counted = (k: number) => k === scalars.length || scalars[k]!.who !== undefined;
  const broken = numbers.some((value, k) => counted(k) && !Number.isFinite(value));
  const fault = await faultOf(run, { passes, numbers: here }, { ...input, world: solo });
  return { values: { terms, total }, broken, fault };
}

/**
 * An error for the first value that is not finite, or else for the gradients; undefined when all are finite.
 */
async function faultOf(
  run: Run,
  { passes, numbers }: { readonly passes: readonly Pass[]; readonly numbers: ArrayLike<number> },
  { step, world }: StepInput,
): Promise<LossError | undefined> {
  const scalars = passes.flatMap((pass) => pass.scalars);
  for (const [k, scalar] of scalars.entries()) {
    const value = numbers[k]!;
    if (scalar.who === undefined || Number.isFinite(value)) continue;
    const { input } = passes.find((pass) => pass.scalars.includes(scalar))!;
    const alone = { ...input, at: { ...input.at, world } };
    const cause = await brokenWeight(run, step) || await brokenStream(run, alone);
    return new LossError(`${scalar.who} is ${nonFinite(value)} at step ${step + 1}${cause}`);
  }
  if (Number.isFinite(numbers[scalars.length]!)) return undefined;
  const which = await brokenGradient(run, passes);
  return new ObjectiveError(
    `has a gradient that is not finite at step ${step + 1}, though its value is${which}`,
  );
}

/**
 * The end of a sentence that names the first gradient that is not finite and counts the others, such as
 * `: that of w is NaN, and of 2 more`.
 */
async function brokenGradient({ segmenter }: Run, passes: readonly Pass[]): Promise<string> {
  const names = segmenter.params.map(({ name }) => name);
  const all = passes.flatMap(({ grads, owners }) => [
    ...grads.map((grad, k) => ({ grad, name: names[k]! })),
    ...owners.flatMap(({ grads, owner: { plan, params } }) =>
      grads.map((grad, k) => ({ grad, name: `${plan.name}/${params[k]!.name}` }))
    ),
  ]);
  let first = "";
  const broken = new Set<string>();
  for (const { grad, name } of all) {
    const value = grad ? await firstNonFinite(grad) : undefined;
    if (value === undefined) continue;
    if (broken.size === 0) first = `: that of ${name} is ${nonFinite(value)}`;
    broken.add(name);
  }
  return broken.size > 1 ? `${first}, and of ${broken.size - 1} more` : first;
}

/** A scalar that is finite only if every gradient is. */
function gradientsAre(passes: readonly Pass[]): tf.Scalar {
  const grads = passes.flatMap((pass) => [pass.grads, ...pass.owners.map(({ grads }) => grads)]).flat();
  return kernels().finite(grads.filter((grad) => grad !== null));
}

/**
 * Repeats the passes with one term at a time. @returns an error that names the first term that fails alone;
 * `error` itself where none does
 */
async function blame(
  run: Run,
  input: StepInput,
  { terms, error }: { readonly terms: readonly Term[]; readonly error: ObjectiveError },
): Promise<LossError> {
  for (const term of terms) {
    for (const [pass, batches] of input.passes.entries()) {
      const passes: Pass[] = [];
      try {
        passes.push(runPass(run, batches, passOf(run, [term], { ...input, pass, world: solo })));
        const { fault } = await readValues(run, passes, { ...input, world: solo });
        if (fault) throw fault;
      } catch (alone) {
        if (!(alone instanceof ObjectiveError)) throw alone;
        return new LossError(`${describePlanned("loss", term.planned)} ${alone.fault}`, {
          cause: alone.cause ?? error,
        });
      } finally {
        tf.dispose(passes.flatMap(tensorsOf));
      }
    }
  }
  return error;
}

/** @returns an error that names the first owner whose gradient is not finite; `error` itself where none is */
async function blameOwner(passes: readonly Pass[], error: ObjectiveError): Promise<LossError> {
  for (const { owner, grads } of passes.flatMap(({ owners }) => owners)) {
    for (const grad of grads) {
      if (grad === null || await firstNonFinite(grad) === undefined) continue;
      return new LossError(`${owner.who} ${error.fault}`, { cause: error });
    }
  }
  return error;
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
