import type { Evaluation } from "../core/events.ts";

/** Whether a value from a file is an evaluation as far as it is shown: its classes, shares and counts. */
export function isEvaluation(value: unknown): value is Evaluation {
  if (typeof value !== "object" || value === null) return false;
  const { classes, iou, miou, images, split, labelSize, subsets } = value as Partial<
    Record<keyof Evaluation, unknown>
  >;
  const isShare = (share: unknown) => share === null || typeof share === "number" && share >= 0 && share <= 1;
  return Array.isArray(classes) && classes.every((name) => typeof name === "string") &&
    Array.isArray(iou) && iou.length === classes.length &&
    iou.every(isShare) && isShare(miou) &&
    typeof images === "number" && typeof split === "string" && typeof labelSize === "string" &&
    (subsets === undefined ||
      Array.isArray(subsets) && subsets.every((each) => Array.isArray(each?.classes) && isShare(each.miou)));
}
