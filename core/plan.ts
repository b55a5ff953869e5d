/**
 * A recipe after validation: every plugin planned, nothing allocated, no file of the data read.
 *
 * The plan is the border between reading and doing. Before it there are YAML, positions and defaults; behind
 * it there are only values of one form, in `camelCase`, checked against each other. `train/` takes a
 * plan and never sees a recipe, so what a recipe may look like can change without them.
 *
 * A plan holds functions (each plugin's `create`, `open`, `run`) and so cannot be sent to another thread or
 * written to a file. What can is {@linkcode RunPlan.resolved}: the recipe from which the same plan can be
 * made again.
 */
import type { EvaluationPlan } from "./evaluation_plan.ts";
import type { LabelSpace } from "./label_space.ts";
import type { ConfigPath } from "./errors.ts";
import type { Coefficient } from "./coefficient.ts";
import type {
  DatasetPlan,
  GroupFactors,
  JobPlan,
  LossPlan,
  ModelPlan,
  NetworkPlan,
  OptimizerPlan,
  Plugin,
  SchedulePlan,
  StreamPlan,
} from "./plugin.ts";
import type { WeightsSource } from "./weights.ts";

export type * from "./evaluation_plan.ts";

/** The names of tensor backends; `backends/mod.ts` has what each is. */
export type BackendName = "native" | "tensorflow" | "wasm" | "webgpu" | "cpu";

/** What `eval --split` accepts. `train` is the labelled source. */
export type Split = "train" | "val" | "test";

/** In how many bits maps are kept for the gradient: 32 or 16. */
export type Precision = "full" | "half";

/** Everything that a run is made from. Made by `loadRecipe` (config/load.ts). */
export interface RunPlan {
  /** From the recipe; names the run folder. */
  readonly name: string;
  /** Everything random follows from it. */
  readonly seed: number;
  /** Where tensors live; `auto` decides when the run starts. */
  readonly backend: BackendName | "auto";
  /** Bytes that tensors may take in all, where the backend moves them; absent: what the machine has free. */
  readonly memory?: number;
  /** Absent: `full`. */
  readonly precision?: Precision;
  /** The classes of source and evaluation. */
  readonly labelSpace: LabelSpace;
  /** Source, target and the splits to evaluate. */
  readonly data: DataPlan;
  /** How images become batches. */
  readonly input: InputPlan;
  /** The network. */
  readonly model: PlannedModel;
  /** What is trained, one after the other; at least one. The last is the run's result. */
  readonly phases: readonly PhasePlan[];
  /** How predictions are compared with labels. */
  readonly evaluation: EvaluationPlan;
  /** What the objective is known as; absent: it has no name but the recipe's. */
  readonly method?: MethodPlan;
  /** What is written for TensorBoard; absent: nothing. */
  readonly logs?: LogsPlan;
  /** The recipe after `extends:` and `--set`, defaults filled in; written to the run folder. */
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** What an objective is known as, for tables. */
export interface MethodPlan {
  /** As in `AdaptSeg`. */
  readonly title: string;
  /** `AT`, adversarial training, or `ST`, self-training; absent: neither. */
  readonly kind?: string | undefined;
  /** Whether details of it were never published. */
  readonly unofficial: boolean;
  /** Who published it. */
  readonly source?: string | undefined;
}

/** What is written for TensorBoard beside the scalars. */
export interface LogsPlan {
  /** Images of every validation, the first ones, with labels and predictions; 0: none. */
  readonly images: number;
  /** Steps between distributions of all weights; 0: none. */
  readonly histograms: number;
}

/**
 * A part of a run that minimises one objective from its first step to its last. A plain recipe has one; a
 * baseline is one before it; rounds of self-training are several, each from the weights of the one before.
 */
export interface PhasePlan {
  /** Unique in the run; events, checkpoints and results carry it. */
  readonly name: string;
  /** Whether it is the recipe's `baseline`: trained to compare with, from the seed. */
  readonly baseline?: boolean;
  /** Where its weights come from. */
  readonly from: PhaseStart;
  /** Done once before its first step, in this order. */
  readonly before: readonly PlannedJob[];
  /** Every stream that is read, or may be, in the order in which views of them are made. */
  readonly streams: readonly PlannedStream[];
  /** Networks beside the student, in recipe order. */
  readonly networks: readonly PlannedNetwork[];
  /** The objective: the weighted sum of these. */
  readonly losses: readonly PlannedLoss[];
  /** How the network's weights are updated. */
  readonly optimizer: OptimizerPlan;
  /** Factors on rate and decay by parameter group. */
  readonly groups: readonly GroupFactors[];
  /** The learning rate over time. */
  readonly schedule: SchedulePlan;
  /** Lengths and intervals. */
  readonly training: TrainingPlan;
  /**
   * Begins the names of the phase's random streams, so that it sees other images and draws other numbers than
   * the phases before it. Absent for the first phase, and for a baseline, which must see the same images as
   * the run it is compared with.
   */
  readonly draws?: string;
}

/**
 * The name of a phase's random stream, for `Random.stream`: `name`, or `draws/name` where the phase draws its
 * own.
 */
export function drawnName({ draws }: Pick<PhasePlan, "draws">, name: string): string {
  return draws === undefined ? name : `${draws}/${name}`;
}

/**
 * What a phase starts from: the seed (with `model.weights`, where the recipe has it), a phase before it, or a
 * file.
 */
export type PhaseStart =
  | { readonly kind: "seed" }
  | { readonly kind: "phase"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** The phase that a run is judged by: the last. */
export function lastPhase({ phases }: Pick<RunPlan, "phases">): PhasePlan {
  return phases.at(-1)!;
}

/** The most phases that a recipe may list; a baseline is not counted. */
export const MOST_PHASES = 64;

/** Everything of a phase that a plugin makes: its losses, streams, networks and jobs. */
export function plannedParts({ losses, streams, networks, before }: PhasePlan): readonly PlannedPart[] {
  return [...losses, ...streams, ...networks, ...before];
}

/** What a part of a recipe is called and where it stands, for errors. */
export interface PlannedPart {
  /** Unique among its kind in a phase: the type, or the recipe's `name:` or key. */
  readonly name: string;
  /** The user's file that it comes from, absolute. */
  readonly file?: string;
  /** Position in the recipe. */
  readonly at: ConfigPath;
  /** `recipe.yaml:12:5`, with the user's file before it where it comes from one. */
  readonly origin: string;
  /** Its file was not run, so what it needs and leaves is not known. */
  readonly unrun?: boolean;
}

/** A stream: read from a dataset, from what a job left, or made from other streams. */
export type PlannedStream =
  | ReadStream & { readonly dataset: DatasetPlan }
  | ReadStream & { readonly job: string }
  | MadeStream;

/** The names of the streams whose images a stream's dataset takes; empty for all but joined datasets. */
export function drawnFrom(stream: PlannedStream): readonly string[] {
  return "dataset" in stream ? (stream.dataset.streams ?? []).map(({ stream }) => stream) : [];
}

/**
 * A stream together with those that it takes images from, directly and through others; names that do not
 * exist are passed over. The stream itself comes first.
 */
export function streamsBehind(
  streams: readonly PlannedStream[],
  stream: PlannedStream,
): readonly PlannedStream[] {
  const found = new Set<PlannedStream>();
  const visit = (one: PlannedStream | undefined) => {
    if (one === undefined || found.has(one)) return;
    found.add(one);
    for (const name of drawnFrom(one)) visit(streams.find((other) => other.name === name));
  };
  visit(stream);
  return [...found];
}

/** A stream whose images loaders read. */
export interface ReadStream extends PlannedPart {
  /** Whether its labels are read. */
  readonly labels: boolean;
}

/** A stream that its plugin makes from others. */
export interface MadeStream extends PlannedPart {
  /** How it is made. */
  readonly plan: StreamPlan;
}

/** Whether loaders read it; else it is made. */
export function isRead(stream: PlannedStream): stream is Exclude<PlannedStream, MadeStream> {
  return !isMade(stream);
}

/** The opposite of {@linkcode isRead}. */
export function isMade(stream: PlannedStream): stream is MadeStream {
  return "plan" in stream;
}

/** A network beside the student. */
export interface PlannedNetwork extends PlannedPart {
  /** How it behaves. */
  readonly plan: NetworkPlan;
  /** What it is built from. */
  readonly model: ModelPlan;
  /** A file that it starts from. */
  readonly weights?: WeightsSource;
}

/** A job of a phase. */
export interface PlannedJob extends PlannedPart {
  /** What it does. */
  readonly plan: JobPlan;
}

/** The datasets of a run. */
export interface DataPlan {
  /** Absolute; "" when no dataset needs one. */
  readonly root: string;
  /** Labelled; trained on. */
  readonly source: DatasetPlan;
  /** Trained on without its labels. */
  readonly target: DatasetPlan;
  /** `train` is the labelled source; `val` and `test` are there when the recipe names them. */
  readonly splits: Readonly<Partial<Record<Split, DatasetPlan>>>;
  /**
   * What the datasets were planned from, so that a worker can make them again; those without are read on the
   * main thread.
   */
  readonly origins?: ReadonlyMap<DatasetPlan, DatasetOrigin>;
}

/**
 * What a dataset was planned from: enough for a worker thread, which cannot be sent a plan, to plan it again.
 */
export interface DatasetOrigin {
  /** What planned it. */
  readonly plugin: Plugin<"dataset">;
  /** As the recipe writes them: plain values. */
  readonly options: unknown;
}

/** How a decoded image becomes the network's input: training transforms, then normalisation. */
export interface InputPlan {
  /** Random changes of training images. */
  readonly training: TrainingTransforms;
  /** Of streams that have their own, by name, instead of `training`; absent: none has. */
  readonly streams?: Readonly<Record<string, TrainingTransforms>>;
  /** From bytes to network input, in training and evaluation. */
  readonly normalization: Normalization;
  /**
   * Whether maps are resized with aligned corners instead of half-pixel centres, in training and evaluation.
   */
  readonly alignCorners?: boolean;
  /**
   * Threads that read and transform images while the main one computes; 0: the main thread does it. Changes
   * no result.
   */
  readonly workers: number;
  /** Absent: every source image comes once an epoch. */
  readonly rareClassSampling?: RareClassSampling;
}

/**
 * Rare-class sampling (Hoyer et al. 2022): draws a class first, by P(c) = softmax over c of (1 - f_c) / T,
 * f_c being the class's share of labelled pixels, and then an image that holds it.
 */
export interface RareClassSampling {
  /**
   * Absolute path of what `plca data stats` wrote; absent: the run counts the source once, into its folder.
   */
  readonly stats?: string;
  /** T of P(c) = softmax((1 - f_c) / T). */
  readonly temperature: number;
  /** Images with so many pixels of the drawn class are chosen from. */
  readonly minPixels: number;
  /** The crop is drawn again until it has more pixels of the drawn class. */
  readonly cropPixels: number;
  /** At most so many crops; the last one is taken as it is. */
  readonly tries: number;
}

/** What a labelled training crop should be like; else it is drawn again, at most `tries` times. */
export interface CropCriteria {
  /** At most so many crops; the last one is taken as it is. */
  readonly tries: number;
  /** Of the crop's labelled pixels, the share below which every class must stay; 1: none need to. */
  readonly mostShare: number;
  /** How many classes must each have more than `leastShare`; 0: none. */
  readonly leastClasses: number;
  /** Of all pixels of the crop, in [0, 1). */
  readonly leastShare: number;
}

/**
 * What training does to an image, in this order: resize, crop, mirror. Sizes in pixels. What of it is random
 * is drawn, or seeded, by the loader (datasets/loader.ts), never where it is applied.
 */
export interface TrainingTransforms {
  /** The short side becomes a random integer of [low, high], aspect kept; absent: size as read. */
  readonly shortSide?: readonly [number, number];
  /** [height, width] that the whole image becomes, whatever its aspect; absent: as `shortSide` says. */
  readonly size?: readonly [number, number];
  /** [height, width]; smaller images are padded with the mean colour and the ignore label. */
  readonly crop: readonly [number, number];
  /** Mirror horizontally with probability 1/2. */
  readonly flip: boolean;
  /** Of images whose labels are read; absent: the first crop is taken. */
  readonly criteria?: CropCriteria;
  /**
   * Shares of the whole image at its top, right, bottom and left whose pixels weigh 0, as does padding;
   * absent: all weigh alike.
   */
  readonly margins?: readonly [number, number, number, number];
}

/**
 * How a byte becomes a float, per channel: value = (pixel * scale - mean) / deviation, pixel in 0..255,
 * channels in `order`.
 */
export interface Normalization {
  /** Channel order the network sees. */
  readonly order: "rgb" | "bgr";
  /** Applied to 0..255 before the mean is subtracted. */
  readonly scale: number;
  /** Per channel, in `order`, after scaling. */
  readonly mean: readonly [number, number, number];
  /** Per channel, in `order`, after scaling. */
  readonly deviation: readonly [number, number, number];
}

/** The model and its name for the record. */
export interface PlannedModel {
  /** The plugin's name. */
  readonly type: string;
  /** The network, not allocated. */
  readonly plan: ModelPlan;
  /** A file that training starts from; absent: the network starts from the seed alone. */
  readonly weights?: WeightsSource;
}

/** A term of the objective. */
export interface PlannedLoss extends PlannedPart {
  /** Factor of the term, constant or over the steps. */
  readonly weight: Coefficient;
  /** Which update of a step it goes into, counted from 1; absent: the first, and mostly the only one. */
  readonly update?: number;
  /** The term, not allocated. */
  readonly plan: LossPlan;
}

/**
 * Lengths and intervals of the training loop. A step is one update; it takes `accumulation` passes of `batch`
 * images of each domain.
 */
export interface TrainingPlan {
  /** Optimiser updates. */
  readonly steps: number;
  /** Images per domain per forward pass. */
  readonly batch: number;
  /** Forward passes whose gradients are averaged into one update. */
  readonly accumulation: number;
  /** Steps between validations; 0: only at the end. */
  readonly validateEvery: number;
  /** Steps between writes of the `last` checkpoint; 0: only at the end. */
  readonly checkpointEvery: number;
  /**
   * Largest Euclidean norm of the network's gradient in an update; a larger one is scaled to it. Absent: any.
   */
  readonly clipNorm?: number;
  /** How many of the latest checkpoints are kept, beside the best one. */
  readonly keepCheckpoints: number;
  /** Steps between `step` lines in the event log. */
  readonly logEvery: number;
  /** What is measured beside some of the steps; changes no number of the run. Absent: nothing. */
  readonly diagnostics?: DiagnosticsPlan;
}

/** What `training.diagnostics` can measure. */
export const MEASURES = ["terms", "entropy", "gradients", "seconds", "memory"] as const;

/** One of {@linkcode MEASURES}. */
export type Measure = (typeof MEASURES)[number];

/**
 * What is measured beside some of the steps, as {@linkcode DiagnosticsEvent} reports it; measuring changes no
 * number of the run.
 */
export interface DiagnosticsPlan {
  /** Steps from one measurement to the next. */
  readonly every: number;
  /** At least one. */
  readonly measure: readonly Measure[];
  /** Whether the target's labels are read for what terms measure of themselves; they reach nothing else. */
  readonly targetLabels: boolean;
}
