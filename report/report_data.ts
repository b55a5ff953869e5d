/** What a report shows of runs. Plain data that survives JSON; the page of `web/` draws it. */
import type { Evaluation } from "../core/events.ts";
import type { Rgb } from "../core/label_space.ts";
import type { Curve } from "./decimate.ts";

/** Everything in a report. */
export interface ReportData {
  /** Heads the page. */
  readonly title: string;
  /** When it was made: ISO 8601. */
  readonly made: string;
  /** plca's version. */
  readonly version: string;
  /** In the order in which they were asked for; titles differ. */
  readonly runs: readonly ReportRun[];
  /** Settings that are not the same in all runs, values aligned with them; null: not set. */
  readonly differences: readonly Difference[];
  /** Runs whose classes are the same, compared with each other; one for each set of classes. */
  readonly groups: readonly ClassGroup[];
}

/** A setting that differs between runs. */
export interface Difference {
  /** As in `training.steps`. */
  readonly path: string;
  readonly values: readonly (string | null)[];
}

/** Runs that speak about the same classes. */
export interface ClassGroup {
  readonly classes: readonly string[];
  /** As the dataset's authors draw them. */
  readonly colours: readonly Rgb[];
  /** Places in {@linkcode ReportData.runs}. */
  readonly runs: readonly number[];
}

/** One run. */
export interface ReportRun {
  /** Its folder's name, or the whole path where names are the same. */
  readonly title: string;
  /** `ended`, `interrupted`, or neither: it goes on, or its process was ended. */
  readonly state: string;
  /** Name and value: seed, backend, versions, machine. */
  readonly facts: readonly (readonly [string, string])[];
  /** The resolved recipe, YAML. */
  readonly config: string;
  /** The baseline first, where there is one. */
  readonly phases: readonly ReportPhase[];
  /** What the run said and what could not be read, a sentence each. */
  readonly notes: readonly string[];
  /** Images of the val split, best and worst. */
  readonly pictures?: Pictures;
  /** Why there are none. */
  readonly withoutPictures?: string;
}

/** A phase of a run: the baseline, or the run itself. */
export interface ReportPhase {
  readonly name: string;
  /** Updates done and wanted. */
  readonly step: number;
  readonly steps: number;
  readonly interrupted: boolean;
  /** By the name of what was logged: `total`, losses, `<loss>/<log>`, `learning rate`, `steps per second`. */
  readonly curves: Readonly<Record<string, Curve>>;
  /** Of the val split during training. */
  readonly validations: Validations;
  /** Seconds the phase has taken, where the log tells. */
  readonly seconds?: number;
  /** After the last step. */
  readonly evaluation?: Evaluation;
}

/** Validations in columns: one entry each. Shares in 0..1. */
export interface Validations {
  readonly step: readonly number[];
  readonly miou: readonly number[];
  readonly pixelAccuracy: readonly number[];
  /** [validation][class]; null: absent. */
  readonly iou: readonly (readonly (number | null)[])[];
  readonly labelSize?: string;
}

/** Images of a split, labelled by the networks of a run. */
export interface Pictures {
  /** Titles of the predictions, as in `source-only`, `street`. */
  readonly networks: readonly string[];
  /** Of how many images these are the best and worst, by the last network. */
  readonly of: number;
  readonly best: readonly Picture[];
  readonly worst: readonly Picture[];
}

/** One image. */
export interface Picture {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** `data:` addresses: the image, and label maps in the classes' colours, black where unlabelled. */
  readonly original: string;
  readonly truth: string;
  /** Aligned with the networks. */
  readonly predictions: readonly string[];
  /** Mean IoU over the classes in the image, aligned with the networks. */
  readonly miou: readonly number[];
}
