/** One update: passes, one read of every value, then the optimisers. */
import * as tf from "@tensorflow/tfjs-core";
import { addAll } from "../ops/add_all.ts";
import { LossError } from "../core/errors.ts";
import type { Run } from "./assemble.ts";
import { clipGradients, gradientNorm } from "./clip.ts";
import { describeLoss, nonFinite } from "./loss_errors.ts";
import {
  type Batches,
  type Clock,
  type Gradients,
  ObjectiveError,
  type Pass,
  runPass,
  type Stages,
  tensorsOf,
} from "./pass.ts";

/** What a step needs. */
export interface StepInput extends Clock {
  /** One element per pass whose gradient goes into the update. */
  readonly passes: readonly Batches[];
  /** On the learning rates. */
  readonly multiplier: number;
  /** Largest norm of the network's gradient; absent: any. */
  readonly clipNorm?: number | undefined;
  /** Hears when a stage is over; absent: nobody. */
  readonly stages?: Stages | undefined;
  /** Hears the norm of the network's gradient before clipping; absent: it is not computed. */
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
      passes.push(runPass(run, batches, { terms: run.terms, clock: input, stages: input.stages }));
    }
    const values = await readValues(run, passes, input);
    input.stages?.over("read");
    if (input.onGradientNorm) {
      input.onGradientNorm(await meanGradientNorm(passes));
      input.stages?.over("measuring");
    }
    update(run, passes, input);
    input.stages?.over("update");
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
async function readValues(run: Run, passes: readonly Pass[], { step }: Clock): Promise<StepValues> {
  const scalars = passes.flatMap((pass) => pass.scalars);
  const stacked = tf.tidy(() => tf.stack([...scalars.map(({ value }) => value), gradientSum(passes)]));
  const numbers = await stacked.data();
  stacked.dispose();
  const terms: Record<string, number> = {};
  let total = 0;
  for (const [k, { name, who, weight }] of scalars.entries()) {
    const value = numbers[k]!;
    if (who !== undefined && !Number.isFinite(value)) {
      const cause = await brokenWeight(run, step);
      throw new LossError(`${who} is ${nonFinite(value)} at step ${step + 1}${cause}`);
    }
    terms[name] = (terms[name] ?? 0) + value / passes.length;
    total += weight * value / passes.length;
  }
  if (!Number.isFinite(numbers[scalars.length]!)) {
    const which = await brokenGradient(run, passes);
    throw new ObjectiveError(
      `has a gradient that is not finite at step ${step + 1}, though its value is${which}`,
    );
  }
  return { terms, total };
}

/** `: the weights w are NaN since the update before`, or "" when all are finite. */
async function brokenWeight({ segmenter }: Run, step: number): Promise<string> {
  for (const { name, value } of segmenter.params) {
    const found = await firstNonFinite(value);
    if (found === undefined) continue;
    return `: the weights ${name} are ${nonFinite(found)} ${
      step === 0 ? "from the start" : "since the update before"
    }`;
  }
  return "";
}

/** `: that of w is NaN, and of 2 more`. */
async function brokenGradient({ segmenter }: Run, passes: readonly Pass[]): Promise<string> {
  const names = segmenter.params.map(({ name }) => name);
  const all = passes.flatMap(({ grads, players }) => [
    ...grads.map((grad, k) => ({ grad, name: names[k]! })),
    ...players.flatMap(({ grads, opponent: { player } }) =>
      grads.map((grad, k) => ({ grad, name: `${player.name}/${player.params[k]!.name}` }))
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

async function firstNonFinite(tensor: tf.Tensor): Promise<number | undefined> {
  return (await tensor.data()).find((value) => !Number.isFinite(value));
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
        await readValues(run, passes, input);
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

function update(run: Run, passes: readonly Pass[], { multiplier, clipNorm }: StepInput): void {
  tf.tidy(() => {
    const whole = mean(passes.map(({ grads }) => grads));
    run.optimizer.apply(clipNorm === undefined ? whole : clipGradients(whole, clipNorm), multiplier);
    passes[0]!.players.forEach(({ opponent }, k) => {
      opponent.optimizer.apply(mean(passes.map(({ players }) => players[k]!.grads)), multiplier);
    });
  });
}

async function meanGradientNorm(passes: readonly Pass[]): Promise<number> {
  const norm = tf.tidy(() => gradientNorm(mean(passes.map(({ grads }) => grads))));
  const [value] = await norm.data();
  norm.dispose();
  return value!;
}

/** The mean over passes; a null counts as zeros unless every pass has it. */
function mean(passes: readonly Gradients[]): Gradients {
  const [first] = passes;
  if (passes.length === 1) return first!;
  return first!.map((_, k) => {
    const present = passes.map((grads) => grads[k]).filter((grad) => grad != null);
    return present.length === 0 ? null : tf.div(addAll(present), passes.length);
  });
}
