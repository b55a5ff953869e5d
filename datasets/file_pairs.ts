import { DataError } from "../core/errors.ts";
import type { Dataset, FileReader, Sample, TakenFiles } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { decodeImage, decodeLabels, type LabelDecoder, pngHeader } from "./decode.ts";
import { SizesDifferError, UnknownIdsError } from "./faults.ts";

/** One image on disk and, when there is one, its label file. Absolute paths. */
export interface FilePair {
  readonly id: string;
  readonly image: string;
  readonly labels?: string;
  /** The image that this one is named after as label files are: it is looked at whether it is one. */
  readonly beside?: string;
}

/** Maps stored ids to train ids; undefined: the id is not in the class map. */
export interface ClassMap {
  trainId(stored: number): number | undefined;
  /** What the file should have held, for the error. */
  readonly expected: string;
}

/** How files become samples. */
export interface PairReading {
  readonly map: ClassMap;
  readonly files: FileReader;
  /** Absent: {@linkcode decodeLabels}. */
  readonly decode?: LabelDecoder;
  /** Images are always colour pictures of 8 bits; of another PNG it is asked whether ..., as in "the folders were swapped". */
  readonly swapped?: string;
  /** Why nothing has labels, for the error; absent: a label file is missing. */
  readonly withheld?: string;
  /** What was passed over; absent: nothing. */
  readonly taken?: readonly TakenFiles[];
}

/** A dataset of image and label files. Labels are opened only when they are wanted. */
export function filePairs(pairs: readonly FilePair[], reading: PairReading): Dataset {
  const { map, files, decode = decodeLabels, withheld = "there are no label files", taken = [] } = reading;
  const bare = reading.withheld !== undefined ||
    (pairs.length > 0 && pairs.every(({ labels }) => labels === undefined));
  return {
    length: pairs.length,
    ids: pairs.map(({ id }) => id),
    ...(bare ? { unlabelled: withheld } : {}),
    ...(taken.length > 0 ? { files: taken } : {}),
    async read(index, want): Promise<Sample> {
      const pair = pairs[index]!;
      const bytes = await files.read(pair.image);
      if (reading.swapped !== undefined) requireColours(bytes, pair.image, reading.swapped);
      if (pair.beside !== undefined) {
        await requireImage(bytes, { image: pair.image, beside: pair.beside }, files);
      }
      const { width, height, data } = await decodeImage(bytes, pair.image);
      const sample = { id: pair.id, width, height, image: data };
      if (!want.labels) return sample;
      if (pair.labels === undefined) {
        throw new DataError(
          pair.image,
          reading.withheld ?? "this image has no label file, and labels are needed here",
        );
      }
      const labels = await readLabels(files, pair.labels, pair.image);
      const header = pngHeader(labels);
      // A few hundred kilobytes can hold gigabytes of labels: decoded is what fits the image.
      if (header) requireSize(header, sample, { labels: pair.labels, image: pair.image });
      const stored = decode(labels, pair.labels);
      if (sameBytes(bytes, labels)) {
        throw new DataError(
          pair.labels,
          `it is the same as its image ${pair.image}, byte for byte; expected a label file of its own`,
        );
      }
      requireSize(stored, sample, { labels: pair.labels, image: pair.image });
      return { ...sample, labels: trainIds(stored, map, pair.labels) };
    },
  };
}

function requireSize(
  found: Pick<Sample, "width" | "height">,
  { width, height }: Pick<Sample, "width" | "height">,
  { labels, image }: { readonly labels: string; readonly image: string },
): void {
  if (found.width === width && found.height === height) return;
  throw new SizesDifferError(
    labels,
    `the labels are ${found.width} x ${found.height} pixels, their image ${image} is ${width} x ${height}`,
  );
}

function requireColours(bytes: Uint8Array, image: string, swapped: string): void {
  const header = pngHeader(bytes);
  if (!header || !(header.palette || header.grey || header.depth === 16)) return;
  const kind = header.palette ? "palette PNG" : header.grey ? "grey PNG" : "colour PNG";
  throw new DataError(
    image,
    `this is a ${kind} of ${countOf(header.depth, "bit")}, as label files are; ` +
      `expected a colour image of 8 bits (were ${swapped} swapped?)`,
  );
}

/** Of a file that is named like another's label file: a palette, or greys beside colours, are labels. */
async function requireImage(
  bytes: Uint8Array,
  { image, beside }: { readonly image: string; readonly beside: string },
  files: FileReader,
): Promise<void> {
  const header = pngHeader(bytes);
  if (!header || !(header.palette || header.grey)) return;
  const other = pngHeader(await files.read(beside));
  if (other && (other.palette || other.grey)) return;
  const suffix = stem(image).slice(stem(beside).length);
  throw new DataError(
    image,
    `this is a ${header.palette ? "palette" : "grey"} PNG named like the label file of ${beside}; ` +
      `\`label_suffix: ${suffix}\` leaves such files out of the images`,
  );
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** A missing label file is only an error when labels are wanted, and then the error names the image too. */
async function readLabels(files: FileReader, labels: string, image: string): Promise<Uint8Array> {
  try {
    return await files.read(labels);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const reason = cause.message.slice(`${cause.file}: `.length);
    throw new DataError(labels, `${reason}; it should hold the labels of ${image}`, { cause });
  }
}

function trainIds(
  stored: { readonly width: number; readonly data: Uint8Array | Uint16Array },
  map: ClassMap,
  file: string,
): Uint8Array {
  const { width, data } = stored;
  const known = new Int16Array(2 ** 16).fill(UNSEEN);
  const unknown = new Map<number, [number, number]>();
  const ids = new Uint8Array(data.length);
  for (let pixel = 0; pixel < data.length; pixel++) {
    const id = data[pixel]!;
    let train = known[id]!;
    if (train === UNSEEN) {
      const mapped = map.trainId(id);
      if (mapped === undefined) unknown.set(id, [pixel % width, Math.floor(pixel / width)]);
      train = known[id] = mapped ?? 0;
    }
    ids[pixel] = train;
  }
  if (unknown.size > 0) throw new UnknownIdsError(file, unknown, map.expected);
  return ids;
}

const UNSEEN = -1;

/** `path` below `root`, or `path` itself when it is absolute. */
export function below(root: string, path: string): string {
  return isAbsolute(path) ? path : `${root.replace(/[\\/]+$/, "")}/${path}`;
}

/** Whether a path starts at the file system's root; Windows drives included. */
export function isAbsolute(path: string): boolean {
  return /^([\\/]|[A-Za-z]:[\\/])/.test(path);
}

/** The file's path without its extension. */
export function stem(path: string): string {
  return path.replace(/\.[^./\\]*$/, "");
}
