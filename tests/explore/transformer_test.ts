/** A run on a transformer: trained, evaluated on images of other sizes, and its associations looked at. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openExplorer } from "../../explore/explorer.ts";
import { inFolder, plca } from "../cli/fake_host.ts";
import { planOfRun } from "./trained_run.ts";

const STREET = "type: street, width: 50, height: 33";

/** Crops and images of no whole patches. */
const RECIPE = `extends: street_dinov2
backend: wasm
baseline: null
data:
  source: { ${STREET}, domain: day, split: train, count: 4 }
  target: { ${STREET}, domain: dusk, split: train, count: 4 }
  val: { ${STREET}, domain: dusk, split: val, count: 2 }
  test: null
input: { crop: [31, 45] }
model: { options: { size: { width: 16, blocks: 4, heads: 2 } } }
training: { steps: 2, batch: 2 }
evaluation: { aggregation: { alpha: 0.5 } }
`;

Deno.test({
  name: "a transformer's run is trained, evaluated, reported, and its associations are shown at its patches",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    inFolder(async (parent) => {
      await Deno.writeTextFile(join(parent, "tiny.yaml"), RECIPE);
      const done = await plca(["train", "tiny.yaml", "--run", "run"], { cwd: parent });
      assert.equal(done.code, 0, done.stderr);
      const folder = join(parent, "run");
      for (
        const args of [["eval", "--run", folder, "--split", "val"], ["report", folder, "--out", "r.html"]]
      ) {
        const outcome = await plca(args, { cwd: parent });
        assert.equal(outcome.code, 0, outcome.stderr);
      }
      const explorer = openExplorer(await planOfRun(folder), {
        folder,
        files: diskFiles(),
        ready: () => selectBackend("wasm"),
      });
      try {
        const { levels } = await explorer.overview();
        assert.deepEqual(levels.map(({ tap }) => tap), ["block3", "probabilities"]);
        // 50x33 pixels, 1.1 times in whole patches: 3x2, and logits at a quarter of a patch.
        for (const [level, pixels] of [6, 96].entries()) {
          const view = await explorer.level({
            checkpoint: "checkpoints/last.safetensors",
            statistics: "running",
            source: 1,
            targetSet: "target",
            target: 2,
            level,
          }, new AbortController().signal);
          assert.equal(view.outcome.length, pixels);
        }
      } finally {
        explorer.dispose();
      }
    }),
});
