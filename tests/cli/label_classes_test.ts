import assert from "node:assert/strict";
import { labelClasses, legendText, paletteOf } from "../../cli/label_classes.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";

const space = CITYSCAPES_SPACES["synthia-13"];

Deno.test("train ids count from 0, the dataset's ids are Cityscapes' for SYNTHIA's classes too, colours follow", () => {
  const train = labelClasses(space, "train");
  assert.deepEqual(train.ids, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(paletteOf(train).slice(0, 3), [[128, 64, 128], [244, 35, 232], [70, 70, 70]]);
  const stored = labelClasses(space, "dataset");
  assert.deepEqual(stored.ids, [7, 8, 11, 19, 20, 21, 23, 24, 25, 26, 28, 32, 33]);
  const palette = paletteOf(stored);
  assert.deepEqual([palette.length, palette[7], palette[9], palette[33]], [34, [128, 64, 128], [0, 0, 0], [
    119,
    11,
    32,
  ]]);
});

Deno.test("classes.json says for each class which id it has", () => {
  const { ids, label_space, classes } = JSON.parse(legendText(labelClasses(space, "dataset")));
  assert.deepEqual([ids, label_space, classes.length], ["dataset", "synthia-13", 13]);
  assert.deepEqual(classes[2], { id: 11, train_id: 2, name: "building", colour: [70, 70, 70] });
});

Deno.test("ids that the label space does not name, or that 8 bits cannot hold, are refused", () => {
  const few = { name: "few", classes: ["a", "b"], ignore: 255 };
  assert.throws(() => labelClasses(few, "dataset"), {
    name: "UserError",
    message: "--ids dataset: the label space few does not say which id its label files use for each class; " +
      "use --ids train",
  });
  assert.throws(() => labelClasses({ ...few, storedIds: [3, 256] }, "dataset"), {
    name: "UserError",
    message: "--ids dataset: id 256 of few does not fit into the 8 bits of a label PNG; use --ids train",
  });
});
