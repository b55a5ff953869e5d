/**
 * What a report shows of runs: the interface between the commands, which fill it, and the page of `web/`,
 * which draws it. Plain data that survives JSON: it stands in the page itself, or is asked for by a live
 * page. Curves come already shortened to what a screen shows, so that a report of many long runs stays a file
 * of a few MB.
 */
import type { Evaluation } from "../core/events.ts";
import type { Rgb } from "../core/label_space.ts";
import type { CurveWithTrend, PlainCurve } from "./decimate.ts";

/** Everything in a report. */
export interface ReportData {
  /** Heads the page. */
  readonly title: string;
  /** When it was made: ISO 8601. */
  readonly made: string;
  /** plca's version. */
  readonly version: string;
  /** In the order of the command line; titles differ. */
  readonly runs: readonly ReportRun[];
  /** Settings that are not the same in all runs. */
  readonly differences: readonly Difference[];
  /** Runs whose classes are the same, which are compared with each other; every run is in one. */
  readonly groups: readonly ClassGroup[];
}

/** A setting that differs between runs. */
export interface Difference {
  /** As in `training.steps`. */
  readonly path: string;
  /** Aligned with {@linkcode ReportData.runs}; null: not set. */
  readonly values: readonly (string | null)[];
}

/** Runs that speak about the same classes. */
export interface ClassGroup {
  readonly classes: readonly string[];
  /** As the dataset's authors draw them. */
  readonly colours: readonly Rgb[];
  /** Places in {@linkcode ReportData.runs}. */
  readonly runs: readonly number[];
  /** The same images labelled by every run; absent: the runs are of several val splits, or one alone. */
  readonly sideBySide?: Pictures;
}

/** One run, as a report shows it. */
export interface ReportRun {
  /** Its folder's name, or the path as given where names are the same. */
  readonly title: string;
  /** As `readRun` says it: `running`, `finished`, ... */
  readonly state: string;
  /** Name and value: seed, backend, versions, machine. */
  readonly facts: readonly (readonly [string, string])[];
  /** The resolved recipe, YAML; absent: it could not be read. */
  readonly config?: string;
  /** In the order in which they are trained; never empty. */
  readonly phases: readonly ReportPhase[];
  /** What the run said and what could not be read, a sentence each. */
  readonly notes: readonly string[];
  /** Images of the val split, best and worst. */
  readonly pictures?: Pictures;
  /** Why there are none. */
  readonly withoutPictures?: string;
}

/** A phase of a run, as a report shows it. */
export interface ReportPhase {
  readonly name: string;
  /** Updates done and wanted. */
  readonly step: number;
  readonly steps: number;
  /** By name as in `PhaseLog.series`, `time` left out; shortened to what a screen shows. */
  readonly curves: Readonly<Record<string, CurveWithTrend>>;
  /**
   * By the same names, `rate` and `diagnostics/seconds/...` only: medians of all that was logged; absent
   * where nothing was.
   */
  readonly medians: Readonly<Record<string, number>>;
  /** mIoU of the val split during training, in 0..1; null: no pixel was labelled. */
  readonly miou: PlainCurve;
  /** The validation with the highest mIoU. */
  readonly best?: Validated;
  /** The last validation. */
  readonly latest?: Validated;
  /** Seconds from the first event to the last; absent: the log does not tell. */
  readonly seconds?: number;
  /** Of the last weights. */
  readonly evaluation?: Evaluation;
}

/** A validation during training. Shares in 0..1; null: no pixel was labelled. */
export interface Validated {
  readonly step: number;
  readonly miou: number | null;
  readonly pixelAccuracy: number | null;
  /** By class; null: absent from labels and predictions. */
  readonly iou: readonly (number | null)[];
  readonly labelSize: string;
}

/** Images of the val split under the last weights of each phase of a run, or of each of several runs. */
export interface Pictures {
  /** Titles of the predictions: names of phases, as in `source-only`, `street`, or of runs. */
  readonly networks: readonly string[];
  /** Of how many images these are the best and worst, by the last network. */
  readonly of: number;
  /** The highest mIoU first. */
  readonly best: readonly Picture[];
  /** The lowest mIoU first. */
  readonly worst: readonly Picture[];
}

/** One image. */
export interface Picture {
  readonly id: string;
  /** Of what is shown, in pixels. */
  readonly width: number;
  readonly height: number;
  /** The image, a `data:` address. */
  readonly original: string;
  /**
   * Train ids, one byte a pixel, row by row, compressed by zlib, in base64; the ignore id where unlabelled.
   */
  readonly truth: string;
  /** The networks' labels in the same form, aligned with {@linkcode Pictures.networks}. */
  readonly predictions: readonly string[];
  /**
   * Mean IoU over the classes in the image's labels or predictions at its own size, aligned with the
   * networks; null: none of its pixels is labelled.
   */
  readonly miou: readonly (number | null)[];
}
