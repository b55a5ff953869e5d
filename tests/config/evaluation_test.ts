import assert from "node:assert/strict";
import { stringify } from "yaml";
import { load, mistakes } from "./fakes.ts";

Deno.test("flip, scales and windows are off unless the recipe says so", async () => {
  const { evaluation: { labelFree, ...evaluation }, resolved } = await load({});
  assert.deepEqual(evaluation, { labelSize: "original" });
  assert.equal(labelFree?.similarity.accepts, "real");
  assert.deepEqual(resolved["evaluation"], {
    label_size: "original",
    aggregation: false,
    label_free: { features: "cosine" },
    flip: false,
    scales: [1],
    window: false,
  });
});

Deno.test("flip, scales and windows are planned, and the resolved recipe plans the same", async () => {
  const set = [
    "evaluation={label_free: false, flip: true, scales: [0.5, 1], window: {size: [30, 40], stride: 20}}",
  ];
  const expected = {
    labelSize: "original",
    flip: true,
    scales: [0.5, 1],
    window: { size: [30, 40], stride: [20, 20] },
  };
  const first = await load({ set });
  assert.deepEqual(first.evaluation, expected);
  const files = { "/runs/a/config.yaml": stringify(first.resolved) };
  assert.deepEqual((await load({ path: "runs/a/config.yaml", files })).evaluation, expected);
});

Deno.test("mistakes in flip, scales and windows", async () => {
  assert.equal(
    await mistakes({ set: ["evaluation={flip: 7, scales: [0], window: {size: 3}}"] }),
    "--set evaluation evaluation.flip: expected true or false: it is 7\n" +
      "--set evaluation evaluation.scales[0]: must be more than 0: it is 0\n" +
      "--set evaluation evaluation.window.stride: is missing; expected a number or a list",
  );
  assert.equal(
    await mistakes({ set: ["evaluation.scales=[1, 0.5, 1]"] }),
    "--set evaluation.scales: expected different factors: it is [1, 0.5, 1]",
  );
  assert.equal(
    await mistakes({ set: ["evaluation.window={size: [30, 40], stride: [30, 41]}"] }),
    "--set evaluation.window evaluation.window.stride: expected at most the window's size [30, 40], or pixels " +
      "between windows would have no prediction: it is [30, 41]",
  );
});
