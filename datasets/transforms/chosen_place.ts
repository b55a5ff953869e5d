/**
 * Crops that are drawn again until they are like what is wanted: rich enough in classes (`crop_criteria`), or
 * with enough of the class that was drawn for this image (rare-class sampling). A crop is judged by its
 * labels as resized, without making its pixels.
 */
import type { CropCriteria } from "../../core/plan.ts";
import type { Sample } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { resizeNearest, type Size } from "./resize.ts";
import { windowAt } from "./sample.ts";

/** How much of a class a crop should hold. */
export interface Held {
  /** Train id. */
  readonly id: number;
  /** More than this many pixels. */
  readonly pixels: number;
  /** The most crops; each of them may in turn be several, by the criteria. */
  readonly tries: number;
}

/** What is wanted of a crop, and where the first try lies. */
export interface WantedCrop {
  /** Of the image as resized. */
  readonly size: Size;
  /** [height, width] in pixels. */
  readonly crop: readonly [number, number];
  /** The first one. */
  readonly place: readonly [number, number];
  /** Seeds the others. */
  readonly again: number | undefined;
  readonly holds: Held | undefined;
  readonly criteria: CropCriteria | undefined;
  readonly ignoreLabel: number;
}

/**
 * The first place whose crop is like what is wanted, or the last one tried. Two loops, one in the other, as
 * in Hoyer et al. 2022: crops are drawn until one meets the criteria, and that again until one holds enough
 * of the class. Follows from its arguments alone; without labels, or where nothing is wanted, the first place
 * comes back.
 * @returns vertical and horizontal place in [0, 1), as `Crop.place`
 */
export function chosenPlace(sample: Sample, wanted: WantedCrop): readonly [number, number] {
  const { size, crop, again, holds, criteria, ignoreLabel } = wanted;
  let { place } = wanted;
  const { labels } = sample;
  if (again === undefined || !labels || (!holds && !criteria)) return place;
  const raster = { ...sample, channels: 1, data: labels };
  const random = Random.stream(again, "crops");
  const outer = holds?.tries ?? 1, inner = criteria?.tries ?? 1;
  for (let tried = 0; tried < outer * inner; tried++) {
    if (tried > 0) place = [random.next(), random.next()];
    const counts = new Float64Array(256);
    for (const id of resizeNearest(raster, size, windowAt(size, { size: crop, place })).data) counts[id]!++;
    if (criteria && !meets(counts, criteria, { ignoreLabel, pixels: crop[0] * crop[1] })) continue;
    if (!holds || counts[holds.id]! > holds.pixels) break;
    // As many by the criteria once more.
    tried += inner - 1 - tried % inner;
  }
  return place;
}

/**
 * Whether a crop meets the criteria. @param counts pixels by label, 256 of them @param scope the ignore
 * label, and all pixels of the crop
 */
function meets(
  counts: Float64Array,
  { mostShare, leastClasses, leastShare }: CropCriteria,
  { ignoreLabel, pixels }: { readonly ignoreLabel: number; readonly pixels: number },
): boolean {
  const classes = counts.filter((_, id) => id !== ignoreLabel);
  const labelled = classes.reduce((sum, count) => sum + count, 0);
  const share = mostShare === 1 || (labelled > 0 && Math.max(...classes) / labelled < mostShare);
  return share && classes.filter((count) => count > leastShare * pixels).length >= leastClasses;
}
