/** Of every built-in plugin: an option that it does not have is named with its line and column in the recipe. */
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { optionsSchema } from "../../config/entry_schema.ts";
import { loadRecipe } from "../../config/load.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Kind } from "../../core/plugin.ts";

const registry = builtins();

/** Where a recipe names a plugin: the entry in its place, and the path of its options. */
const PLACES: Readonly<Record<Kind, (entry: string) => readonly [text: string, path: string]>> = {
  loss: (entry) => [`losses: [${entry}]`, "losses[0].options"],
  similarity: (entry) => [
    `losses: [{ type: association, options: { levels: [{ tap: layer4, similarity: ${entry} }] } }]`,
    "losses[0].options.levels[0].similarity.options",
  ],
  model: (entry) => [`model: ${entry}`, "model.options"],
  // Options of datasets may stand beside the type.
  dataset: (entry) => [`data: { source: ${entry} }`, "data.source"],
  optimizer: (entry) => [`optimizer: ${entry}`, "optimizer.options"],
  schedule: (entry) => [`schedule: ${entry}`, "schedule.options"],
  stream: (entry) => [`streams: { mine: ${entry} }`, "streams.mine.options"],
  network: (entry) => [`networks: { mine: ${entry} }`, "networks.mine.options"],
  job: (entry) => [`phases: [{ name: only, before: [${entry}] }]`, "phases[0].before[0].options"],
};

for (const { kind, name, options } of registry.all()) {
  Deno.test(`${kind} ${name}: an unknown option is named with its line and column, and those that there are`, async () => {
    const [text, path] = PLACES[kind](`{ type: ${name}, options: { nonsense: 1 } }`);
    const load = loadRecipe({ path: "/mine.yaml" }, {
      registry,
      cwd: "/",
      readText: () => Promise.resolve(`# A recipe.\n${text}\n`),
      overrides: [],
    });
    const known = Object.keys(optionsSchema(options)["properties"] as object);
    const others = known.length > 0 ? `; expected one of ${known.join(", ")}` : "";
    const column = text.indexOf("nonsense") + 1;
    await assert.rejects(load, (error) => {
      assert.ok(error instanceof ConfigError);
      // The rest of the recipe is missing, which other lines say.
      const lines = error.message.split("\n").filter((line) => line.includes("nonsense"));
      assert.deepEqual(lines, [`mine.yaml:2:${column} ${path}.nonsense: unknown key${others}`]);
      return true;
    });
  });
}
