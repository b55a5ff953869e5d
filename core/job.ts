/**
 * The vocabulary of jobs: what is done once before a phase, such as labelling the target with the network so
 * far. A job reads images, may use the network with the weights that the phase starts from, and leaves files
 * in a folder of its own, which streams of the phase can read as a dataset.
 *
 * A job is never resumed in its middle: it is done again from its start, so its files must follow from its
 * input and its random stream alone.
 */
import type { CropPreference, DatasetPlan } from "./dataset.ts";
import type { Segmenter } from "./model.ts";
import type { Random } from "./random.ts";

/** A job whose options are valid. */
export interface JobPlan {
  /** Streams that are read from a dataset, whose images it goes through. */
  readonly reads: readonly string[];
  /** The dataset that it leaves in its folder, for streams to read (`{job: NAME}`); absent: none. Pure. */
  dataset?(files: JobFiles): DatasetPlan;
  /**
   * Does it. It is repeated from its start when a run was stopped in its middle, so what it writes must
   * follow from its input and {@linkcode JobTools.random} alone.
   */
  run(tools: JobTools): Promise<void>;
}

/** Where a job's files lie, and what it reads. */
export interface JobFiles {
  /** Of the job alone, absolute. */
  readonly folder: string;
  /** The dataset behind each of `reads`. */
  readonly datasets: Readonly<Record<string, DatasetPlan>>;
  /** The images of a dataset with the labels that {@linkcode JobTools.writeLabels} wrote, and no others. */
  relabelled(dataset: DatasetPlan): DatasetPlan;
}

/** What a job may use. */
export interface JobTools {
  /** Of the job alone, absolute; it exists. */
  readonly folder: string;
  /** The student, with the weights that the phase starts from. */
  readonly network: Segmenter;
  /** Classes in train-id order. */
  readonly classes: readonly string[];
  /** The id that counts nowhere. */
  readonly ignoreLabel: number;
  /** Follows from the seed and the job's name. */
  readonly random: Random;
  /** Fires when the run is told to stop; `images` throws its reason. */
  readonly signal: AbortSignal;
  /**
   * Every image of a stream in its order, prepared as evaluation prepares it. @throws DataError, AbortError
   */
  images(stream: string): AsyncIterable<JobImage>;
  /**
   * Writes the labels of an image, once; train ids or the ignore label, height x width of {@linkcode
   * JobImage}.
   * @throws LossError
   */
  writeLabels(image: JobImage, labels: Uint8Array): Promise<void>;
  /**
   * Instead of labels distributions over the classes, `SOFT_BYTES` a pixel as `packSoft` makes them; all
   * zeros: the pixel is ignored. @throws LossError
   */
  writeSoft(image: JobImage, packed: Uint8Array): Promise<void>;
  /**
   * Names classes that crops of the labelled images should preferably show. A job that never calls it prefers
   * none.
   */
  preferCrops(preference: CropPreference): void;
  /** A sentence for the log. */
  note(message: string): void;
}

/** One image of a job. */
export interface JobImage {
  /** Unique in its dataset. */
  readonly id: string;
  /** Counts from 0. */
  readonly index: number;
  /** Images in all. */
  readonly count: number;
  /** Of the file, in pixels. */
  readonly height: number;
  /** Of the file, in pixels. */
  readonly width: number;
  /**
   * The network's class probabilities at the file's size: the class of every pixel and its probability in
   * 0..1, height x width.
   */
  predict(
    how?: PredictionChange,
  ): Promise<{ readonly labels: Uint8Array; readonly confidence: Float32Array }>;
  /** The same probabilities of all classes, some rows at a time, from the top. */
  rows(how?: PredictionChange): AsyncIterable<ProbabilityRows>;
}

/** Where a job's predictions differ from the recipe's `evaluation`. */
export interface PredictionChange {
  /** Whether the probabilities of an input and of its mirror are averaged. */
  readonly flip?: boolean;
  /** Factors on the input's size whose probabilities are averaged. */
  readonly scales?: readonly number[];
  /** Predicts without aggregation. */
  readonly aggregation?: false;
}

/** Class probabilities of some rows of an image. */
export interface ProbabilityRows {
  /** Of the first row. */
  readonly first: number;
  /** Rows. */
  readonly count: number;
  /** float32, count x width x classes, in 0..1 */
  readonly probabilities: Float32Array;
}
