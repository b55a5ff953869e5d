/** The model card: whose licence it names, and what it says where nothing was measured. */
import assert from "node:assert/strict";
import { type CardFacts, modelCard } from "../../export/model_card.ts";

const FACTS: CardFacts = {
  name: "street",
  model: "mit",
  source: "gtav",
  target: "cityscapes",
  transformers: true,
  notes: [],
  onnx: ["onnx/model.onnx"],
  version: "0.1.0",
};

Deno.test("modelCard: weights of others bring their licence", () => {
  const card = modelCard({ ...FACTS, origin: { file: "mit_b0.pth", notice: "research only" } });
  assert.match(card, /^license: other$/m);
  assert.match(card, /Its training began with the weights of `mit_b0\.pth`: research only\. The images/);
  const unknown = modelCard({ ...FACTS, origin: { file: "mit_b0.pth" } });
  assert.match(unknown, /^license: unknown$/m);
  assert.match(unknown, /`mit_b0\.pth`, whose licence binds it as well: set `license` above\./);
});

Deno.test("modelCard: data that are source and target are named once", () => {
  const card = modelCard({ ...FACTS, source: "street", target: "street" });
  assert.match(card, /The images it was trained on \(street\) have licences of their own\./);
});

Deno.test("modelCard: without an evaluation there is no number, in the front matter either", () => {
  const card = modelCard(FACTS);
  assert.ok(!card.includes("model-index") && !card.includes("mIoU"), card);
  assert.match(card, /These weights were not evaluated where this card was written\./);
});

Deno.test("modelCard: the baseline stands beside the adapted network, class by class", () => {
  const evaluation = {
    split: "val",
    images: 2,
    labelSize: "original 4x4",
    classes: ["road", "sky"],
    iou: [0.5, null],
    miou: 0.5,
    pixelAccuracy: 0.5,
    confusion: [[1, 1], [0, 0]],
  };
  const card = modelCard({
    ...FACTS,
    evaluation,
    baseline: { ...evaluation, iou: [0.25, null], miou: 0.25 },
  });
  assert.match(card, /\| class \| without adaptation \| adapted \|/);
  assert.match(card, /\| road \| 25\.0 \| 50\.0 \|\n\| sky \| - \| - \|\n\| mIoU \| 25\.0 \| 50\.0 \|/);
});
