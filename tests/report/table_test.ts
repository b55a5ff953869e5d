import assert from "node:assert/strict";
import type { Evaluation } from "../../core/events.ts";
import { classTable } from "../../report/table.ts";

const evaluation = (iou: (number | null)[], extra: Partial<Evaluation> = {}): Evaluation => ({
  split: "val",
  images: 40,
  labelSize: "original 160x96",
  classes: ["sky", "sidewalk", "pole"],
  iou,
  miou: 0.5,
  pixelAccuracy: 0.75,
  confusion: [],
  ...extra,
});

Deno.test("one network", () => {
  assert.equal(
    classTable([{ title: "street", evaluation: evaluation([0.5, 1, null], { images: 1 }) }]),
    [
      "IoU %           street",
      "sky               50.0",
      "sidewalk         100.0",
      "pole                 -",
      "mIoU              50.0",
      "pixel accuracy    75.0",
      "1 image of val, pixels counted at size original 160x96",
    ].join("\n"),
  );
});

Deno.test("nothing labelled: no mean, and no difference", () => {
  const none = evaluation([null, null, null], { miou: null, pixelAccuracy: null });
  const text = classTable([{ title: "a", evaluation: none }, {
    title: "b",
    evaluation: evaluation([0, 0, 0]),
  }]);
  assert.match(text, /^mIoU +- +50\.0 +-\npixel accuracy +- +75\.0 +-$/m);
});

Deno.test("two networks with their difference", () => {
  assert.equal(
    classTable([
      { title: "source-only", evaluation: evaluation([0.5, 0.25, null]) },
      { title: "street", evaluation: evaluation([0.4, 0.25, 0.1], { miou: 0.6 }) },
    ]),
    [
      "IoU %           source-only  street  difference",
      "sky                    50.0    40.0       -10.0",
      "sidewalk               25.0    25.0        +0.0",
      "pole                      -    10.0           -",
      "mIoU                   50.0    60.0       +10.0",
      "pixel accuracy         75.0    75.0        +0.0",
      "40 images of val, pixels counted at size original 160x96",
    ].join("\n"),
  );
});

Deno.test("of three networks each has a column, and the last is compared with the first", () => {
  const columns = [0.5, 0.4, 0.75].map((miou, k) => ({
    title: ["source-only", "warm-up", "adapted"][k]!,
    evaluation: evaluation([miou, miou, miou], { miou }),
  }));
  assert.deepEqual(classTable(columns).split("\n").filter((line) => /^(IoU|mIoU)/.test(line)), [
    "IoU %           source-only  warm-up  adapted  against source-only",
    "mIoU                   50.0     40.0     75.0                +25.0",
  ]);
});

Deno.test("means over subsets stand below the mean over all, and are explained", () => {
  const subsets = (miou: number) => [{ name: "mIoU*", classes: ["sky", "sidewalk"], miou }];
  assert.equal(
    classTable([
      { title: "a", evaluation: evaluation([0.5, 0.25, 0], { subsets: subsets(0.375) }) },
      {
        title: "b",
        evaluation: evaluation([0.4, 0.25, 0.1], {
          subsets: subsets(0.325),
          labelSize: "original varied",
          inference: "flip",
        }),
      },
    ]),
    [
      "IoU %              a     b  difference",
      "sky             50.0  40.0       -10.0",
      "sidewalk        25.0  25.0        +0.0",
      "pole             0.0  10.0       +10.0",
      "mIoU            50.0  50.0        +0.0",
      "mIoU*           37.5  32.5        -5.0",
      "pixel accuracy  75.0  75.0        +0.0",
      "mIoU*: mean of 2 classes, without pole",
      "a: 40 images of val, pixels counted at size original 160x96",
      "b: 40 images of val, pixels counted at size original varied; flip",
    ].join("\n"),
  );
});

Deno.test("no network gives nothing", () => assert.equal(classTable([]), ""));
