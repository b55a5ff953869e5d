import assert from "node:assert/strict";
import { countedText, describeSubset, meansText } from "../../report/means.ts";

Deno.test("means say every subset and the size at which pixels were counted", () => {
  const labelSize = "original 2048x1024";
  assert.equal(meansText({ miou: 0.4512, labelSize }), "mIoU 45.1 % at label size original 2048x1024");
  const subsets = [{ name: "mIoU of 16", classes: [], miou: 0.5 }, { name: "mIoU*", classes: [], miou: 0.6 }];
  assert.equal(
    meansText({ miou: 0.4512, subsets, labelSize }),
    "mIoU 45.1 %, mIoU of 16 50.0 %, mIoU* 60.0 % at label size original 2048x1024",
  );
  const none = subsets.map((subset) => ({ ...subset, miou: null }));
  assert.equal(
    meansText({ miou: null, subsets: none, labelSize }),
    "mIoU -, mIoU of 16 -, mIoU* - at label size original 2048x1024",
  );
});

Deno.test("what was counted, and how probabilities were made", () => {
  const found = {
    split: "val",
    images: 1,
    labelSize: "input 4x2",
    classes: [],
    iou: [],
    miou: 0,
    pixelAccuracy: 0,
    confusion: [],
  };
  assert.equal(countedText(found), "1 image of val, pixels counted at size input 4x2");
  assert.equal(
    countedText({ ...found, images: 2, inference: "flip, scales 0.5 1" }),
    "2 images of val, pixels counted at size input 4x2; flip, scales 0.5 1",
  );
});

Deno.test("a subset is told by what it leaves out", () => {
  assert.equal(describeSubset(["a", "b", "c"], ["b"]), "mean of 1 classes, without a, c");
});
