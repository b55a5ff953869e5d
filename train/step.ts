/**
 * One step. It is a short list: networks that move ahead, then for each update of the student (mostly one) the owners that
 * go ahead of it, its passes, one read of every value, and the optimisers; then the networks that follow. Values are read
 * before what they depend on is updated, so a value that is not finite changes nothing.
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
import { moveNetworks, plannedMoves } from "./move.ts";
import { Snapshot } from "./snapshot.ts";

/** What a step needs. */
export interface StepInput extends Clock {
  /** One element per pass whose gradient goes into the update. */
  readonly passes: readonly Batches[];
  /** On the learning rates of whatever has no schedule of its own. */
  readonly multiplier: number;
  /** Largest norm of the network's gradient; absent: any. */
  readonly clipNorm?: number | undefined;
  /** Takes the time of the stages. */
  readonly stages?: Stages | undefined;
  /** The other processes of the run; absent: there are none. */
  readonly world?: World | undefined;
  /** Called with the norm of the network's gradient before clipping; absent: it is not computed. */
  readonly onGradientNorm?: ((norm: number) => void) | undefined;
}

/** The step's values, averaged over its passes. */
export interface StepValues {
  /** Without weights. */
  readonly terms: Record<string, number>;
  /** The weighted sum. */
  readonly total: number;
}

/**
 * Makes the updates of one step. What fails changes nothing: what was moved before it failed is put back.
 * @throws LossError when a term fails
 */
export async function trainStep(run: Run, input: StepInput): Promise<StepValues> {
  const early = new Snapshot();
  const terms: Record<string, number> = {};
  let total = 0;
  try {
    const moves = plannedMoves(run, input);
    // A plugin's own code may fail once the student is updated; what the trainer does by itself may not.
    const breakable = moves.some(({ planned: { plan } }) => plan.update && plan.when !== "before");
    moveNetworks(run, input, { moves: moves.filter(({ planned }) => planned.plan.when === "before"), early });
    for (const [k, { losses, entries }] of run.updates.entries()) {
      const mine = run.terms.filter(({ planned }) => losses.includes(planned));
      const last = k === run.updates.length - 1;
      Object.assign(terms, await ownersBefore(run, input, { terms: mine, early }));
      const parts = { terms: mine, entries, early: last && !breakable ? undefined : early };
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
  /** Keeps what is updated while something after it may still fail. */
  readonly early: Snapshot | undefined;
}

/** One update of the student, of the joint owners and of those that follow. */
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
      throw await agreed(error, world, (own) => blame(run, input, { terms, error: own }));
    }
    throw error instanceof ObjectiveError ? await blame(run, input, { terms, error }) : error;
  } finally {
    tf.dispose(passes.flatMap(tensorsOf));
    if (whole) tf.dispose([whole.student, ...whole.joint].flat().filter((grad) => grad !== null));
  }
}

/** Updates the owners that go ahead of the student. @returns their values */
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
    if (error instanceof BrokenValues) throw await agreed(error, world, (own) => blameOwner(passes, own));
    throw error instanceof ObjectiveError ? await blameOwner(passes, error) : error;
  } finally {
    tf.dispose(passes.flatMap(tensorsOf));
  }
}

/** What was read of a step. */
interface ReadValues {
  readonly values: StepValues;
  /** Whether a value or a gradient is not finite, in any of the processes. */
  readonly broken: boolean;
  /** What is not finite here. */
  readonly fault: LossError | undefined;
}

/** Something is not finite, and all processes know. */
class BrokenValues extends Error {
  /** What it is; undefined where it is so in other processes only. */
  readonly fault: LossError | undefined;

  constructor(fault: LossError | undefined) {
    super("values are not finite");
    this.fault = fault;
  }
}

function valuesOf({ values, broken, fault }: ReadValues, { size }: World): StepValues {
  if (size > 1 && broken) throw new BrokenValues(fault);
  if (fault) throw fault;
  return values;
}

/**
 * The error that all processes end with: that of the first one in which something is not finite, with its
 * name.
 */
async function agreed(
  { fault }: BrokenValues,
  world: World,
  blamed: (fault: ObjectiveError) => Promise<LossError>,
): Promise<LossError> {
  const own = fault instanceof ObjectiveError ? await blamed(fault) : fault;
  const told = exchangeJson(
    world,
    own ? { message: own.message, ofGradient: fault instanceof ObjectiveError } : null,
  );
  // A value spreads to the gradients of the others.
  const found = told.findIndex((one) => one?.ofGradient === false);
  const rank = found < 0 ? told.findIndex((one) => one !== null) : found;
  return shared(new LossError(`rank ${rank} of ${world.size}: ${told[rank]!.message}`, { cause: own }));
}

/** One scalar per value, read in a single transfer. */
async function readValues(run: Run, passes: readonly Pass[], input: StepInput): Promise<ReadValues> {
  const { world = solo } = input;
  const scalars = passes.flatMap((pass) => pass.scalars);
  const stacked = tf.tidy(() => tf.stack([...scalars.map(({ value }) => value), gradientSum(passes)]));
  const own = await stacked.data();
  const [whole] = world.mean([stacked]);
  const numbers = whole === stacked ? own : await whole!.data();
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
  const fault = await faultOf(run, { passes, numbers: own }, { ...input, world: solo });
  return { values: { terms, total }, broken, fault };
}

/** The first value that is not finite, or else the gradient; undefined when all is finite. */
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

/** `: that of w is NaN, and of 2 more`. */
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
    const found = grad ? await firstNonFinite(grad) : undefined;
    if (found === undefined) continue;
    if (broken.size === 0) first = `: that of ${name} is ${nonFinite(found)}`;
    broken.add(name);
  }
  return broken.size > 1 ? `${first}, and of ${broken.size - 1} more` : first;
}

/** A scalar that is finite only if every gradient is. */
function gradientSum(passes: readonly Pass[]): tf.Scalar {
  const grads = passes.flatMap((pass) => [pass.grads, ...pass.owners.map(({ grads }) => grads)]).flat();
  const sums = grads.filter((grad) => grad !== null).map((grad) => tf.sum(grad));
  return sums.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(sums));
}

/** Repeats the passes with one term at a time to find the one that fails alone. */
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

/** Names the owner whose gradient is not finite. */
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
    for (const { variable, keep, add } of passes.flatMap(({ updates }) => updates)) {
      variable.assign(tf.tidy(() => tf.add(tf.mul(variable, keep), add)));
    }
  });
}

/** @param joint the means of the first ones, where they are there */
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

async function normOf(gradients: Gradients): Promise<number> {
  const norm = tf.tidy(() => gradientNorm(gradients));
  const [value] = await norm.data();
  norm.dispose();
  return value!;
}
