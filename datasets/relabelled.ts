/**
 * The images of a dataset with labels that a run wrote: pseudo-labels.
 *
 * A job leaves a PNG for each image that it labels (train ids, or distributions over the classes) and a list,
 * `index.json`, that says which images have labels. The list is what makes a set: without it there is no
 * dataset, and an image that it does not name is not trained on. File names are numbers, since ids may hold
 * characters that no file name can; the list has the ids beside them, so labels of another dataset, or of one
 * whose files have changed, are noticed.
 */
import { decode, encode } from "fast-png";
import { DataError } from "../core/errors.ts";
import type { CropPreference, DatasetPlan, FileReader, Sample } from "../core/plugin.ts";
import { SOFT_BYTES, SOFT_PAIRS, softWinners } from "../core/soft_labels.ts";

/** Labels of one image, train ids or the ignore label. */
export interface LabelRaster {
  readonly width: number;
  readonly height: number;
  /** Train ids, height x width. */
  readonly labels: Uint8Array;
}

/** Distributions over the classes of one image. */
export interface SoftRaster {
  readonly width: number;
  readonly height: number;
  /** `SOFT_BYTES` a pixel. */
  readonly packed: Uint8Array;
}

/** Where the labels lie, relative to the folder of the job that wrote them. */
export function labelFolder(folder: string): string {
  return `${folder}/labels`;
}

/** The file of an image's labels. @param index the image's place in its dataset */
export function labelFile(folder: string, index: number): string {
  return `${folder}/${String(index).padStart(6, "0")}.png`;
}

/**
 * The list, JSON: `images` holds `[index, id]` of those that have labels, in the order in which they are
 * read; `prefer`, where there, says which classes their crops should show.
 */
export function indexFile(folder: string): string {
  return `${folder}/index.json`;
}

/** A PNG of one 8-bit channel of train ids. */
export function encodeLabels({ width, height, labels }: LabelRaster): Uint8Array {
  return Uint8Array.from(encode({ width, height, channels: 1, data: labels }));
}

/** A PNG of four 16-bit channels, each a class in its high byte and its share in the low one. */
export function encodeSoft({ width, height, packed }: SoftRaster): Uint8Array {
  const data = Uint16Array.from(
    { length: width * height * SOFT_PAIRS },
    (_, pair) => packed[2 * pair]! << 8 | packed[2 * pair + 1]!,
  );
  return Uint8Array.from(encode({ width, height, channels: SOFT_PAIRS, depth: 16, data }));
}

/**
 * The images of `dataset` that the list in `folder` names, in its order, with the labels there; an empty list
 * gives an empty dataset. The dataset's own labels are never opened. `open` and `read` throw DataError when
 * the list or a label file is missing, damaged or of another dataset.
 */
export function relabelled(dataset: DatasetPlan, folder: string): DatasetPlan {
  return {
    ...dataset,
    async open(setup) {
      const opened = await dataset.open({ ...setup, labels: false });
      const { images: listed, prefer } = await readIndex(folder, setup.files);
      return {
        length: listed.length,
        ids: listed.map(([, id]) => id),
        async read(place, { labels }) {
          const [index, id] = listed[place]!;
          const sample = await opened.read(index, { labels: false });
          if (sample.id !== id) {
            throw new DataError(indexFile(folder), `image ${index} is ${sample.id}, the list has ${id}`);
          }
          if (!labels) return sample;
          const { ignore } = dataset.labelSpace;
          const own = await readLabels(labelFile(folder, index), { sample, files: setup.files, ignore });
          return { ...sample, ...own, ...(prefer ? { prefer } : {}) };
        },
      };
    },
  };
}

interface Index {
  readonly images: readonly (readonly [number, string])[];
  readonly prefer?: CropPreference;
}

async function readIndex(folder: string, files: FileReader): Promise<Index> {
  const path = indexFile(folder);
  const text = new TextDecoder().decode(await files.read(path));
  try {
    const found = JSON.parse(text);
    // Older versions wrote the list alone.
    return Array.isArray(found) ? { images: found } : found;
  } catch (cause) {
    throw new DataError(path, "is damaged; expected a list of [index, id]", { cause });
  }
}

interface LabelsOf {
  readonly sample: Pick<Sample, "width" | "height">;
  readonly files: FileReader;
  /** The ignore label. */
  readonly ignore: number;
}

/**
 * One label file: 8-bit train ids, or distributions; hard labels are made from these as well. @throws
 * DataError for another size or form
 */
async function readLabels(
  path: string,
  { sample, files, ignore }: LabelsOf,
): Promise<Pick<Sample, "labels" | "soft">> {
  const bytes = await files.read(path);
  let image: ReturnType<typeof decode>;
  try {
    image = decode(bytes, { checkCrc: true });
  } catch (cause) {
    throw new DataError(path, "is damaged; expected a PNG of train ids", { cause });
  }
  const { width, height, channels, depth, data } = image;
  const fits = width === sample.width && height === sample.height;
  if (fits && channels === 1 && depth === 8) return { labels: Uint8Array.from(data) };
  if (!fits || channels !== SOFT_PAIRS || depth !== 16) {
    throw new DataError(path, `is ${width}x${height}, expected ${sample.width}x${sample.height} train ids`);
  }
  const soft = new Uint8Array(width * height * SOFT_BYTES);
  data.forEach((pair, k) => {
    soft[2 * k] = pair >> 8;
    soft[2 * k + 1] = pair & 255;
  });
  return { soft, labels: softWinners(soft, ignore) };
}
