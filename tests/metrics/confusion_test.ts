import assert from "node:assert/strict";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import {
  classIou,
  confusionRows,
  countPixels,
  emptyConfusion,
  meanIou,
  pixelAccuracy,
} from "../../metrics/confusion.ts";

function counted(labels: number[], predictions: number[], classes = 3) {
  const confusion = emptyConfusion(classes);
  countPixels(confusion, { labels, predictions, ignore: 255 });
  return confusion;
}

Deno.test("confusion: the recorded case", () => {
  const file = new URL("../goldens/plca_ops_and_losses.safetensors", import.meta.url);
  const { tensors } = decodeSafetensors(Deno.readFileSync(file), "goldens");
  const read = (key: string) => [...toFloat32(tensors.get(`metric/iou/${key}`)!)];
  const confusion = counted(read("labels"), read("pred"), 19);
  assert.deepEqual([...confusion.counts], read("confusion"));
  const iou = classIou(confusion);
  read("iou").forEach((expected, id) => {
    if (Number.isNaN(expected)) assert.equal(iou[id], null);
    else assert.ok(Math.abs(iou[id]! - expected) < 1e-6, `class ${id}: ${iou[id]} is not ${expected}`);
  });
  assert.ok(Math.abs(meanIou(iou)! - read("miou")[0]!) < 1e-6);
  assert.ok(Math.abs(pixelAccuracy(confusion)! - read("pixel_accuracy")[0]!) < 1e-6);
});

Deno.test("confusion: rows are labels, columns predictions, ignored pixels count nowhere", () => {
  const confusion = counted([0, 0, 1, 255], [0, 1, 1, 2]);
  assert.deepEqual(confusionRows(confusion), [[1, 1, 0], [0, 1, 0], [0, 0, 0]]);
  assert.deepEqual(classIou(confusion), [1 / 2, 1 / 2, null]);
  assert.equal(pixelAccuracy(confusion), 2 / 3);
});

Deno.test("confusion: a class that is only predicted counts as 0, an absent one not at all", () => {
  const iou = classIou(counted([0, 0], [0, 1]));
  assert.deepEqual(iou, [1 / 2, 0, null]);
  assert.equal(meanIou(iou), 1 / 4);
});

Deno.test("confusion: nothing labelled has no mean", () => {
  const confusion = counted([255], [1]);
  assert.deepEqual(classIou(confusion), [null, null, null]);
  assert.equal(meanIou([null]), null);
  assert.equal(meanIou([]), null);
  assert.equal(pixelAccuracy(confusion), null);
});

Deno.test("confusion: ids outside the classes and unequal lengths are refused", () => {
  assert.throws(() => counted([3], [0]), {
    name: "RangeError",
    message: "label 3 with prediction 0 at pixel 0; expected ids in 0..2",
  });
  assert.throws(() => counted([0, 1], [0]), { name: "RangeError", message: "2 labels, but 1 predictions" });
});

Deno.test("confusion: counted in parts or at once, in any order, it is the same matrix", () => {
  const labels = [0, 1, 2, 255, 2, 1, 0], predictions = [0, 2, 2, 1, 1, 1, 0];
  const whole = counted(labels, predictions);
  const parts = emptyConfusion(3);
  for (const [from, to] of [[4, 7], [0, 4], [4, 4]] as const) {
    countPixels(parts, {
      labels: labels.slice(from, to),
      predictions: predictions.slice(from, to),
      ignore: 255,
    });
  }
  assert.deepEqual(parts, whole);
  assert.equal(whole.counts.reduce((sum, count) => sum + count, 0), 6);
});

Deno.test("confusion: exchanging labels and predictions transposes the matrix and keeps every IoU", () => {
  const [one, other] = [[0, 1, 2, 2, 1, 0, 0], [0, 2, 2, 1, 1, 1, 0]];
  const there = counted(one, other), back = counted(other, one);
  const rows = confusionRows(there);
  assert.deepEqual(confusionRows(back), rows.map((_, k) => rows.map((row) => row[k]!)));
  assert.deepEqual(classIou(back), classIou(there));
  assert.equal(pixelAccuracy(back), pixelAccuracy(there));
});

Deno.test("confusion: what is refused leaves the pixels before it counted, and a prediction is checked too", () => {
  const confusion = emptyConfusion(2);
  assert.throws(
    () => countPixels(confusion, { labels: [0, 1], predictions: [0, 2], ignore: 255 }),
    { name: "RangeError", message: "label 1 with prediction 2 at pixel 1; expected ids in 0..1" },
  );
  assert.throws(() => counted([NaN], [0]), { name: "RangeError" });
  assert.throws(() => counted([0], [-1]), { name: "RangeError" });
  // Under an ignored label any prediction passes.
  countPixels(confusion, { labels: [255], predictions: [9], ignore: 255 });
  assert.deepEqual([...confusion.counts], [1, 0, 0, 0]);
});

Deno.test("meanIou: classes without an IoU have no part in the mean, 0 has", () => {
  assert.equal(meanIou([0.5, null, 1, 0]), 0.5);
  assert.equal(meanIou([null, 0]), 0);
});
