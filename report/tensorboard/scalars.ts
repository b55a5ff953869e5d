/** Events of a run as scalars under tags. */
import type { Evaluation, TrainEvent, ValidationEvent } from "../../core/events.ts";
import type { Summary } from "./messages.ts";

/**
 * What TensorBoard shows of an event; empty for those without numbers. @param classes names in train-id order
 */
export function scalarsOf(event: TrainEvent, classes: readonly string[]): Summary[] {
  switch (event.type) {
    case "step":
      return summaries({
        "loss/total": event.total,
        ...prefixed("loss/", event.terms),
        "rate/learning rate": event.learningRate,
        "rate/steps per second": event.rate,
      });
    case "validation":
      return [
        ...evaluationScalars("validation", event, classes),
        ...summaries(prefixed("label-free/", event.labelFree ?? {})),
      ];
    case "diagnostics":
      return summaries(prefixed("diagnostics/", event.values));
    default:
      return [];
  }
}

/**
 * mIoU, its means over subsets, pixel accuracy and the IoU of every class that occurs. @param what their
 * first word, as in `validation` or `final`
 */
export function evaluationScalars(
  what: string,
  { miou, subsets = [], pixelAccuracy, iou }: Pick<
    ValidationEvent | Evaluation,
    "miou" | "subsets" | "pixelAccuracy" | "iou"
  >,
  classes: readonly string[],
): Summary[] {
  return summaries({
    [`${what}/mIoU`]: miou,
    ...Object.fromEntries(subsets.map(({ name, miou }) => [`${what}/${name}`, miou])),
    [`${what}/pixel accuracy`]: pixelAccuracy,
    ...Object.fromEntries(
      iou.map((share, id) => [`${what} IoU/${classes[id] ?? `class ${id}`}`, share]),
    ),
  });
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** Without those that are null. */
function summaries(values: Readonly<Record<string, number | null>>): Summary[] {
  return Object.entries(values).flatMap(([tag, scalar]) => scalar === null ? [] : [{ tag, scalar }]);
}
