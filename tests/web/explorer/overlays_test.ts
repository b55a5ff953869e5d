/** What is offered over the two images, and which layer each of it is. */
import assert from "node:assert/strict";
import type { LevelView, RowView } from "../../../explore/types.ts";
import { address } from "../../../web/explorer/ask.ts";
import { cellAt, classLayer, weightLayer } from "../../../web/explorer/layers.ts";
import {
  layerOfSource,
  layerOfTarget,
  present,
  sourceOptions,
  targetOptions,
} from "../../../web/explorer/overlays.ts";
import {
  checkpointWords,
  coverageWords,
  digits,
  levelWords,
  place,
  rowWords,
  share,
} from "../../../web/explorer/words.ts";
import type { ClassStyle } from "../../../web/palette.ts";

const SIDE = {
  id: "s",
  height: 1,
  width: 2,
  imageHeight: 8,
  imageWidth: 16,
  originalHeight: 8,
  originalWidth: 16,
  labels: [0, 1],
  predictions: [1, 1],
};

const VIEW: LevelView = {
  checkpoint: { id: "checkpoints/last.safetensors", name: "last", phase: "a", step: 5, problem: null },
  source: SIDE,
  target: { ...SIDE, id: "t" },
  forward: [0, 1],
  similarity: [0.5, 0.25],
  back: [0, 1],
  outcome: [0, 1],
  associated: 1,
  covered: 1,
  correct: { right: 1, labelled: 1 },
};

const ROW: RowView = { similarities: [0.5, null], weights: [0.9, 0.1], normalised: [1.5, -2] };

const valuesOf = (options: readonly { readonly value: string }[]) => options.map(({ value }) => value);
const unlabelled = { ...SIDE, labels: null };

Deno.test("sourceOptions and targetOptions: labels where there are some, aggregation where the level has it", () => {
  const source = ["cycles", "return", "labels", "predictions", "none"];
  assert.deepEqual(valuesOf(sourceOptions(VIEW)), source);
  assert.deepEqual(
    valuesOf(sourceOptions({ ...VIEW, source: unlabelled })),
    source.filter((value) => value !== "labels"),
  );
  const target = ["similarity", "weights", "aggregation", "covered", "labels", "predictions", "none"];
  assert.deepEqual(valuesOf(targetOptions(VIEW, true)), target);
  assert.deepEqual(valuesOf(targetOptions(VIEW, false)), target.filter((value) => value !== "aggregation"));
  assert.deepEqual(
    valuesOf(targetOptions({ ...VIEW, target: unlabelled }, true)),
    target.filter((value) => value !== "labels"),
  );
});

Deno.test("present: the choice while it is offered, else the first", () => {
  assert.equal(present("labels", sourceOptions(VIEW)), "labels");
  assert.equal(present("labels", sourceOptions({ ...VIEW, source: unlabelled })), "cycles");
  assert.equal(present("aggregation", targetOptions(VIEW, false)), "similarity");
});

Deno.test("layerOfSource: each overlay's layer; none while its row is not there", () => {
  const kind = (overlay: Parameters<typeof layerOfSource>[0], back?: RowView) =>
    layerOfSource(overlay, VIEW, back)?.kind;
  assert.deepEqual(
    [
      kind("cycles"),
      kind("return"),
      kind("return", ROW),
      kind("labels"),
      kind("predictions"),
      kind("none", ROW),
    ],
    ["kinds", undefined, "heat", "classes", "classes", undefined],
  );
  assert.deepEqual(layerOfSource("labels", VIEW, undefined), { kind: "classes", ids: [0, 1] });
  assert.deepEqual(layerOfSource("predictions", VIEW, undefined), { kind: "classes", ids: [1, 1] });
  assert.equal(layerOfSource("labels", { ...VIEW, source: unlabelled }, undefined), undefined);
  assert.deepEqual(layerOfSource("return", VIEW, ROW), {
    kind: "heat",
    values: [0.5, null],
    low: 0.5,
    high: 0.5,
  });
});

Deno.test("layerOfTarget: similarities as they are, weights from 0, aggregation without the pixel's own", () => {
  const layer = (overlay: Parameters<typeof layerOfTarget>[0], row: RowView | undefined = ROW, at = 0) =>
    layerOfTarget(overlay, VIEW, { row, at });
  assert.deepEqual(layer("similarity"), { kind: "heat", values: [0.5, null], low: 0.5, high: 0.5 });
  assert.deepEqual(layer("weights"), { kind: "heat", values: [0.9, 0.1], low: 0, high: 0.9 });
  assert.deepEqual(layer("aggregation"), { kind: "heat", values: [0.9, 0.1], low: 0, high: 0.1 });
  assert.deepEqual(layer("aggregation", ROW, 1), { kind: "heat", values: [0.9, 0.1], low: 0, high: 0.9 });
  assert.deepEqual([layer("covered")?.kind, layer("labels")?.kind, layer("none")], [
    "kinds",
    "classes",
    undefined,
  ]);
  for (const overlay of ["similarity", "weights", "aggregation"] as const) {
    assert.equal(layerOfTarget(overlay, VIEW, { row: undefined, at: 0 }), undefined);
  }
});

Deno.test("cellAt: classes in their own looks, and the image alone where there is none", () => {
  const styles = [{ colour: [1, 2, 3], pattern: "dots" }] as unknown as readonly ClassStyle[];
  const layer = classLayer({ ...SIDE, predictions: [0, 255] }, "predictions");
  assert.equal(cellAt(layer, 0, styles), styles[0]);
  assert.equal(cellAt(layer, 1, styles), undefined);
  assert.equal(cellAt(undefined, 0, styles), undefined);
  assert.equal(cellAt({ kind: "kinds", of: [-1], kinds: [] }, 0, styles), undefined);
  assert.equal(cellAt({ kind: "kinds", of: [-1], kinds: [] }, 7, styles), undefined);
});

Deno.test("weightLayer: a row of one weight has a scale all the same", () => {
  assert.deepEqual(weightLayer({ ...ROW, weights: [1] }), { kind: "heat", values: [1], low: 0, high: 1 });
});

Deno.test("place, share and digits: as they are quoted", () => {
  assert.deepEqual([place(0, 3), place(2, 3), place(7, 3)], ["(0, 0)", "(0, 2)", "(2, 1)"]);
  assert.deepEqual([share(0.12345), share(1), share(1e-7)], ["12.3\u00a0%", "100\u00a0%", "1.00e−5\u00a0%"]);
  assert.deepEqual([null, 0.001, 0.00099, 99999, 1e5, -1234.5].map(digits), [
    "not a number",
    "0.001",
    "9.90e−4",
    "100000",
    "1.00e+5",
    "−1230",
  ]);
});

Deno.test("rowWords: similarity, what enters the softmax, and the weight of one pixel", () => {
  assert.equal(
    rowWords("For it", ROW, 0),
    "For it: similarity 0.5, normalised 1.5, weight 90\u00a0%.",
  );
  assert.equal(
    rowWords("For it", ROW, 1),
    "For it: similarity not a number, normalised −2, weight 10\u00a0%.",
  );
});

Deno.test("coverageWords: without target labels nothing is said of right choices, without labelled ones that", () => {
  const both =
    "50.0\u00a0% of the 2 source pixels are associated; they cover 50.0\u00a0% of the 2 target pixels.";
  assert.equal(coverageWords({ ...VIEW, correct: null }), both);
  assert.equal(
    coverageWords({ ...VIEW, correct: { right: 0, labelled: 0 } }),
    `${both} None of the pixels they chose is labelled.`,
  );
});

Deno.test("levelWords and checkpointWords: what is mixed in, and what is known of the weights", () => {
  const level = { term: "t", label: "l", tap: "layer4", similarity: "cosine", contrast: false };
  assert.equal(
    levelWords({ ...level, aggregation: { alpha: 0.5, contrast: true } } as Parameters<typeof levelWords>[0]),
    "Pixels of layer4 compared by cosine; the target is aggregated with alpha 0.5, contrast-normalised.",
  );
  assert.equal(
    levelWords({ ...level, aggregation: { alpha: 1, contrast: false } } as Parameters<typeof levelWords>[0]),
    "Pixels of layer4 compared by cosine; the target is aggregated with alpha 1.",
  );
  assert.equal(checkpointWords({ ...VIEW.checkpoint, name: "a\u202e", step: 0 }), "a[U+202E], step 0");
});

Deno.test("address: a question relative to the page, its parameters escaped", () => {
  assert.equal(address("explorer"), "api/explorer");
  assert.equal(address("level", { checkpoint: "a b&c", source: 3 }), "api/level?checkpoint=a+b%26c&source=3");
});
