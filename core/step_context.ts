/**
 * What is read in a training step. Think of the step as a table of named things:
 * - a *stream* is the images of one step, with or without labels: `source` and `target`, further datasets,
 *   and what is made from other streams (mixed, translated, masked images);
 * - a *view* is one network's pass over one stream.
 *
 * Every term and every maker of a stream says ahead what it reads ({@linkcode Needs}), so the trainer makes
 * exactly those views, in an order that can be printed before anything is computed (core/step_plan.ts).
 * Reading what was not declared is an error that names the reader.
 */
import type { ConfigPath } from "./errors.ts";
import type { Normalization } from "./input_plan.ts";
import type { Param, TapInfo, View } from "./model.ts";
import type { Random } from "./random.ts";
import type { Tensor, Tensor3D, Tensor4D } from "./tensors.ts";
import type { World } from "./world.ts";

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
