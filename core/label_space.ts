/**
 * Classes and their numbers. Three kinds of number must not be mixed up:
 *
 * - a *train id* counts the classes of a run from 0, in the order of {@linkcode LabelSpace.classes};
 *   networks, losses and confusion matrices know only these;
 * - a *stored id* is what a label file holds, as its authors count (Cityscapes' road is 7); datasets
 *   translate it while reading;
 * - the *ignore label*, 255 in every built-in dataset, marks pixels that count nowhere: not in a loss, not
 *   in a metric.
 */

/** The classes that a run knows, in the order of their train ids. */
export interface LabelSpace {
  /** For messages, as in `camvid-11`. */
  readonly name: string;
  /** `classes[id]` is the name of train id `id`. */
  readonly classes: readonly string[];
  /** The id of pixels that count nowhere; outside `0 .. classes.length - 1`. */
  readonly ignore: number;
  /** Further means of the IoU that papers report, over some of the classes. */
  readonly subsets?: readonly ClassSubset[];
  /**
   * The ids of label files by train id, as the classes' authors give them: Cityscapes' for SYNTHIA's 16
   * classes too.
   */
  readonly storedIds?: readonly number[];
  /** RGB in 0..255 by train id, as the dataset's authors draw it. */
  readonly colours?: readonly Rgb[];
}

/** Some classes of a label space whose mean IoU is reported beside the mean over all. */
export interface ClassSubset {
  /** What tables call it, as in `mIoU*`. */
  readonly name: string;
  /** Train ids. */
  readonly ids: readonly number[];
}

/** Red, green and blue in 0..255. */
export type Rgb = readonly [number, number, number];

/** The ignore id that every built-in adapter maps unlabelled pixels to. */
export const IGNORE_LABEL = 255;

/**
 * Whether two label spaces mean the same by every id: the same names in the same order, and the same ignore
 * id. Names of the spaces, colours and subsets do not count.
 */
export function sameClasses(a: LabelSpace, b: LabelSpace): boolean {
  return a.ignore === b.ignore && a.classes.length === b.classes.length &&
    a.classes.every((name, id) => name === b.classes[id]);
}
