/** A run on a transformer: trained, evaluated on images of other sizes, and its associations looked at. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openExplorer } from "../../explore/explorer.ts";
import { inFolder, plca } from "../cli/fake_host.ts";
import { planOfRun } from "./trained_run.ts";

const STREET = "type: street, width: 50, height: 33";

/** Crops and images of no whole patches. @param network what the recipe says of it */
const recipe = (extended: string, network: string) =>
  `extends: ${extended}
backend: wasm
baseline: null
data:
  source: { ${STREET}, domain: day, split: train, count: 4 }
  target: { ${STREET}, domain: dusk, split: train, count: 4 }
  val: { ${STREET}, domain: dusk, split: val, count: 2 }
  test: null
input: { crop: [31, 45] }
${network}
training: { steps: 2, batch: 2 }
evaluation: { aggregation: { alpha: 0.5 } }
`;

interface Transformer {
  readonly text: string;
  /** What the explorer can show, with the pixels of the target's map. */
  readonly levels: Readonly<Record<string, number>>;
}

const MIT = "model: { options: { dims: [4, 8, 10, 16], blocks: [1, 1, 1, 1], head_width: 8 } }\n" +
  "losses: { association: { options: { levels: [{ tap: stage1, similarity: cosine }, { tap: stage2, similarity: cosine }, " +
  "{ tap: stage3, similarity: negative-euclidean }, { tap: stage4, similarity: cosine }, { tap: fused, similarity: cosine }, " +
  "{ tap: probabilities, similarity: negative-kl }] } } }";

const TRANSFORMERS: Readonly<Record<string, Transformer>> = {
  // 50x33 pixels, 1.1 times in whole patches: 3x2, and logits at a quarter of a patch.
  dinov2: {
    text: recipe("street_dinov2", "model: { options: { size: { width: 16, blocks: 4, heads: 2 } } }"),
    levels: { block3: 6, probabilities: 96 },
  },
  // 13x9, 7x5, 4x3 and 2x2 of 50x33 pixels.
  "Mix Transformer": {
    text: recipe("street_mit", MIT),
    levels: { stage1: 117, stage2: 35, stage3: 12, stage4: 4, fused: 117, probabilities: 117 },
  },
};

for (const [name, { text, levels: expected }] of Object.entries(TRANSFORMERS)) {
  Deno.test({
    name: `a run of a ${name} is trained, evaluated, reported, and its associations are shown at its patches`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolder(async (parent) => {
        await Deno.writeTextFile(join(parent, "tiny.yaml"), text);
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
          assert.deepEqual(levels.map(({ tap }) => tap), Object.keys(expected));
          for (const [level, pixels] of Object.values(expected).entries()) {
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
}
