/** The classes a run speaks about, in train-id order. */
export interface LabelSpace {
  /** For messages, as in `camvid-11`. */
  readonly name: string;
  /** `classes[id]` is the name of train id `id`. */
  readonly classes: readonly string[];
  /** The id of pixels that count nowhere; outside `0 .. classes.length - 1`. */
  readonly ignore: number;
}

/** The ignore id that every built-in adapter maps unlabelled pixels to. */
export const IGNORE_LABEL = 255;

/** Whether two label spaces mean the same by every id. */
export function sameClasses(a: LabelSpace, b: LabelSpace): boolean {
  return a.ignore === b.ignore && a.classes.length === b.classes.length &&
    a.classes.every((name, id) => name === b.classes[id]);
}
