/** One update: passes, one read of every value, then the optimisers. */
import * as tf from "@tensorflow/tfjs-core";
import { LossError } from "../core/errors.ts";
import type { Run } from "./assemble.ts";
import { describeLoss, nonFinite } from "./loss_errors.ts";
import {
  type Batches,
  type Clock,
  type Gradients,
  ObjectiveError,
  type Pass,
  runPass,
  tensorsOf,
} from "./pass.ts";

/** What a step needs. */
export interface StepInput extends Clock {
  /** One element per pass whose gradient goes into the update. */
  readonly passes: readonly Batches[];
  /** On the learning rates. */
  readonly multiplier: number;
}

/** The step's values, averaged over its passes. */
export interface StepValues {
  /** Without weights. */
  readonly terms: Record<string, number>;
  /** The weighted sum. */
  readonly total: number;
}

/**
 * Makes one update of the network and of every opponent. Values are read before anything is updated, so a value
 * or a gradient that is not finite changes nothing: the running statistics are put back as well.
 * @throws LossError when a term fails
 */
export async function trainStep(run: Run, input: StepInput): Promise<StepValues> {
  const buffers = Object.values(run.segmenter.buffers);
  const before = buffers.map((buffer) => tf.keep(tf.clone(buffer)));
  const passes: Pass[] = [];
  try {
    for (const batches of input.passes) {
      passes.push(runPass(run, batches, { terms: run.terms, clock: input }));
    }
    const values = await readValues(passes, input);
    update(run, passes, input.multiplier);
    return values;
  } catch (error) {
    const named = error instanceof ObjectiveError ? await blame(run, input, error) : error;
    buffers.forEach((buffer, k) => buffer.assign(before[k]!));
    throw named;
  } finally {
    tf.dispose(before);
    tf.dispose(passes.flatMap(tensorsOf));
  }
}

/** One scalar per value, read in a single transfer. */
async function readValues(passes: readonly Pass[], { step }: Clock): Promise<StepValues> {
  const scalars = passes.flatMap((pass) => pass.scalars);
  const stacked = tf.tidy(() => tf.stack([...scalars.map(({ value }) => value), gradientSum(passes)]));
  const numbers = await stacked.data();
  stacked.dispose();
  const terms: Record<string, number> = {};
  let total = 0;
  scalars.forEach(({ name, who, weight }, k) => {
    const value = numbers[k]!;
    if (who !== undefined && !Number.isFinite(value)) {
      throw new LossError(`${who} is ${nonFinite(value)} at step ${step + 1}`);
    }
    terms[name] = (terms[name] ?? 0) + value / passes.length;
    total += weight * value / passes.length;
  });
  if (!Number.isFinite(numbers[scalars.length]!)) {
    throw new ObjectiveError(`has a gradient that is not finite at step ${step + 1}, though its value is`);
  }
  return { terms, total };
}

/** A scalar that is finite only if every gradient is. */
function gradientSum(passes: readonly Pass[]): tf.Scalar {
  const grads = passes.flatMap((pass) => [pass.grads, ...pass.players.map(({ grads }) => grads)]).flat();
  const sums = grads.filter((grad) => grad !== null).map((grad) => tf.sum(grad));
  return sums.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(sums));
}

/** Repeats the step with one term at a time to find the one that fails alone. */
async function blame(run: Run, input: StepInput, error: ObjectiveError): Promise<LossError> {
  for (const term of run.terms) {
    for (const batches of input.passes) {
      const passes: Pass[] = [];
      try {
        passes.push(runPass(run, batches, { terms: [term], clock: input }));
        await readValues(passes, input);
      } catch (alone) {
        if (!(alone instanceof ObjectiveError)) throw alone;
        return new LossError(`${describeLoss(term.planned)} ${alone.fault}`, { cause: alone.cause ?? error });
      } finally {
        tf.dispose(passes.flatMap(tensorsOf));
      }
    }
  }
  return error;
}

function update(run: Run, passes: readonly Pass[], multiplier: number): void {
  tf.tidy(() => {
    run.optimizer.apply(mean(passes.map(({ grads }) => grads)), multiplier);
    passes[0]!.players.forEach(({ opponent }, k) => {
      opponent.optimizer.apply(mean(passes.map(({ players }) => players[k]!.grads)), multiplier);
    });
  });
}

/** The mean over passes; a null counts as zeros unless every pass has it. */
function mean(passes: readonly Gradients[]): Gradients {
  const [first] = passes;
  if (passes.length === 1) return first!;
  return first!.map((_, k) => {
    const present = passes.map((grads) => grads[k]).filter((grad) => grad != null);
    return present.length === 0 ? null : tf.div(tf.addN(present), passes.length);
  });
}
