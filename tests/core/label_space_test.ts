/** When two label spaces mean the same. */
import assert from "node:assert/strict";
import { LABEL_FREE, LABEL_FREE_SERIES } from "../../core/label_free.ts";
import { sameClasses } from "../../core/label_space.ts";
import { PredictionMeasures } from "../../metrics/label_free.ts";

const space = { name: "a", classes: ["road", "car"], ignore: 255 };

Deno.test("sameClasses: names, their order and the ignored id count; colours and the space's name do not", () => {
  assert.ok(sameClasses(space, { ...space, name: "b", colours: [[0, 0, 0]], storedIds: [7, 26] }));
  assert.ok(!sameClasses(space, { ...space, ignore: 254 }));
  assert.ok(!sameClasses(space, { ...space, classes: ["car", "road"] }));
  assert.ok(!sameClasses(space, { ...space, classes: ["road"] }));
  assert.ok(!sameClasses({ ...space, classes: ["road"] }, space));
  assert.ok(sameClasses({ ...space, classes: [] }, { ...space, classes: [] }));
});

Deno.test("LABEL_FREE lists every measure that predictions have, and how it is better", () => {
  const measures = new PredictionMeasures(1);
  measures.add({ channels: 2, data: Float32Array.of(1, 0, 0.5, 0.5, 0, 1) });
  const names = LABEL_FREE.map(({ name }) => name);
  for (const name of Object.keys(measures.measures())) assert.ok(names.includes(name), name);
  assert.deepEqual(LABEL_FREE.filter(({ better }) => better === "low").map(({ name }) => name), ["entropy"]);
  assert.equal(LABEL_FREE_SERIES, "labelFree/");
});
