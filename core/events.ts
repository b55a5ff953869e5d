/**
 * What a run reports while it goes on, and what an evaluation found. Plain data: every value survives JSON.
 *
 * The training loop emits events and knows nothing of who listens. They are shown in the terminal, written as
 * a line each to `events.jsonl` (run_folder/event.ts reads them back), and drawn on pages. A run that is
 * resumed appends to the same log: a {@linkcode ResumeEvent} with step n says that lines of later steps
 * before it are void.
 */

/** One thing that happened in a run. A run has one phase or more, one after the other; `phase` says which. */
export type TrainEvent =
  | StartEvent
  | ResumeEvent
  | StepEvent
  | ValidationEvent
  | CheckpointEvent
  | DiagnosticsEvent
  | NoteEvent
  | EndEvent
  | FailureEvent;

/** What all events have. */
export interface PhaseEvent<Type extends string> {
  /** Which event it is; its other fields follow from it. */
  readonly type: Type;
  /** The phase's name. */
  readonly phase: string;
}

/** A phase begins. */
export interface StartEvent extends PhaseEvent<"start"> {
  /** Optimiser updates to come. */
  readonly steps: number;
  /** Images per domain per forward pass. */
  readonly batch: number;
}

/**
 * A phase goes on where an earlier process left it; events of later steps before this one are of that
 * process.
 */
export interface ResumeEvent extends PhaseEvent<"resume"> {
  /** Updates done before. */
  readonly step: number;
}

/** An update was applied. */
export interface StepEvent extends PhaseEvent<"step"> {
  /** Updates done, this one included. */
  readonly step: number;
  /** Updates of the whole phase. */
  readonly steps: number;
  /** Updates per second over the last steps, validation and checkpoints left out. */
  readonly rate: number;
  /**
   * Each term's own value, without its weight; `<loss>/<log>` for what it logs, `<loss>/<player>` for
   * opponents.
   */
  readonly terms: Readonly<Record<string, number>>;
  /** The weighted sum that was minimised. */
  readonly total: number;
  /** After the schedule's multiplier. */
  readonly learningRate: number;
  /** Of several processes, the slowest in the steps before; absent while all are about as fast. */
  readonly slowest?: SlowestProcess;
}

/** A process that the others wait for. */
export interface SlowestProcess {
  /** From 0. */
  readonly rank: number;
  /** The machine that it is on. */
  readonly host: string;
  /** What its own work takes, as a multiple of what that of the fastest takes: more than 1.2. */
  readonly times: number;
}

/**
 * The validation split was evaluated in one pass per image: without aggregation, mirror and further scales.
 * Values in 0..1.
 */
export interface ValidationEvent extends PhaseEvent<"validation"> {
  /** Updates done. */
  readonly step: number;
  /** Mean IoU over the classes present; null: no pixel is labelled. */
  readonly miou: number | null;
  /** The same over some of the classes, for the label spaces that name such subsets. */
  readonly subsets?: readonly SubsetMean[];
  /** The size at which pixels were counted, as in {@linkcode Evaluation}. */
  readonly labelSize: string;
  /** Share of labelled pixels with the right class; null: no pixel is labelled. */
  readonly pixelAccuracy: number | null;
  /** By class; null: absent from labels and predictions. */
  readonly iou: readonly (number | null)[];
  /** Whether it is the highest mIoU of the phase so far; false without one. */
  readonly best: boolean;
  /**
   * Measures that need no labels of the target, by their name in core/label_free.ts; absent: none were taken.
   */
  readonly labelFree?: Readonly<Record<string, number>>;
}

/** A checkpoint was written. */
export interface CheckpointEvent extends PhaseEvent<"checkpoint"> {
  /** Updates done. */
  readonly step: number;
  /** The safetensors file. */
  readonly path: string;
}

/**
 * What was measured beside a step (`training.diagnostics`). Names:
 * - `<loss>/<name>`: what a term measures of itself. An association measures every level, as in
 *   `association/layer4 correct`: `associated`, the share of source pixels that are associated; `covered`, of
 *   target pixels that an associated one chose; and, with `target_labels`, `correct`, of the associated
 *   source pixels whose target pixel has a label those with the same label. The first also stands among the
 *   step's terms.
 * - `entropy/<stream>`, for the streams that are read: mean entropy of the predictions as a share of the
 *   largest possible, in 0..1.
 * - `gradient/<loss>`: Euclidean norm over all parameters of the network of the weighted term's gradient,
 *   of the first forward pass of the step; `gradient/total`: of what the update is made of, before clipping.
 * - `seconds/input` (waiting for images), `seconds/forward` (network and terms), `seconds/backward`,
 *   `seconds/read` (values read back; on a GPU most of the time shows here), `seconds/update`, and
 *   `seconds/step`, their sum.
 * - `memory/out`, `memory/back`: bytes of tensors that left the heap in the step for want of room, and that
 *   came back; `memory/seconds`, the time of both; `memory/heap`, `memory/outside`: the most bytes of tensors
 *   in the heap and outside of it since the process began; `memory/moved <operator> [<shape>]`: bytes both ways
 *   of the three kinds of tensors that moved most, none if nothing moved. Only where the backend has a heap of
 *   its own.
 */
export interface DiagnosticsEvent extends PhaseEvent<"diagnostics"> {
  /** Updates done, this one included. */
  readonly step: number;
  /** By name; what cannot be said, as the correctness where nothing is associated, is left out. */
  readonly values: Readonly<Record<string, number>>;
}

/** Something the person should know. */
export interface NoteEvent extends PhaseEvent<"note"> {
  /** One sentence. */
  readonly message: string;
}

/** A phase is over. */
export interface EndEvent extends PhaseEvent<"end"> {
  /** Updates done. */
  readonly step: number;
  /** Whether it was told to stop before its end. */
  readonly interrupted: boolean;
}

/** A phase could not go on. */
export interface FailureEvent extends PhaseEvent<"failure"> {
  /** What the person is told. */
  readonly message: string;
}

/** How well a network labels one split. Shares are in 0..1. */
export interface Evaluation {
  /** `train`, `val` or `test`. */
  readonly split: string;
  /** Images evaluated. */
  readonly images: number;
  /**
   * The size at which pixels were counted: `original 960x720`, or `input` and `varied` where sizes differ.
   */
  readonly labelSize: string;
  /**
   * How probabilities were made beyond one pass per image, as in `aggregation 0.5, flip`; absent: nothing.
   */
  readonly inference?: string;
  /** Class names in train-id order. */
  readonly classes: readonly string[];
  /** By class; null: absent from labels and predictions. */
  readonly iou: readonly (number | null)[];
  /** The mean of `iou` over the classes that are not null; null when all are. */
  readonly miou: number | null;
  /** The same over some of the classes, for the label spaces that name such subsets. */
  readonly subsets?: readonly SubsetMean[];
  /** Null when no pixel is labelled. */
  readonly pixelAccuracy: number | null;
  /** Pixels by [label][prediction]. */
  readonly confusion: readonly (readonly number[])[];
}

/** A mean IoU over some of the classes. */
export interface SubsetMean {
  /** As in `mIoU*`. */
  readonly name: string;
  /** The classes that are averaged, those absent from labels and predictions left out. */
  readonly classes: readonly string[];
  /** In 0..1; null when no pixel has one of them as its label or prediction. */
  readonly miou: number | null;
}
