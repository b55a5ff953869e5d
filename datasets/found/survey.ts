/**
 * Looks at some of the label files of a folder, evenly spread: which ids occur, how large the images are,
 * what cannot be used. About {@linkcode PIXELS} pixels are decoded, however large the dataset is.
 */
import { DataError } from "../../core/errors.ts";
import type { FileReader } from "../../core/plugin.ts";
import { NoIdsError, readPair, type SurveyedPair } from "./pair_facts.ts";
import { type FoundLabels, Tally } from "./tally.ts";

/** What was seen of the pairs. */
export interface Survey<Pair extends SurveyedPair> extends FoundLabels {
  /** Pairs that were looked at, evenly spread. */
  readonly looked: number;
  /** [width, height] of the images, the most frequent first. */
  readonly sizes: readonly (readonly [number, number])[];
  /** Median of the images' shorter sides, in pixels; 0 when none can be read. */
  readonly shortSide: number;
  /** What rotation tags (EXIF) of the images ask for; absent: no image has one. */
  readonly rotation?: Rotation;
  /**
   * Of images of 16 bits, what the brightest sample needs: 12 or 14 bits; absent: all 16, or none has so
   * many.
   */
  readonly bits?: 12 | 14;
  /** Pairs that cannot be used, and why. */
  readonly broken: readonly { readonly pair: Pair; readonly why: string }[];
}

/** Images with a rotation tag, and as which picture their labels were drawn where the sizes tell. */
export interface Rotation {
  readonly tagged: number;
  /**
   * Label files of the size that the picture has as it is stored, and upright; neither where both are the
   * same.
   */
  readonly stored: number;
  readonly upright: number;
}

/** Pixels of label files that are looked at; decoding takes some 30 million a second. */
const PIXELS = 120e6;

/** The fewest and the most files that are looked at. */
const [LEAST, MOST] = [20, 1000] as const;

/** What surveying takes. */
export interface SurveyOptions {
  readonly files: FileReader;
  /** Called with the progress. */
  readonly onImage?: (done: number, of: number) => void;
}

/**
 * Looks at pairs that are evenly spread over all: at each of them where the images are small and few, else at
 * 20 to 1000, about 120 million pixels in all.
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
  /** Returns the pixels of the image. */
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
  for (const at of spread(pairs.length, LEAST)) pixels += await look(at);
  // How large they are says how many more there is time for.
  const more = Math.max(LEAST, Math.min(MOST, Math.floor(PIXELS * known.size / Math.max(1, pixels))));
  const rest = spread(pairs.length, more).filter((at) => !known.has(at));
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
