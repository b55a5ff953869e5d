/**
 * A dataset of image and label files: the reading that all datasets on disk share. A dataset plugin finds the
 * pairs and says how ids map to classes; this file reads a pair, checks that the two fit each other (size,
 * rotation, not the same bytes), and translates stored ids into train ids. An id that the class map does not
 * know is an error with the pixel where it stands, never a silent class.
 */
import { DataError } from "../core/errors.ts";
import type { Dataset, FileReader, PictureReading, Sample, TakenFiles } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { type DecodedLabels, decodeLabels, type LabelDecoder } from "./decode.ts";
import { UnknownIdsError } from "./faults.ts";
import { stem } from "./paths.ts";
import { readPicture, requireFit } from "./pictures.ts";
import { pngHeader } from "./png.ts";
import { surveyPairs } from "./survey.ts";

export { stem };

/** One image on disk and, when it has one, its label file. Absolute paths. */
export interface FilePair {
  readonly id: string;
  readonly image: string;
  readonly labels?: string;
  /**
   * Set when the image's name is that of a label file of this other image; reading then checks that it is an
   * image.
   */
  readonly beside?: string;
}

/** From stored ids, or colours, to train ids. */
export interface ClassMap {
  /** The train id or the ignore label; undefined: the class map does not know the id. */
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
  /** What is done with the rotation tags and the samples of images. */
  readonly picture?: PictureReading;
  /** Whether it was decided that ids are indices, whatever colours a palette gives them; absent: it was. */
  readonly palettes?: "decided" | "undecided";
  /**
   * Set for datasets whose images are always colour pictures of 8 bits: a PNG of another kind is an error,
   * which asks whether these were swapped, as in "images and labels".
   */
  readonly swapped?: string;
  /** Why nothing has labels, for the error; absent: a label file is missing. */
  readonly withheld?: string;
  /** What was passed over; absent: nothing. */
  readonly taken?: readonly TakenFiles[];
}

/**
 * The dataset of these pairs. Nothing is opened before an image is read, and label files only when labels are
 * wanted. Its `survey` looks at the beginnings of files.
 */
export function filePairs(pairs: readonly FilePair[], reading: PairReading): Dataset {
  const {
    map,
    files,
    decode = decodeLabels,
    withheld = "there are no label files",
    picture = {},
    taken = [],
  } = reading;
  const bare = reading.withheld !== undefined ||
    (pairs.length > 0 && pairs.every(({ labels }) => labels === undefined));
  return {
    length: pairs.length,
    ids: pairs.map(({ id }) => id),
    ...(taken.length > 0 ? { taken } : {}),
    files: pairs.flatMap(({ image, labels }) => labels === undefined ? [image] : [image, labels]),
    ...(bare ? { unlabelled: withheld } : { survey: () => surveyPairs(pairs, { ...reading, decode }) }),
    async read(index, want): Promise<Sample> {
      const pair = pairs[index]!;
      const bytes = await files.read(pair.image);
      if (reading.swapped !== undefined) requireColours(bytes, pair.image, reading.swapped);
      if (pair.beside !== undefined) {
        await requireImage(bytes, { image: pair.image, beside: pair.beside }, files);
      }
      const { facts, ...read } = await readPicture(bytes, pair, { ...picture, facts: want.facts ?? false });
      const sample = { id: pair.id, ...read };
      if (!want.labels) return { ...sample, ...(facts ? { facts } : {}) };
      if (pair.labels === undefined) {
        throw new DataError(
          pair.image,
          reading.withheld ?? "this image has no label file, and labels are needed here",
        );
      }
      const labels = await readLabels(files, pair.labels, pair.image);
      const header = pngHeader(labels);
      const place = { labels: pair.labels, image: pair.image };
      const picked = { bytes, rotation: picture.rotation };
      // A few hundred kilobytes can hold gigabytes of labels: decoded is what fits the image.
      if (header) requireFit(header, { ...sample, ...picked }, place);
      const stored = decode(labels, pair.labels);
      if (sameBytes(bytes, labels)) {
        throw new DataError(
          pair.labels,
          `it is the same as its image ${pair.image}, byte for byte; expected a label file of its own`,
        );
      }
      requireFit(stored, { ...sample, ...picked }, place);
      const { ids, seen } = trainIds(stored, map, pair.labels);
      const { palette } = stored;
      return {
        ...sample,
        labels: ids,
        ...(facts === undefined ? {} : {
          facts: palette && reading.palettes === "undecided"
            ? { ...facts, palette: seen.map((id) => [id, palette[id] ?? 0] as const) }
            : facts,
        }),
      };
    },
  };
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

/**
 * A file that is named like the label file of another image is one when it is a palette PNG or grey while the
 * other is in colour. @throws DataError that names the suffix to set
 */
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

/**
 * Translates a label file. @returns train ids, 1 byte a pixel, and the stored ids that occur, rising @throws
 * UnknownIdsError with a pixel for each unknown id
 */
function trainIds(
  { width, data }: DecodedLabels,
  map: ClassMap,
  file: string,
): { readonly ids: Uint8Array; readonly seen: number[] } {
  const colours = data instanceof Uint32Array;
  const known: IdTable = colours ? new Map<number, number>() : smallIds();
  const unknown = new Map<number, [number, number]>();
  const ids = new Uint8Array(data.length);
  let former = -1, train = 0;
  for (let pixel = 0; pixel < data.length; pixel++) {
    const id = data[pixel]!;
    // Most pixels are as the one before.
    if (id !== former) {
      const found = known.get(id);
      if (found === undefined) {
        const mapped = map.trainId(id);
        if (mapped === undefined) unknown.set(id, [pixel % width, Math.floor(pixel / width)]);
        known.set(id, mapped ?? 0);
        train = mapped ?? 0;
      } else train = found;
      former = id;
    }
    ids[pixel] = train;
  }
  if (unknown.size > 0) throw new UnknownIdsError(file, unknown, { expected: map.expected, colours });
  return { ids, seen: [...known.keys()].sort((a, b) => a - b) };
}

/** Train ids by what is stored. */
interface IdTable {
  get(stored: number): number | undefined;
  set(stored: number, train: number): void;
  keys(): Iterable<number>;
}

/** A table of ids of 16 bits: faster than a map where neighbours differ. */
function smallIds(): IdTable {
  const table = new Int16Array(2 ** 16).fill(UNSEEN);
  const keys: number[] = [];
  return {
    get: (stored) => table[stored] === UNSEEN ? undefined : table[stored],
    set(stored, train) {
      table[stored] = train;
      keys.push(stored);
    },
    keys: () => keys,
  };
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
