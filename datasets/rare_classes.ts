/**
 * Rare-class sampling (Hoyer et al. 2022, DAFormer): source images that hold rare classes come more often.
 *
 * A draw has three steps: a class, by probabilities that grow as the class is rarer ({@linkcode
 * classProbabilities}); an image, uniformly among those with enough of it; and a crop that really shows the
 * class ({@linkcode Held}, judged in transforms/chosen_place.ts). The pixels of each class in each image must
 * be known ahead: from a file of `plca data stats`, or counted once by the run and kept in its folder.
 */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { RareClassSampling } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import type { Random } from "../core/random.ts";
import { type ClassStats, classStats, readStats, renderStats, requireFit } from "./class_stats.ts";
import { inspections } from "./inspection.ts";
import type { Held } from "./transforms/chosen_place.ts";
import type { InputDataset } from "./workers/pool.ts";

/** Chooses the next image of a dataset, and what its crop shall hold. */
export type ImageDraw = (random: Random) => { readonly index: number; readonly holds?: Held };

/**
 * P(c) = softmax over c of (1 - f_c) / T, where f_c in [0, 1] is the class's share of the labelled pixels
 * (the paper divides by all pixels; the published code, by the labelled ones). A class that never occurs has
 * probability 0; if none occurs, all have.
 * @param temperature T, positive; small values leave hardly any but the rarest class
 */
export function classProbabilities(frequency: readonly number[], temperature: number): number[] {
  const scores = frequency.map((share) => share > 0 ? (1 - share) / temperature : -Infinity);
  const highest = Math.max(...scores);
  if (highest === -Infinity) return scores.map(() => 0);
  const raw = scores.map((score) => Math.exp(score - highest));
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
}

/** The statistics to use, and the dataset that they must be of. */
export interface RareClassSetup extends RareClassSampling {
  readonly dataset: InputDataset;
  readonly space: LabelSpace;
  readonly files: FileReader;
  /** Where counts lie that the run makes itself. */
  readonly kept: KeptCounts;
}

/** A file of the run in which counts are kept, and how counting is reported. */
export interface KeptCounts {
  /** For errors, and where it is read. */
  readonly path: string;
  /** Whether it is there. */
  exists(): Promise<boolean>;
  write(bytes: Uint8Array): Promise<void>;
  /** Called when counting begins, with the number of images. */
  onCount(images: number): void;
  /** Ends the counting early. */
  readonly signal: AbortSignal;
}

/**
 * Draws a class by {@linkcode classProbabilities}, then uniformly one of the images with at least `minPixels`
 * of it or, where there is none, with any. Without a file of statistics the labels are counted, once a run.
 * @returns undefined when counting was ended early
 * @throws DataError when statistics or a label cannot be read, are those of another dataset or count no
 *   pixel
 */
export async function openRareClasses(setup: RareClassSetup): Promise<ImageDraw | undefined> {
  const { stats: given, dataset, space, files, kept } = setup;
  const file = given ?? kept.path;
  if (given === undefined && !(await kept.exists())) {
    const counted = await countClasses(dataset, space, kept);
    if (counted === undefined) return undefined;
    await kept.write(new TextEncoder().encode(renderStats(counted)));
  }
  const stats = await readStats(file, files);
  requireFit(stats, { file, dataset, space });
  if (stats.frequency.every((share) => share === 0)) {
    throw new DataError(file, "it counts no labelled pixel; rare-class sampling needs some");
  }
  return rareClassDraw(stats, setup);
}

/** Counts every image of the source; undefined when it was ended early. */
async function countClasses(
  dataset: InputDataset,
  space: LabelSpace,
  { onCount, signal }: KeptCounts,
): Promise<ClassStats | undefined> {
  onCount(dataset.length);
  const images: ClassStats["images"] = [];
  for await (const { id, pixels, fault } of inspections(dataset, { labels: true, space, signal })) {
    if (fault) throw new DataError(fault.file, fault.message);
    images.push({ id: id!, pixels: [...pixels!] });
  }
  return signal.aborted ? undefined : classStats({ dataset: "the source", space, images });
}

/** The draw of {@linkcode openRareClasses} from statistics that count at least one pixel. */
export function rareClassDraw(
  { frequency, images }: Pick<ClassStats, "frequency" | "images">,
  { temperature, minPixels, cropPixels, tries }: Omit<RareClassSampling, "stats">,
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
    const index = indices[random.integer(0, indices.length - 1)]!;
    return { index, ...(tries > 1 ? { holds: { id: chosen, pixels: cropPixels, tries } } : {}) };
  };
}
