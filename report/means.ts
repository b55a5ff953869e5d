/** Mean IoUs in words: never without the size at which pixels were counted. */
import type { Evaluation, SubsetMean } from "../core/events.ts";
import { countOf, percent } from "../core/words.ts";

/** The means of an evaluation or a validation. */
export interface Means {
  /** In 0..1; null: over nothing. */
  readonly miou: number | null;
  readonly subsets?: readonly SubsetMean[];
  readonly labelSize: string;
}

/** `mIoU 45.0 %, mIoU of 16 47.1 %, mIoU* 52.0 % at label size original 2048x1024` */
export function meansText({ miou, subsets = [], labelSize }: Means): string {
  const all = [{ name: "mIoU", miou }, ...subsets];
  return `${all.map(({ name, miou }) => `${name} ${withSign(miou)}`).join(", ")} at label size ${labelSize}`;
}

/** `40 images of val, pixels counted at size original 160x96; flip` */
export function countedText({ images, split, labelSize, inference }: Evaluation): string {
  const how = inference === undefined ? "" : `; ${inference}`;
  return `${countOf(images, "image")} of ${split}, pixels counted at size ${labelSize}${how}`;
}

/** `mean of 13 classes, without wall, fence, pole` */
export function describeSubset(classes: readonly string[], subset: readonly string[]): string {
  const absent = classes.filter((name) => !subset.includes(name));
  return `mean of ${subset.length} classes, without ${absent.join(", ")}`;
}

/** `45.1 %`; "-" for null. */
export function withSign(share: number | null): string {
  return share === null ? "-" : `${percent(share)} %`;
}
