/**
 * The vocabulary of a training step. Think of it as a table of named things:
 * - a *stream* is the images of one step, with or without labels: `source` and `target`, further datasets,
 *   and what is made from other streams (mixed, translated, masked images);
 * - a *view* is one network's pass over one stream;
 * - a *term* of the objective reads views and images and returns a scalar;
 * - an *owner* is a set of parameters with an optimiser of its own: a discriminator, a decoder, a
 *   translator. Everything says ahead what it reads ({@linkcode Needs}), so the trainer makes exactly those
 *   views, in an order that can be printed before anything is computed. Reading what was not declared is an
 *   error that names the reader.
 */
import type { ConfigPath } from "./errors.ts";
import type { Param, Setup, TapInfo, View } from "./model.ts";
import type { OptimizerPlan, SchedulePlan } from "./optimization.ts";
import type { Normalization } from "./plan.ts";
import type { Random } from "./random.ts";
import type { Scalar, Tensor, Tensor3D, Tensor4D, Variable } from "./tensors.ts";
import type { World } from "./world.ts";

// --- what is read -----------------------------------------------------------------------------------------

/** The network that the recipe's `model` describes and its optimiser trains. */
export const STUDENT = "student";

/**
 * A tap that a view must have, and what must hold of it; a tap that does not fit is an error of the recipe.
 */
export interface TapNeed {
  /** A tap of the network, as in `layer4`. */
  readonly name: string;
  /** Refuse a tap of another space. */
  readonly space?: TapInfo["space"];
  /** Refuse a tap without a logit for each class. */
  readonly logits?: boolean;
  /** Ask for it in {@linkcode StreamView.upsampledTaps}. */
  readonly labelResolution?: boolean;
  /** Where the recipe names it, for the error; absent: where the plugin stands. */
  readonly at?: ConfigPath;
}

/** A pass of one network over one stream that a term or a maker reads. */
export interface ViewNeed {
  /** `source`, `target`, or a name of the recipe's `streams`. */
  readonly stream: string;
  /** `student`, or a name of the recipe's `networks`; absent: the student. */
  readonly by?: string;
  /** Read beside `logits`; absent: none. */
  readonly taps?: readonly TapNeed[];
  /** Ask for {@linkcode StreamView.upsampled}. */
  readonly labelResolution?: boolean;
  /** Refuse a stream without labels. */
  readonly labels?: boolean;
  /**
   * Let gradients flow through a view that would be a constant: through the student's in a maker of images,
   * and in a term through another network's to the pixels of a made stream, though nothing trains that
   * network.
   */
  readonly flows?: boolean;
  /** Where the recipe names the stream or the network, for the error; absent: where the plugin stands. */
  readonly at?: ConfigPath;
}

/** Everything that a term or a stream reads of a step. Reading something else later throws. */
export interface Needs {
  /** Views by stream and network. */
  readonly views?: readonly ViewNeed[];
  /** Streams whose images are read, beside those of `views`. */
  readonly streams?: readonly string[];
  /** Networks whose parameters are read, `student` among them. */
  readonly parameters?: readonly string[];
  /** Short for the student's views of `source` and `target`, both with these taps. */
  readonly taps?: readonly TapNeed[];
  /** With `taps`: ask for `source.upsampled`. */
  readonly labelResolution?: boolean;
  /** With `taps`: whether there is a view of the target; absent means true. */
  readonly target?: boolean;
}

/** Images of one step. Tensors belong to the step. */
export interface Images {
  /** float32 [N, H, W, 3], normalised as the recipe's `input.normalization` says. */
  readonly pixels: Tensor4D;
  /** int32 [N, H, W] train ids, the ignore label where unlabelled; absent: the stream has none. */
  readonly labels?: Tensor3D;
  /** float32 [N, H, W, K], distributions over the classes; absent: the stream has none. */
  readonly soft?: Tensor4D;
  /** float32 [N, H, W], how much each pixel counts; absent: all alike. */
  readonly weights?: Tensor3D;
  /**
   * Share of their patches that networks which learn must do without, in [0, 1); absent: none ({@linkcode
   * StreamPlan.hides}).
   */
  readonly hide?: number;
  /** Whatever else its maker offers to terms; gradients flow through it. */
  readonly values?: Readonly<Record<string, Tensor>>;
}

/** A view together with what its stream has besides pixels. */
export interface StreamView extends View {
  /** int32 [N, H, W] train ids, the ignore label where unlabelled; absent: the stream has none. */
  readonly labels?: Tensor3D;
  /**
   * float32 [N, H, W, K]: logits resized bilinearly to the images' size; there when asked for
   * (`labelResolution`).
   */
  readonly upsampled?: Tensor4D;
  /** float32 [N, H, W, C] by tap: resized as `upsampled`; those that were asked for ({@linkcode TapNeed}). */
  readonly upsampledTaps?: Readonly<Record<string, Tensor4D>>;
}

/** The view of a stream that has labels. */
export interface LabelledView extends StreamView {
  /** int32 [N, H, W] train ids, the ignore label where unlabelled. */
  readonly labels: Tensor3D;
}

/** What a term or a stream sees of one step. */
export interface StepContext {
  /** Counts from 0. */
  readonly step: number;
  /** Total steps of the phase. */
  readonly steps: number;
  /**
   * The processes of the run, of which each has an equal part of the images. What is a mean over all pixels
   * needs nothing of it; what is divided by a number that is counted, and what is drawn or sorted over the
   * whole batch, does.
   */
  readonly world: World;
  /** The id in labels that counts nowhere. */
  readonly ignoreLabel: number;
  /** How pixels were made of images; for those who change or make some. */
  readonly normalization: Normalization;
  /** Follows from seed, step and the reader's name alone, so there is nothing of it to save. */
  readonly random: Random;
  /** The same as `view("source")`. @throws LossError when it was not declared */
  readonly source: LabelledView;
  /** The same as `view("target")`; undefined when it was not declared. */
  readonly target?: StreamView | undefined;
  /**
   * The images of a stream, and its labels where it has some. @throws LossError when neither it nor a view of
   * it was declared
   */
  images(stream: string): Images;
  /**
   * Gradients flow through the student's views in terms; streams get views as constants. @throws LossError
   * when it was not declared
   */
  view(stream: string, by?: string): StreamView;
  /** A network's parameters in state-dict order. @throws LossError when they were not declared */
  parameters(of: string): readonly Param[];
}

// --- owners -----------------------------------------------------------------------------------------------

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

/** What a term or a stream may use when it builds itself. */
export interface TermSetup extends Setup {
  /** Every tap of the recipe's model, by name. */
  readonly taps: Readonly<Record<string, TapInfo>>;
  /** The classes by train id. */
  readonly classes: readonly string[];
  /** How maps are resized: with corner pixels on corner pixels, or with half-pixel centres. */
  readonly alignCorners: boolean;
  /** Whether the recipe's model can do without patches ({@linkcode Images.hide}). Absent: no. */
  readonly hides?: boolean;
}

// --- terms ------------------------------------------------------------------------------------------------

/** A loss whose options are valid; nothing is allocated yet. */
export interface LossPlan {
  /** What the trainer must compute for it. */
  readonly needs: Needs;
  /** Parameters of its own and how they are updated. */
  readonly owners?: readonly OwnerPlan[];
  /** What can be looked at in the explorer. */
  readonly exhibits?: readonly Exhibit[];
  /** Allocates what the term owns. */
  create(setup: TermSetup): LossTerm;
}

/**
 * Something that a term can show of itself in the explorer. Only `kind` is common; code that knows the kind
 * knows its other fields.
 */
export interface Exhibit {
  /** As in `association`. */
  readonly kind: string;
}

/** A term of the objective, made for one phase. */
export interface LossTerm extends Owned {
  /**
   * The scalar this term asks the network to reduce. Runs while gradients are recorded: synchronous, no
   * `data()`, no variable writes.
   */
  compute(ctx: StepContext): LossOutput;
  /**
   * What `training.diagnostics` logs of it beside some of the steps, as `<loss>/<name>`; of the same needs.
   */
  measure?(ctx: MeasureContext): Readonly<Record<string, Scalar>>;
}

/** What a term sees when it measures itself. */
export interface MeasureContext extends StepContext {
  /**
   * int32 [N, H, W]: labels of a stream that training does not see; undefined unless the recipe lets them be
   * read (`target_labels`).
   */
  hiddenLabels(stream: string): Tensor3D | undefined;
}

/** What a term returns for one step. */
export interface LossOutput {
  /** float32, finite; 0 when there is nothing to learn from. */
  readonly loss: Scalar;
  /** Extra scalars to log; never differentiated. */
  readonly logs?: Readonly<Record<string, Scalar>>;
  /** Tensors that the owners need; the trainer keeps them, detaches them and frees them. */
  readonly handoff?: Readonly<Record<string, Tensor>>;
}

// --- streams ----------------------------------------------------------------------------------------------

/** Images made from those of other streams; nothing is allocated yet. */
export interface StreamPlan {
  /** What the trainer must compute for it. */
  readonly needs: Needs;
  /**
   * Whether its images come with {@linkcode Images.hide}, so that networks must be able to do without
   * patches. Absent: no.
   */
  readonly hides?: boolean;
  /** Parameters of its own; `when` is `joint`. */
  readonly owners?: readonly OwnerPlan[];
  /** Allocates what the stream owns. */
  create(setup: TermSetup): Stream;
}

/** A maker of images, made for one phase. */
export interface Stream extends Owned {
  /**
   * Makes the images of one step. Gradients of the objective flow through the pixels into the stream's own
   * parameters, where it has some. Synchronous, no `data()`, no variable writes.
   */
  make(ctx: StepContext): Images;
}
