/** The images of a dataset with labels that a run wrote: PNG files of train ids, and a list that says whose they are. */
import { decode, encode } from "fast-png";
import { DataError } from "../core/errors.ts";
import type { DatasetPlan, FileReader } from "../core/plugin.ts";

/** Labels of one image. */
export interface LabelRaster {
  readonly width: number;
  readonly height: number;
  /** Train ids, height x width. */
  readonly labels: Uint8Array;
}

/** Where the labels lie in the folder of whoever wrote them. */
export function labelFolder(folder: string): string {
  return `${folder}/labels`;
}

/** The file of an image's labels. @param index of the image in its dataset: ids may hold signs that no file name can */
export function labelFile(folder: string, index: number): string {
  return `${folder}/${String(index).padStart(6, "0")}.png`;
}

/** The list of `[index, id]` of the images that have labels. */
export function indexFile(folder: string): string {
  return `${folder}/index.json`;
}

/** A PNG with one byte a pixel. */
export function encodeLabels({ width, height, labels }: LabelRaster): Uint8Array {
  return Uint8Array.from(encode({ width, height, channels: 1, data: labels }));
}

/**
 * The images of `dataset` that the list in `folder` names, in its order, with the labels there; none listed gives an empty
 * dataset. `open` and `read` throw DataError when the list or a label file is missing, damaged or of another dataset.
 */
export function relabelled(dataset: DatasetPlan, folder: string): DatasetPlan {
  return {
    ...dataset,
    async open(setup) {
      const opened = await dataset.open({ ...setup, labels: false });
      const listed = await readIndex(folder, setup.files);
      return {
        length: listed.length,
        ids: listed.map(([, id]) => id),
        async read(place, { labels }) {
          const [index, id] = listed[place]!;
          const sample = await opened.read(index, { labels: false });
          if (sample.id !== id) {
            throw new DataError(indexFile(folder), `image ${index} is ${sample.id}, the list has ${id}`);
          }
          return labels ? { ...sample, labels: await readLabels(folder, index, { sample, setup }) } : sample;
        },
      };
    },
  };
}

async function readIndex(folder: string, files: FileReader): Promise<readonly (readonly [number, string])[]> {
  const path = indexFile(folder);
  const text = new TextDecoder().decode(await files.read(path));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(path, "is damaged; expected a list of [index, id]", { cause });
  }
}

async function readLabels(
  folder: string,
  index: number,
  { sample, setup }: {
    readonly sample: { readonly width: number; readonly height: number };
    readonly setup: { readonly files: FileReader };
  },
): Promise<Uint8Array> {
  const path = labelFile(folder, index);
  const bytes = await setup.files.read(path);
  let image: ReturnType<typeof decode>;
  try {
    image = decode(bytes, { checkCrc: true });
  } catch (cause) {
    throw new DataError(path, "is damaged; expected a PNG of train ids", { cause });
  }
  const { width, height, channels, depth, data } = image;
  if (channels !== 1 || depth !== 8 || width !== sample.width || height !== sample.height) {
    throw new DataError(path, `is ${width}x${height}, expected ${sample.width}x${sample.height} train ids`);
  }
  return Uint8Array.from(data);
}
