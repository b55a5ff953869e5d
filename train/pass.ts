/** One forward and backward pass of the objective over one batch of each domain. */
import * as tf from "@tensorflow/tfjs-core";
import { gradients } from "../ops/gradients.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { LossError, UserError } from "../core/errors.ts";
import type { SourceView, StepContext, View } from "../core/plugin.ts";
import type { Batch } from "../datasets/loader.ts";
import type { Opponent, Run, Term } from "./assemble.ts";
import { checkedOutput, describeLoss, messageOf } from "./loss_errors.ts";

/** The batches of one pass. */
export interface Batches {
  /** With labels. */
  readonly source: Batch;
  /** Absent when no term reads the target. */
  readonly target?: Batch;
}

/** Where the run stands, in updates. */
export interface Clock {
  readonly step: number;
  readonly steps: number;
}

/** A scalar to be read, with what it is. */
export interface NamedScalar {
  readonly name: string;
  /** Named in the error when the value is NaN or infinite; absent for what is only logged. */
  readonly who?: string;
  /** Share of the weighted sum. */
  readonly weight: number;
  readonly value: tf.Scalar;
}

/** Gradients of one player over one pass. */
export interface PlayerPass {
  readonly opponent: Opponent;
  readonly grads: Gradients;
}

/** Aligned with the parameters; null where the objective does not reach one. */
export type Gradients = readonly (tf.Tensor | null)[];

/** Everything a pass yields. Its tensors belong to the caller. */
export interface Pass {
  readonly grads: Gradients;
  readonly scalars: readonly NamedScalar[];
  readonly players: readonly PlayerPass[];
}

/** What a pass is made of. */
export interface PassOptions {
  /** The terms that it computes. */
  readonly terms: readonly Term[];
  readonly clock: Clock;
  /** Hears when a stage of the pass is over; absent: nobody. */
  readonly stages?: Stages | undefined;
}

/** Takes the time of a step's stages. */
export interface Stages {
  /** What was done since the stage before belongs to `stage`. */
  over(stage: "input" | "forward" | "backward" | "read" | "update" | "measuring"): void;
}

/**
 * The target pass first, then the source pass, each with its own batch statistics; then the weighted sum of the
 * terms and its gradient, and each opponent's gradient on what its term handed over.
 * @throws LossError when a term fails
 */
export function runPass(run: Run, batches: Batches, { terms, clock, stages }: PassOptions): Pass {
  let result: Pass | undefined;
  tf.tidy(() => {
    const scalars: NamedScalar[] = [];
    const handoffs: Record<string, tf.Tensor>[] = [];
    const kept: tf.Tensor[] = [];
    // Clones, because the end of the gradient scope frees everything but its result.
    const keep = <T extends tf.Tensor>(tensor: T): T => {
      const copy = tf.keep(tf.clone(tensor));
      kept.push(copy);
      return copy as T;
    };
    try {
      const grads = gradientsOf(run.segmenter.params.map(({ value }) => value), () => {
        const context = forward(run, batches, { terms, clock });
        return terms.map((term) => {
          const { planned } = term;
          const who = describeLoss(planned);
          const output = checkedOutput(who, () => term.term.compute(contextFor(term, context)), planned.file);
          scalars.push({ name: planned.name, who, weight: planned.weight, value: keep(output.loss) });
          for (const [name, value] of Object.entries(output.logs ?? {})) {
            scalars.push({ name: `${planned.name}/${name}`, weight: 0, value: keep(value) });
          }
          const handoff = Object.entries(output.handoff ?? {});
          handoffs.push(Object.fromEntries(handoff.map(([name, value]) => [name, keep(value)])));
          return tf.mul(output.loss, planned.weight) as tf.Scalar;
        }).reduce((a, b) => tf.add(a, b));
      }, () => stages?.over("forward"));
      const players = terms.flatMap((term, k) =>
        term.opponents.map((opponent) => {
          const name = `${term.planned.name}/${opponent.player.name}`;
          const who = `player "${opponent.player.name}" of ${describeLoss(term.planned)}`;
          const params = opponent.player.params.map(({ value }) => value);
          const playerGrads = gradientsOf(params, () => {
            const { loss } = checkedOutput(
              who,
              () => opponent.player.compute(handoffs[k]!),
              term.planned.file,
            );
            scalars.push({ name, who, weight: 0, value: keep(loss) });
            return loss;
          });
          return { opponent, grads: playerGrads };
        })
      );
      stages?.over("backward");
      const values = scalars.map((scalar) => ({ ...scalar, value: tf.clone(scalar.value) }));
      result = { grads, scalars: values, players };
      return tensorsOf(result);
    } finally {
      tf.dispose(kept);
    }
  });
  return result!;
}

/** Everything of a pass that must be freed. */
export function tensorsOf({ grads, scalars, players }: Pass): tf.Tensor[] {
  return [
    ...grads.filter((grad) => grad !== null),
    ...scalars.map(({ value }) => value),
    ...players.flatMap((player) => player.grads.filter((grad) => grad !== null)),
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

/**
 * The gradient of a scalar, null where it does not depend on a variable.
 * @throws whatever `f` throws, and ObjectiveError when an operator of it has no gradient
 */
function gradientsOf(variables: tf.Variable[], f: () => tf.Scalar, onValue = () => {}): Gradients {
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
    result = gradients(guarded, variables).grads;
  } catch (cause) {
    // Such as running out of memory, which is no term's fault.
    if (cause instanceof UserError) throw cause;
    throw new ObjectiveError(`cannot be differentiated: ${messageOf(cause)}`, { cause });
  }
  if (failure) throw failure.error;
  return result.map((grad) => grad ?? null);
}

/** What the terms see. Belongs to the caller's tidy scope. */
export function forward(run: Run, batches: Batches, { terms, clock }: PassOptions): StepContext {
  const [target, view] = views(run.segmenter, batches, terms);
  const labels = labelsOf(batches.source);
  const [, height, width] = labels.shape;
  const wanted = terms.some(({ planned }) => planned.plan.needs.labelResolution);
  const source: SourceView = {
    ...view,
    labels,
    ...(wanted ? { upsampled: resizeBilinear(view.logits, [height, width]) } : {}),
  };
  return { ...clock, ignoreLabel: run.ignoreLabel, source, ...(target ? { target } : {}) };
}

/** Of the target, where there is one, and of the source. */
function views(
  segmenter: Run["segmenter"],
  { source, target }: Batches,
  terms: readonly Term[],
): [View | undefined, View] {
  const together = target && segmenter.forwardTogether && String(target.size) === String(source.size);
  if (together) {
    const taps = terms.flatMap(({ planned }) => planned.plan.needs.taps.map(({ name }) => name));
    return segmenter.forwardTogether!([target, source].map(imagesOf), { training: true, taps }) as [
      View,
      View,
    ];
  }
  const one = (batch: Batch, domain: "source" | "target") =>
    segmenter.forward(imagesOf(batch), { training: true, domain });
  const first = target && one(target, "target");
  return [first, one(source, "source")];
}

function imagesOf({ images, ids, size: [height, width] }: Batch): tf.Tensor4D {
  return tf.tensor4d(images, [ids.length, height, width, 3]);
}

function labelsOf({ ids, labels, size: [height, width] }: Batch): tf.Tensor3D {
  if (labels === undefined) throw new Error(`the source batch ${ids.join(", ")} came without labels`);
  return tf.tensor3d(Int32Array.from(labels), [ids.length, height, width], "int32");
}

/** The context with only the taps the term declared. */
function contextFor({ planned }: Term, context: StepContext): StepContext {
  const declared = new Set(planned.plan.needs.taps.map(({ name }) => name));
  const limit = <V extends View>(view: V): V => ({
    ...view,
    taps: new Proxy(view.taps, {
      get(taps, name) {
        if (typeof name === "symbol") return undefined;
        if (declared.has(name)) return taps[name];
        throw new LossError(
          `${describeLoss(planned)} reads the tap "${name}" without declaring it in needs.taps`,
        );
      },
    }),
  });
  return {
    ...context,
    source: limit(context.source),
    ...(context.target ? { target: limit(context.target) } : {}),
  };
}
