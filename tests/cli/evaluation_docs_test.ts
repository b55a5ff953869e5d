import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { inFolder } from "./fake_host.ts";

const text = await Deno.readTextFile(fileURLToPath(new URL("../../docs/evaluation.md", import.meta.url)));

const load = (path: string, cwd: string) =>
  loadRecipe({ path }, { registry: builtins(), readText: (file) => Deno.readTextFile(file), cwd });

Deno.test("docs/evaluation.md has a row for every option of `evaluation`, with its default", async () => {
  const rows = [...text.matchAll(/^\| `([a-z_]+)` +\| (\S+)/gm)].map(([, key, value]) => [key, value]);
  const { resolved } = await load("street", ".");
  const defaults = Object.entries(resolved["evaluation"] as object);
  for (const [key, value] of defaults) {
    const written = typeof value === "string" ? value : JSON.stringify(value);
    assert.deepEqual(rows.find(([name]) => name === key), [key, `\`${written}\``]);
  }
  // These are absent unless they are given.
  assert.deepEqual(
    rows.map(([key]) => key).toSorted(),
    ["average", "ensemble", "heads", "limit", "network", "size", ...defaults.map(([key]) => key)].toSorted(),
  );
});

Deno.test("the published protocol of docs/evaluation.md is a part of a recipe", () =>
  inFolder(async (folder) => {
    const [, part] = /^```yaml\n(.*?)^```$/ms.exec(text)!;
    await Deno.writeTextFile(join(folder, "own.yaml"), `extends: street\n${part}`);
    const { evaluation } = await load("own.yaml", folder);
    const { aggregation, labelFree: _, ...rest } = evaluation;
    assert.deepEqual(rest, { size: [730, 1460], labelSize: "original" });
    assert.deepEqual(
      [aggregation!.alpha, aggregation!.features.accepts, aggregation!.predictions.accepts],
      [0.5, "real", "simplex"],
    );
  }));

Deno.test("docs/evaluation.md names the subsets that label spaces have", () => {
  for (const [name, space] of Object.entries(CITYSCAPES_SPACES)) {
    if (!("subsets" in space) || !space.subsets) continue;
    assert.ok(text.includes(`\`${name}\``), name);
    for (const subset of space.subsets) assert.ok(text.includes(`\`${subset.name}\``), subset.name);
  }
});
