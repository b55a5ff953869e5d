/**
 * Looks at every image of a dataset: sizes, what the labels hold, what is wrong. This is `plca data check`
 * and `data stats`. A file that cannot be used is a finding here and no error, so one run reports all of
 * them. Pixels stay in the worker that reads them; only counts come back.
 */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { Dataset, Sample, SampleFacts } from "../core/plugin.ts";
import { madeAhead } from "./ahead.ts";
import { CompetingError, RotationError, SizesDifferError, UnknownIdsError } from "./faults.ts";
import type { Maker } from "./maker.ts";
import type { InputDataset } from "./workers/pool.ts";

/** What is looked at. */
export interface InspectionOptions {
  /** Whether labels are read. */
  readonly labels: boolean;
  /** Of the train ids. */
  readonly space: Pick<LabelSpace, "classes" | "ignore">;
}

/** What one image is. */
export interface Inspection {
  /** Absent when the image cannot be read. */
  readonly id?: string;
  /** [width, height] in pixels; absent when the image cannot be read. */
  readonly size?: readonly [number, number];
  /** Pixels by train id; absent when no labels were read. */
  readonly pixels?: readonly number[];
  /** Pixels with the ignore label; absent with `pixels`. */
  readonly ignored?: number;
  /** What its files say of themselves; absent where they are of no files. */
  readonly facts?: SampleFacts;
  /** Why it cannot be used; absent: it can. */
  readonly fault?: Fault;
  /** Time to read and decode it. */
  readonly seconds: number;
}

/** Why an image cannot be used. */
export interface Fault {
  readonly file: string;
  /** Without the file's name. */
  readonly message: string;
  readonly kind: "unreadable" | "sizes" | "ids" | "missing" | "rotation" | "palettes" | "competing";
  /** Stored ids that the dataset does not know, of kind `ids`; colours as 0xrrggbb. */
  readonly ids?: readonly number[];
  /** Whether `ids` are colours; absent: no. */
  readonly colours?: boolean;
}

/** An error of a dataset as a fault. */
export function faultOf(error: DataError): Fault {
  const { file, message } = error;
  const plain = { file, message: message.slice(`${file}: `.length) };
  if (error instanceof UnknownIdsError) {
    return { ...plain, kind: "ids", ids: error.ids, ...(error.colours ? { colours: true } : {}) };
  }
  if (error instanceof CompetingError) return { ...plain, kind: "competing" };
  if (error instanceof RotationError) return { ...plain, kind: "rotation" };
  return { ...plain, kind: error instanceof SizesDifferError ? "sizes" : "unreadable" };
}

/** Looks at images by their index. */
export function inspectionMaker(
  dataset: Dataset,
  options: InspectionOptions,
): Maker<number, Inspection> {
  return {
    async make(index) {
      const begun = performance.now();
      const found = await inspect(dataset, index, options);
      return { ...found, seconds: (performance.now() - begun) / 1000 };
    },
    close() {},
  };
}

/** One image; where its labels cannot be used, what is still known of the image itself. */
async function inspect(
  dataset: Dataset,
  index: number,
  { labels, space }: InspectionOptions,
): Promise<Omit<Inspection, "seconds">> {
  try {
    const sample = await dataset.read(index, { labels, facts: true });
    return { ...described(sample), ...(sample.labels ? counted(sample.labels, space) : {}) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const fault = faultOf(error);
    if (!labels) return { fault };
    // What can still be known of it: the size of the image.
    const image = await dataset.read(index, { labels: false, facts: true }).catch(() => undefined);
    return { ...(image ? described(image) : {}), fault };
  }
}

function described({ id, width, height, facts }: Sample) {
  return { id, size: [width, height] as const, ...(facts ? { facts } : {}) };
}

function counted(labels: Uint8Array, { classes, ignore }: InspectionOptions["space"]) {
  const counts = new Float64Array(256);
  for (const id of labels) counts[id]!++;
  return { pixels: [...counts.subarray(0, classes.length)], ignored: counts[ignore]! };
}

/** Which images are looked at. */
export interface InspectionRange extends InspectionOptions {
  /** At most so many; absent: all. */
  readonly limit?: number;
  /** Ends it early, without an error. */
  readonly signal: AbortSignal;
}

/** Images ahead for every worker: one in work, one waiting. */
const AHEAD = 2;

/**
 * Looks at the images of a dataset in order, in its workers where it has any. @throws whatever is no fault of
 * a file
 */
export async function* inspections(
  dataset: InputDataset,
  { labels, space, limit = Infinity, signal }: InspectionRange,
): AsyncGenerator<Inspection, void, void> {
  const options = { labels, space: { classes: space.classes, ignore: space.ignore } };
  const maker = dataset.workers?.inspection(options) ?? inspectionMaker(dataset, options);
  yield* madeAhead(maker, {
    count: Math.min(dataset.length, limit),
    ahead: AHEAD * (dataset.workers?.count ?? 1),
    signal,
  });
}
