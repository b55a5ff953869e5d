/** Evaluations as tables get them. */
import type { Evaluation } from "../../core/events.ts";

/** One of two classes on two images, with what a test varies. */
export function evaluationOf(more: Partial<Evaluation> = {}): Evaluation {
  return {
    split: "val",
    images: 2,
    labelSize: "original 4x2",
    classes: ["road", "traffic light"],
    iou: [0.5, null],
    miou: 0.5,
    pixelAccuracy: 0.75,
    confusion: [],
    ...more,
  };
}
