/** Rare-class sampling (Hoyer et al. 2022, DAFormer): source images that hold rare classes come more often. */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { RareClassSampling } from "../core/plan.ts";
import type { Dataset, FileReader } from "../core/plugin.ts";
import type { Random } from "../core/random.ts";
import { type ClassStats, readStats, requireFit } from "./class_stats.ts";

/** Chooses the next image of a dataset. */
export type ImageDraw = (random: Random) => number;

/**
 * P(c) = softmax over c of (1 - f_c) / T, f_c in [0, 1] being the class's share of the labelled pixels (the paper
 * divides by all pixels; the published code, by the labelled ones). A class that never occurs has probability 0; all
 * have when none does. @param temperature T, positive
 */
export function classProbabilities(frequency: readonly number[], temperature: number): number[] {
  const scores = frequency.map((share) => share > 0 ? (1 - share) / temperature : -Infinity);
  const highest = Math.max(...scores);
  if (highest === -Infinity) return scores.map(() => 0);
  const raw = scores.map((score) => Math.exp(score - highest));
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
}

/** Which statistics, of which dataset. */
export interface RareClassSetup extends RareClassSampling {
  readonly dataset: Pick<Dataset, "length" | "ids">;
  readonly space: LabelSpace;
  readonly files: FileReader;
}

/**
 * Draws a class by {@linkcode classProbabilities}, then uniformly one of the images with at least `minPixels` of it or,
 * where there is none, with any. The crop is not drawn again until it holds the class, as the published code does.
 * @throws DataError when the statistics cannot be read, are those of another dataset or count no pixel
 */
export async function openRareClasses(setup: RareClassSetup): Promise<ImageDraw> {
  const { stats: file, dataset, space, files, temperature, minPixels } = setup;
  const stats = await readStats(file, files);
  requireFit(stats, { file, dataset, space });
  if (stats.frequency.every((share) => share === 0)) {
    throw new DataError(file, "it counts no labelled pixel; rare-class sampling needs some");
  }
  return rareClassDraw(stats, { temperature, minPixels });
}

/** The draw of {@linkcode openRareClasses} from statistics that count at least one pixel. */
export function rareClassDraw(
  { frequency, images }: Pick<ClassStats, "frequency" | "images">,
  { temperature, minPixels }: Omit<RareClassSampling, "stats">,
): ImageDraw {
  const probabilities = classProbabilities(frequency, temperature);
  const holding = (id: number, least: number) =>
    images.flatMap(({ pixels }, index) => pixels[id]! >= least ? [index] : []);
  const candidates = probabilities.map((_, id) => {
    const many = holding(id, minPixels);
    return many.length > 0 ? many : holding(id, 1);
  });
  const drawable = probabilities.flatMap((probability, id) => probability > 0 ? [id] : []);
  return (random) => {
    let rest = random.next();
    // The last one also takes what rounding leaves.
    const chosen = drawable.find((id) => (rest -= probabilities[id]!) < 0) ?? drawable.at(-1)!;
    const indices = candidates[chosen]!;
    return indices[random.integer(0, indices.length - 1)]!;
  };
}
