/** A run on a transformer: trained, evaluated on images of other sizes, viewed, and its associations looked at. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openExplorer } from "../../explore/explorer.ts";
import { readWeights } from "../../weights/read.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { inFolder, plca } from "../cli/fake_host.ts";
import { viewing } from "../cli/viewing.ts";
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

/** Pixels of the second target image as \`plca view\` shows them, and how many images it predicts. */
async function viewed(parent: string, level: number) {
  let pixels = 0, predicted = 0;
  const { stderr } = await viewing(["run"], parent, async (address) => {
    const ask = async (path: string) => {
      const response = await fetch(address + path), body = await response.json();
      assert.equal(response.status, 200, JSON.stringify(body));
      return body;
    };
    const { report } = await ask("api/run");
    assert.deepEqual(
      report.runs[0].phases.map(({ step, steps }: { step: number; steps: number }) => [step, steps]),
      [[2, 2]],
    );
    const pair =
      "checkpoint=checkpoints%2Flast.safetensors&statistics=running&source=1&targetSet=target&target=2";
    pixels = (await ask(`api/level?${pair}&level=${level}`)).outcome.length;
    predicted = (await ask("api/pictures")).pictures.of;
  });
  assert.equal(stderr, "");
  return { pixels, predicted };
}

/** Trains at a rate that leaves no step but the first: it ends at the second, and its weights are kept. */
async function assertGuarded(parent: string) {
  const rate = ["--set", "optimizer.options.lr=1.0e+30", "--set", "schedule={type: constant}"];
  const { code, stderr } = await plca(["train", "tiny.yaml", "--run", "broken", ...rate], { cwd: parent });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^loss "[\w-]+" \(.*\) is (?:NaN|infinite) at step 2$/m);
  const [, path] = /^the weights after step 1 lie in (.*)$/m.exec(stderr) ?? [];
  assert.ok(path, stderr);
  const { tensors } = readWeights(await Deno.readFile(path), path);
  for (const [name, tensor] of tensors) assert.ok(toFloat32(tensor.read()).every(Number.isFinite), name);
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
    name: `a run of a ${name} is trained, evaluated, reported, viewed, and shows associations at its patches`,
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
        const { pixels, predicted } = await viewed(parent, 0);
        assert.deepEqual([pixels, predicted], [Object.values(expected)[0], 2]);
        await assertGuarded(parent);
      }),
  });
}
