/** The model card: whose licence it names, and what it says where nothing was measured. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { type CardFacts, modelCard } from "../../export/model_card.ts";
import { evaluationOf } from "../report/evaluations.ts";

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
  const evaluation = evaluationOf({ classes: ["road", "sky"], labelSize: "original 4x4" });
  const card = modelCard({
    ...FACTS,
    evaluation,
    baseline: { ...evaluation, iou: [0.25, null], miou: 0.25 },
  });
  assert.match(card, /\| class \| without adaptation \| adapted \|/);
  assert.match(card, /\| road \| 25\.0 \| 50\.0 \|\n\| sky \| - \| - \|\n\| mIoU \| 25\.0 \| 50\.0 \|/);
});

const EVALUATION = evaluationOf({
  split: "test",
  images: 500,
  labelSize: "original 4x4",
  classes: ["road"],
  iou: [0.5],
  miou: 0.4567,
});

Deno.test("modelCard: the front matter has the mean, of which data and split it is", () => {
  const [, front] = /^---\n([\s\S]*?)---\n\n# street\n/.exec(
    modelCard({ ...FACTS, evaluation: EVALUATION }),
  )!;
  assert.deepEqual(parse(front!), {
    library_name: "transformers",
    pipeline_tag: "image-segmentation",
    license: "unknown",
    tags: ["plca", "semantic-segmentation", "domain-adaptation"],
    metrics: ["mean_iou"],
    "model-index": [{
      name: "street",
      results: [{
        task: { type: "image-segmentation", name: "Semantic segmentation" },
        dataset: { type: "cityscapes", name: "cityscapes, test split" },
        metrics: [{ type: "mean_iou", name: "mIoU (%)", value: 45.7 }],
      }],
    }],
  });
  const none = modelCard({ ...FACTS, evaluation: { ...EVALUATION, miou: null, iou: [null] } });
  assert.ok(!none.includes("model-index"), none);
  assert.match(none, /\| road \| - \|\n\| mIoU \| - \|/);
});

Deno.test("modelCard: what it was trained on and by which method, as far as that is known", () => {
  const sentence = (more: Partial<CardFacts>) =>
    /\n(A network .*)\n/.exec(modelCard({ ...FACTS, ...more }))![1];
  const begin =
    "A network (`mit`) that labels every pixel, trained on labelled images of gtav and unlabelled images of cityscapes";
  assert.equal(sentence({}), `${begin}. Made with plca 0.1.0.`);
  assert.equal(sentence({ method: { title: "PLCA" } }), `${begin}, by PLCA. Made with plca 0.1.0.`);
  assert.equal(
    sentence({ method: { title: "PLCA", source: "Kang et al. 2020" } }),
    `${begin}, by PLCA (Kang et al. 2020). Made with plca 0.1.0.`,
  );
  assert.equal(
    sentence({ target: undefined }),
    "A network (`mit`) that labels every pixel, trained on gtav. Made with plca 0.1.0.",
  );
});

Deno.test("modelCard: results say on how many images, at which size and how they were counted", () => {
  const words = (more: object) => modelCard({ ...FACTS, evaluation: { ...EVALUATION, ...more } });
  assert.match(
    words({}),
    /\nIoU in percent on 500 images of the test split, pixels counted at original 4x4\. Measured with the commands below\.\n/,
  );
  assert.match(words({ inference: "flip" }), / pixels counted at original 4x4, with flip\. Measured /);
  assert.match(
    words({}),
    /\n\| class \| IoU % \|\n\| --- \| --- \|\n\| road \| 50\.0 \|\n\| mIoU \| 45\.7 \|\n/,
  );
});

Deno.test("modelCard: how to use it, with transformers where that reads it, and the notes below", () => {
  const card = modelCard({ ...FACTS, notes: ["One.", "Two."], onnx: ["a.onnx", "b.onnx"] });
  assert.match(
    card,
    /\n```python\nfrom transformers import AutoImageProcessor, SegformerForSemanticSegmentation\n/,
  );
  assert.match(card, /\n`a\.onnx` and `b\.onnx`: the same network as ONNX, opset 17; /);
  assert.match(
    card,
    /\nplca predict IMAGES --recipe FOLDER\/recipe\.yaml --checkpoint FOLDER\/model\.safetensors --out LABELS\n```\n\nOne\.\n\nTwo\.\n/,
  );
  const plain = modelCard({ ...FACTS, transformers: false, onnx: [] });
  assert.ok(!plain.includes("python") && !plain.includes("ONNX"), plain);
  assert.match(plain, /^library_name: plca$/m);
});

Deno.test("modelCard: training again, and evaluating where it was evaluated", () => {
  const train = "\n```sh\nplca train FOLDER/recipe.yaml";
  assert.ok(modelCard(FACTS).includes(train + "\n```\n"), "no evaluation");
  const evaluated = modelCard({ ...FACTS, evaluation: EVALUATION });
  assert.ok(evaluated.includes(
    `${train}\nplca eval --recipe FOLDER/recipe.yaml --checkpoint FOLDER/model.safetensors --split test\n`,
  ));
});

Deno.test("modelCard: weights that began at random are their author's to license", () => {
  assert.match(
    modelCard(FACTS),
    /\n## Licence\n\nIts weights began at random, so they are their author's to license: set `license` above\. The images it was trained on \(gtav and cityscapes\) have licences of their own\.\n$/,
  );
});
