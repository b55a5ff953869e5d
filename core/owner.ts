/**
 * What terms and streams may own and do beside their value.
 *
 * An *owner* is a set of parameters with an optimiser of its own: a discriminator, a decoder, a translator.
 * It is declared in the plan ({@linkcode OwnerPlan}), made by the plugin ({@linkcode Owner}), and updated by
 * the trainer (train/step.ts). *Buffers* are state that training does not learn, *hooks* what is done
 * between steps. Parameters, optimisers and buffers are in checkpoints; what a hook keeps elsewhere is lost
 * when a run is resumed.
 */
import type { Param } from "./model.ts";
import type { OptimizerPlan, SchedulePlan } from "./optimization.ts";
import type { Random } from "./random.ts";
import type { StepContext } from "./step_context.ts";
import type { Scalar, Tensor, Variable } from "./tensors.ts";

/** Parameters with an optimiser of their own, declared ahead. */
export interface OwnerPlan {
  /** Unique in its plugin. */
  readonly name: string;
  /** How they are updated. */
  readonly optimizer: OptimizerPlan;
  /** The learning rate over time; absent: the recipe's. */
  readonly schedule?: SchedulePlan;
  /**
   * `joint`: by the gradient of the objective, as the network (decoders, translators). `before`, `after`: by
   * a value of their own ({@linkcode Owner.compute}), ahead of the network's update or following it
   * (opponents). Absent: `after`.
   */
  readonly when?: "before" | "joint" | "after";
  /** Steps from one update to the next: 5 updates in steps 5, 10, 15, counted from 1. Absent: 1. */
  readonly every?: number;
  /** The step of the first update, counted from 0. Absent: `every` - 1. */
  readonly first?: number;
  /** A name of the recipe's `networks` whose parameters these are; absent: {@linkcode Owner.params}. */
  readonly trains?: string;
}

/** An owner as its plugin made it. */
export interface Owner {
  /** What is updated; absent where the plan's `trains` names a network. */
  readonly params?: readonly Param[];
  /**
   * Minimised over the parameters alone: what the term handed over comes detached, so no gradient reaches the
   * network. Absent for `joint` ones.
   */
  compute?(handoff: Readonly<Record<string, Tensor>>, at: Pick<StepContext, "world">): LossOutput;
}

/** What terms and streams may own. */
export interface Owned {
  /** By the names of the plan's `owners`. */
  readonly owners?: Readonly<Record<string, Owner>>;
  /** Persistent non-trainable state for the checkpoint (running thresholds, counters). */
  readonly buffers?: Readonly<Record<string, Variable>>;
  /** What is done between steps. */
  readonly hooks?: Hooks;
}

/**
 * What a part does between steps, outside any gradient scope. Parts are called in recipe order and awaited.
 */
export interface Hooks {
  /**
   * Before the first step of a phase; not when a run goes on, so what it finds belongs into buffers. It is
   * repeated when a run was stopped in its middle, so it must follow from its input and {@linkcode
   * BeginTools.random} alone.
   */
  begin?(tools: BeginTools): void | Promise<void>;
  /** After every update. */
  stepEnd?(state: StepState): void | Promise<void>;
}

/** What {@linkcode Hooks.begin} may use. */
export interface BeginTools {
  /** Follows from the seed and the part's name. */
  readonly random: Random;
  /** Fires when the run is told to stop; `batches` throws its reason. */
  readonly signal: AbortSignal;
  /** A sentence for the log. */
  note(message: string): void;
  /**
   * Every image of a stream that is read, once, prepared as training prepares it. @throws DataError,
   * AbortError, LossError
   */
  batches(stream: string): AsyncIterable<BeginBatch>;
}

/** Images of a stream on the host. */
export interface BeginBatch {
  /** Height and width of every image. */
  readonly size: readonly [number, number];
  /** One for every image. */
  readonly ids: readonly string[];
  /** Train ids, N x height x width; absent: the stream has none. */
  readonly labels?: Uint8Array;
}

/** Where a run stands. */
export interface StepState {
  /** The step just made, counted from 0. */
  readonly step: number;
  /** Total steps of the phase. */
  readonly steps: number;
  /** Fires when the run is told to stop. */
  readonly signal: AbortSignal;
}

/** What a term or an owner returns for one step. */
export interface LossOutput {
  /** float32, finite; 0 when there is nothing to learn from. */
  readonly loss: Scalar;
  /** Extra scalars to log; never differentiated. */
  readonly logs?: Readonly<Record<string, Scalar>>;
  /** Tensors that the owners need; the trainer keeps them, detaches them and frees them. */
  readonly handoff?: Readonly<Record<string, Tensor>>;
}
