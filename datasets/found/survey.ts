/**
 * What `plca new` must know of a person's folders before it can write a recipe for them: which ids occur in
 * the label files, how large the images are, which pairs cannot be used. To read everything would take
 * minutes, so only some pairs are read, evenly spread, about {@linkcode PIXELS} pixels in all. (At the start
 * of a training, `datasets/survey.ts` looks at the headers of files instead.)
 */
import { DataError } from "../../core/errors.ts";
import type { FileReader } from "../../core/plugin.ts";
import { NoIdsError, readPair, type SurveyedPair } from "./pair_facts.ts";
import { type FoundLabels, Tally } from "./tally.ts";

/** What the pairs that were looked at hold together. */
export interface Survey<Pair extends SurveyedPair> extends FoundLabels {
  /** How many pairs were looked at. */
  readonly looked: number;
  /** [width, height] of the images, the most frequent first. */
  readonly sizes: readonly (readonly [number, number])[];
  /** Median of the images' shorter sides, in pixels; 0 when none can be read. */
  readonly shortSide: number;
  /** What rotation tags (EXIF) of the images ask for; absent: no image has one. */
  readonly rotation?: Rotation;
  /**
   * Set when there are 16-bit images whose samples all fit into 12 or 14 bits, as those of many cameras do.
   * Absent when a sample needs more than 14 bits, or when no image has 16.
   */
  readonly bits?: 12 | 14;
  /** Pairs that cannot be used, and why. */
  readonly broken: readonly { readonly pair: Pair; readonly why: string }[];
}

/**
 * How many images have a rotation tag, and how many of their label files show the picture as the file stores
 * it, or turned upright as the tag asks. The size of the label file tells that. If the picture has the same
 * size both ways, the pair counts among `tagged` only.
 */
export interface Rotation {
  readonly tagged: number;
  readonly stored: number;
  readonly upright: number;
}

/** About so many pixels are looked at; decoding takes a second for some 30 million. */
const PIXELS = 120e6;

/** The fewest and the most pairs that are looked at, where there are so many. */
const [FEWEST, MOST] = [20, 1000] as const;

/** What surveying takes. */
export interface SurveyOptions {
  readonly files: FileReader;
  /** Called after each pair, once it is known how many there will be: not for the first 20. */
  readonly onImage?: (done: number, of: number) => void;
}

/**
 * Looks at 20 to 1000 of the pairs, evenly spread, or at all if they are no more than that: as many as have
 * about 120 million pixels. The first 20 tell how large pairs are and so how many that is.
 * @returns what was seen; pairs that cannot be used are listed in it
 * @throws NoIdsError when what the label files hold cannot be class ids
 */
export async function survey<Pair extends SurveyedPair>(
  pairs: readonly Pair[],
  { files, onImage }: SurveyOptions,
): Promise<Survey<Pair>> {
  const tally = new Tally();
  const sizes = new Map<string, number>();
  const shorter: number[] = [];
  const broken: { pair: Pair; why: string }[] = [];
  const known = new Set<number>();
  const rotation = { tagged: 0, stored: 0, upright: 0 };
  let brightest = 0;
  /** Takes in a pair. @returns the number of its pixels; 0 when it is broken */
  const look = async (at: number): Promise<number> => {
    known.add(at);
    const pair = pairs[at]!;
    try {
      const { width, height, labels, turned, brightest: most } = await readPair(pair, files);
      brightest = Math.max(brightest, most);
      if (turned !== undefined) {
        rotation.tagged++;
        if (turned !== "unknown") rotation[turned]++;
      }
      sizes.set(`${width}x${height}`, (sizes.get(`${width}x${height}`) ?? 0) + 1);
      shorter.push(Math.min(width, height));
      if (labels) tally.add(labels, pair.labels!);
      return width * height;
    } catch (error) {
      if (!(error instanceof DataError) || error instanceof NoIdsError) throw error;
      broken.push({ pair, why: error.message });
      return 0;
    }
  };
  let pixels = 0;
  for (const at of spread(pairs.length, FEWEST)) pixels += await look(at);
  const affordable = Math.max(FEWEST, Math.min(MOST, Math.floor(PIXELS * known.size / Math.max(1, pixels))));
  const rest = spread(pairs.length, affordable).filter((at) => !known.has(at));
  const of = known.size + rest.length;
  for (const at of rest) {
    await look(at);
    onImage?.(known.size, of);
  }
  return {
    looked: known.size,
    ...tally.found(),
    sizes: [...sizes].toSorted(([, a], [, b]) => b - a).map(([size]) => {
      const [width, height] = size.split("x").map(Number);
      return [width!, height!] as const;
    }),
    shortSide: shorter.toSorted((a, b) => a - b)[shorter.length >> 1] ?? 0,
    ...(rotation.tagged > 0 ? { rotation } : {}),
    ...(brightest === 0 || brightest >= 2 ** 14 ? {} : { bits: brightest < 2 ** 12 ? 12 : 14 }),
    broken,
  };
}

/** At most `count` of the indices below `length`, evenly spread. */
function spread(length: number, count: number): number[] {
  const taken = Math.min(length, count);
  return Array.from({ length: taken }, (_, k) => Math.floor(k * length / taken));
}
