/**
 * Terms of the objective and streams that are made from others: their plans, and what these create.
 *
 * A *term* reads views and images of a step (step_context.ts) and returns a scalar; a *stream* reads the same
 * and returns images. Both may own parameters (owner.ts). Losses and streams of users implement what stands
 * here, so a field that is added is optional, and none is taken away.
 */
import type { Setup, TapInfo } from "./model.ts";
import type { LossOutput, Owned, OwnerPlan } from "./owner.ts";
import type { Images, Needs, StepContext } from "./step_context.ts";
import type { Scalar, Tensor3D } from "./tensors.ts";

export type * from "./owner.ts";
export * from "./step_context.ts";

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
