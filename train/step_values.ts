/**
 * The values of a step: one read of the device, and who is at fault when a number is not finite.
 *
 * `train/step.ts` reads with {@linkcode readValues} before it updates anything. A value that is not finite is
 * the fault of its own term. A gradient that is not finite, while all values are, is nobody's yet: the
 * gradient is that of the sum. Only then are the passes repeated with one term at a time ({@linkcode blame}),
 * so that the error names the term.
 *
 * With several processes every one of them must throw the same error at the same place, or the others would
 * wait forever. So all learn of a broken value through the mean, and {@linkcode agreed} chooses one error.
 */
import * as tf from "@tensorflow/tfjs-core";
import { LossError } from "../core/errors.ts";
import { exchangeJson, solo, type World } from "../core/world.ts";
import { kernels } from "../ops/kernels.ts";
import type { Run, Term } from "./assemble.ts";
import { brokenStream, brokenWeight, firstNonFinite } from "./broken.ts";
import type { Batches, Clock } from "./context.ts";
import { ObjectiveError } from "./gradients_of.ts";
import { describePlanned, nonFinite } from "./loss_errors.ts";
import { type Pass, passOf, runPass, tensorsOf } from "./pass.ts";
import { shared } from "./together.ts";

/** The images of a step, and the processes that share them. */
export interface StepBatches extends Clock {
  /** The batches of each pass, at least one; the gradients of all passes are averaged. */
  readonly passes: readonly Batches[];
  /** The processes of the run; absent for a run of one process. */
  readonly world?: World | undefined;
}

/** The values of a step, averaged over its passes and all processes. */
export interface StepValues {
  /** The value of each term, log and owner, by name, without weights. */
  readonly terms: Record<string, number>;
  /** The weighted sum of the terms. */
  readonly total: number;
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
export class BrokenValues extends Error {
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
export function valuesOf({ values, broken, fault }: ReadValues, { size }: World): StepValues {
  if (size > 1 && broken) throw new BrokenValues(fault);
  if (fault) throw fault;
  return values;
}

/**
 * The error that all processes throw: that of the first process in which a value is not finite, with its
 * rank. All processes must call it.
 * @param blamed finds the cause of a fault of the whole objective, in this process
 */
export async function agreed(
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
export async function readValues(run: Run, passes: readonly Pass[], input: StepBatches): Promise<ReadValues> {
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
  { step, world }: StepBatches,
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
export async function blame(
  run: Run,
  input: StepBatches,
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
export async function blameOwner(passes: readonly Pass[], error: ObjectiveError): Promise<LossError> {
  for (const { owner, grads } of passes.flatMap(({ owners }) => owners)) {
    for (const grad of grads) {
      if (grad === null || await firstNonFinite(grad) === undefined) continue;
      return new LossError(`${owner.who} ${error.fault}`, { cause: error });
    }
  }
  return error;
}
