/**
 * The vocabulary of models: what a network offers to losses, and how it runs.
 *
 * Two names carry most of it. A *tap* is a place in the network that losses may read, known with its channels
 * and stride before a weight exists, so that a wrong name fails while the recipe is read. A *view* is the
 * result of one forward pass of one batch: logits, the taps asked for, and what the pass would change of
 * running statistics. Forward passes change nothing themselves: the trainer applies {@linkcode View.updates}
 * after the step, or drops them.
 */
import type { TransformersLayout } from "./hub.ts";
import type { Random } from "./random.ts";
import type { Tensor, Tensor4D, Variable } from "./tensors.ts";
import type { WeightNames } from "./weights.ts";
import type { World } from "./world.ts";

/** What is known of a tap before the network is made. */
export interface TapInfo {
  /** Values per pixel. */
  readonly channels: number;
  /** Input pixels per tap pixel along each side. */
  readonly stride: number;
  /** `simplex`: channels are >= 0 and sum to 1 at every pixel. */
  readonly space: "real" | "simplex";
  /** Of logits: how the names of the parameters begin that make them of features, as in `classifier.0.`. */
  readonly head?: string;
}

/** A model whose options are valid; nothing is allocated yet. */
export interface ModelPlan {
  /** Known before any weight exists, so a wrong tap name fails when the recipe is read. */
  taps(numClasses: number): Readonly<Record<string, TapInfo>>;
  /** A hint for errors about unknown taps, such as which option adds further ones. */
  readonly moreTaps?: string;
  /** The tap that {@linkcode Segmenter.classify} accepts and that aggregation at inference works on. */
  readonly featureTap: string;
  /** Whether it can do without some patches of an image ({@linkcode ForwardMode.hide}). Absent: no. */
  readonly hides?: boolean;
  /**
   * The groups of its parameters, so that a wrong name in `optimizer.groups` fails when the recipe is read.
   */
  readonly groups?: readonly string[];
  /**
   * The published weights that have exactly its sizes, as in `ResNet-101 trained on ImageNet`: what a person
   * would want to start from. Absent: no published weights are known to fit.
   */
  readonly published?: string;
  /** How published files name its tensors; absent: files must use its own names. */
  readonly weightNames?: WeightNames;
  /** The same network in transformers; absent: transformers has none like it. */
  readonly transformers?: TransformersLayout;
  /** Allocates the network, initialised from `setup.seed`. */
  create(setup: Setup): Segmenter;
}

/** What a plugin may use when it builds itself. Everything it allocates is named and owned by the run. */
export interface Setup {
  /** The run's seed; everything drawn from it repeats. */
  readonly seed: number;
  /** Classes the network tells apart, the ignore label not among them. */
  readonly numClasses: number;
  /**
   * Makes a variable the run owns; tfjs rejects a name used twice in a process, so plugins never name their
   * own.
   */
  variable(name: string, initial: Tensor, trainable?: boolean): Variable;
}

/** A network that labels pixels: weights, running statistics, and forward passes. */
export interface Segmenter {
  /** In state-dict order. */
  readonly params: readonly Param[];
  /** Non-trainable state by state-dict name (running statistics). Rank-4 tensors are HWIO. */
  readonly buffers: Readonly<Record<string, Variable>>;
  /**
   * Runs the network on batches, each with its own batch statistics, and changes nothing: what a pass would
   * change is returned as {@linkcode View.updates}. Batches of one size may be computed as one, since larger
   * products are faster.
   * @param batches float32 [N, H, W, 3] each, normalised as the recipe's `input.normalization` says
   * @returns a view of each batch, in their order; no batches give none
   */
  forward(batches: readonly Tensor4D[], mode: ForwardMode): readonly View[];
  /** float32 [N, h, w, C] of the feature tap to logits [N, h, w, K]. */
  classify(features: Tensor4D): Tensor4D;
}

/** How a forward pass is made. */
export interface ForwardMode {
  /** Whether batch statistics are used, if the model's policy is to use them, instead of the running ones. */
  readonly training: boolean;
  /** The taps that are read beside `logits`; others may be left out. Absent: all. */
  readonly taps?: readonly string[];
  /** What dropout and the like draw from, one for each batch; absent: nothing is drawn, as in evaluation. */
  readonly random?: readonly Random[];
  /**
   * Share of the patches of each batch that the network must do without, in [0, 1), drawn of `random`;
   * absent: it sees all. Only for models that can ({@linkcode ModelPlan.hides}).
   */
  readonly hide?: readonly number[];
  /**
   * The processes of the run: batch statistics, and what is drawn, are those of the batches of all of them.
   * Absent: there are none.
   */
  readonly world?: World;
}

/** A trainable variable and how to optimise it. */
export interface Param {
  /** The state-dict name, e.g. `backbone.layer1.0.conv1.weight`. Rank-4 tensors are HWIO. */
  readonly name: string;
  /** The weights; rank-4 ones are HWIO. */
  readonly value: Variable;
  /** What `optimizer.groups` knows it by, in parts from the whole to the detail, as in `backbone/norm`. */
  readonly group: string;
}

/** One forward pass of one batch. Tensors belong to the caller's tidy scope. */
export interface View {
  /** float32 [N, h, w, K], before softmax */
  readonly logits: Tensor4D;
  /** By tap name; `logits` and `probabilities` included. */
  readonly taps: Readonly<Record<string, Tensor4D>>;
  /** What the pass changes of the network's buffers, which the caller may apply; absent: nothing. */
  readonly updates?: readonly Update[];
}

/** A change of a buffer, as of a running mean: `variable = keep * variable + factor * add`. */
export interface Update {
  /** One of the network's buffers. */
  readonly variable: Variable;
  /** Share of the present value that stays, in [0, 1]. */
  readonly keep: number;
  /** Of the variable's shape. */
  readonly add: Tensor;
  /** Absent: 1. */
  readonly factor?: number;
}
