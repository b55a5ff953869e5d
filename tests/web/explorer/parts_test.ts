/** Words, layers, colours and choices of the explorer, without a browser. */
import assert from "node:assert/strict";
import type { ExplorerOverview, LevelView } from "../../../explore/types.ts";
import { choiceFrom, choiceText, firstChoice, holdsChoice } from "../../../web/explorer/choice.ts";
import { heat } from "../../../web/explorer/heat.ts";
import { cellAt, coverLayer, cycleLayer, heatLayer, type KindLayer } from "../../../web/explorer/layers.ts";
import {
  checkpointWords,
  coverageWords,
  cycleWords,
  digits,
  levelWords,
  outcomeWords,
  targetWords,
} from "../../../web/explorer/words.ts";

const NAMES = { classes: ["road", "car\u202e"], ignore: 255 };
const SIZE = { height: 2, width: 2, imageHeight: 16, imageWidth: 16, originalHeight: 16, originalWidth: 16 };
const LAST = { id: "checkpoints/last.safetensors", name: "last", phase: "a", step: 50, problem: null };

/** Source pixels 0 to 3: consistent and right, consistent and wrong, ending elsewhere, without a label. */
const VIEW: LevelView = {
  checkpoint: LAST,
  source: { ...SIZE, id: "s", labels: [0, 0, 1, 255], predictions: [0, 0, 1, 1] },
  target: { ...SIZE, id: "t", labels: [0, 1, 255, 0], predictions: [0, 1, 1, 0] },
  forward: [0, 1, 1, 3],
  similarity: [0.8345, -12.5, null, 0.0000123],
  back: [1, 1, 0, 2],
  outcome: [0, 0, 1, 2],
  associated: 2,
  covered: 2,
  correct: { right: 1, labelled: 2 },
};

Deno.test("a cycle in words: places, classes, similarity and outcome", () => {
  const words = (start: number) => `${cycleWords(VIEW, start, NAMES)} ${outcomeWords(VIEW, start)}.`;
  assert.equal(
    words(0),
    "Source pixel (0, 0), road → target pixel (0, 0), predicted road, labelled road, similarity 0.835 → " +
      "returns to (0, 1), road: consistent.",
  );
  assert.equal(
    words(1),
    "Source pixel (0, 1), road → target pixel (0, 1), predicted car[U+202E], labelled car[U+202E], similarity −12.5 → " +
      "returns to (0, 1), road: consistent, the very same pixel.",
  );
  assert.match(
    words(2),
    /similarity not a number → returns to \(0, 0\), road: not consistent, it ends in another class\.$/,
  );
  assert.match(words(3), /no label → .*: not counted, for a pixel without a label starts no cycle\.$/);
});

Deno.test("a target pixel, the coverage, a level and a checkpoint in words", () => {
  assert.equal(
    targetWords(VIEW, 1, NAMES),
    "Target pixel (0, 1), predicted car[U+202E], labelled car[U+202E]; chosen by 2 source pixels, 1 of them consistent.",
  );
  assert.equal(
    coverageWords(VIEW),
    "50.0\u00a0% of the 4 source pixels are associated; they cover 50.0\u00a0% of the 4 target pixels. " +
      "50.0\u00a0% of the associated pixels chose a target pixel of their own class.",
  );
  const level = {
    term: "t",
    label: "layer4",
    tap: "layer4",
    similarity: "cosine",
    contrast: true,
    aggregation: null,
  };
  assert.equal(
    levelWords(level),
    "Pixels of layer4 compared by cosine, contrast-normalised; the target is not aggregated.",
  );
  assert.equal(checkpointWords(LAST), "last, step 50");
  assert.equal(checkpointWords({ ...LAST, step: null, problem: "only 3 bytes" }), "last (damaged)");
  assert.deepEqual([0, 1, 0.00012345, 123456, -0.5].map(digits), ["0", "1", "1.23e−4", "1.23e+5", "−0.5"]);
});

const named = (layer: KindLayer) => layer.of.map((kind) => layer.kinds[kind]?.name ?? "clear");

Deno.test("outcomes and coverage are told apart, right from wrong where the target has labels", () => {
  assert.deepEqual(named(cycleLayer(VIEW)), [
    "consistent, the target pixel has the same class",
    "consistent, the target pixel has another class or no label",
    "ends in another class",
    "starts without a label",
  ]);
  assert.deepEqual(named(coverLayer(VIEW)), [
    "chosen by a consistent cycle of its own class",
    "chosen only by those of other classes",
    "clear",
    "clear",
  ]);
  // The second target pixel: chosen by its own class first, then by another.
  const mixed = {
    ...VIEW,
    source: { ...VIEW.source, labels: [0, 1, 0, 0] },
    forward: [0, 1, 1, 3],
    outcome: [0, 0, 0, 1],
  };
  assert.equal(named(coverLayer(mixed))[1], "chosen by a consistent cycle of its own class");
  const blind = { ...VIEW, target: { ...VIEW.target, labels: null }, correct: null };
  assert.deepEqual(named(cycleLayer(blind)).slice(0, 2), ["consistent", "consistent"]);
  assert.deepEqual(named(coverLayer(blind)).slice(0, 3), [
    "chosen by a consistent cycle",
    "chosen by a consistent cycle",
    "clear",
  ]);
});

Deno.test("heat: the lowest value is darkest, the highest brightest, lightness rises all the way", () => {
  const layer = heatLayer([2, null, 4, 3]);
  assert.deepEqual([layer.low, layer.high], [2, 4]);
  assert.deepEqual(cellAt(layer, 0, [])?.colour, heat(0));
  assert.equal(cellAt(layer, 1, []), undefined);
  assert.deepEqual(cellAt(layer, 2, [])?.colour, heat(1));
  assert.equal(cellAt(layer, 9, []), undefined);
  assert.deepEqual(cellAt(heatLayer([7, 7]), 0, [])?.colour, heat(0), "all alike");
  const luminance = Array.from({ length: 101 }, (_, k) => {
    const [red, green, blue] = heat(k / 100).map((value) => (value / 255) ** 2.2) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  for (let k = 1; k < luminance.length; k++) assert.ok(luminance[k]! > luminance[k - 1]!, `${k} %`);
  assert.ok(luminance[0]! < 0.03 && luminance[100]! > 0.7);
});

const OVERVIEW: ExplorerOverview = {
  levels: [],
  checkpoints: [
    { ...LAST, id: "baseline/checkpoints/last.safetensors", name: "baseline last" },
    { ...LAST, id: "phases/warm-up/checkpoints/last.safetensors", name: "warm-up last" },
    { ...LAST, id: "checkpoints/best.safetensors", name: "best" },
    LAST,
    { ...LAST, id: "checkpoints/last.1.safetensors", name: "last.1", problem: "cut" },
  ],
  sets: [{ set: "source", images: 3, problem: null }, { set: "target", images: 3, problem: null }],
  classes: [],
  colours: null,
  ignore: 255,
  notes: [],
};

Deno.test("the first choice is the run's last weights; an address keeps a choice, and nonsense in it is passed over", () => {
  const first = firstChoice(OVERVIEW);
  assert.equal(first.checkpoint, LAST.id);
  assert.equal(firstChoice({ ...OVERVIEW, checkpoints: [] }).checkpoint, "");
  const other = {
    ...first,
    source: 2,
    start: 17,
    targetSet: "val",
    targetOverlay: "aggregation",
    opacity: 30,
  } as const;
  assert.deepEqual(choiceFrom(choiceText(other), first), other);
  assert.ok(holdsChoice(`#${choiceText(other)}`));
  assert.ok(!holdsChoice("#results-0") && !holdsChoice(""));
  const nonsense = "source=-1&start=1e9&targetSet=evil&opacity=x&targetOverlay=%3Cb%3E&unknown=1&statistics=";
  assert.deepEqual(choiceFrom(nonsense, first), first);
});
