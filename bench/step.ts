/**
 * Seconds of one training step, ours and the PyTorch peer's, in alternating runs:
 *
 *     deno task bench step [torch_plca.py]
 *
 * Slim DeepLab-v2 (layers 1,1,1,1, width 0.5), crop 144, two images per domain, 19 classes, full objective, SGD.
 */
import { builtins } from "../builtins.ts";
import { selectBackend } from "../backends/select.ts";
import { loadRecipe } from "../config/load.ts";
import type { BackendName } from "../core/plan.ts";
import { Random } from "../core/random.ts";
import { assemble, type Run } from "../train/assemble.ts";
import { type StepInput, trainStep } from "../train/step.ts";
import { record } from "./record.ts";
import { median, medianAndRange } from "./statistics.ts";

const STEPS = 8, ROUNDS = 5;
const CROP = 144, BATCH = 2, CLASSES = 19;

const recipe = (backend: BackendName) => `
extends: street
backend: ${backend}
baseline: null
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.5 } }
optimizer: { type: sgd, options: { lr: 0.00025 } }
`;

/** The network and the batches of the step that is measured. */
export async function slimStep(backend: BackendName): Promise<{ run: Run; passes: StepInput["passes"] }> {
  const plan = await loadRecipe({ path: "bench.yaml", text: recipe(backend) }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: Deno.cwd(),
  });
  const classes = Array.from({ length: CLASSES }, (_, k) => `class ${k}`);
  const run = assemble({ ...plan, labelSpace: { name: "19", classes, ignore: 255 } }, plan.losses);
  const random = Random.stream(0, "bench");
  const size = [CROP, CROP] as const, ids = ["0", "1"];
  const images = () => Float32Array.from({ length: BATCH * CROP * CROP * 3 }, () => random.normal());
  const labels = Uint8Array.from({ length: BATCH * CROP * CROP }, () => random.integer(0, CLASSES - 1));
  const passes = [{
    source: { ids, size, labels, images: images() },
    target: { ids, size, images: images() },
  }];
  return { run, passes };
}

async function ourStep(): Promise<number[]> {
  const { run, passes } = await slimStep("native");
  const seconds: number[] = [];
  for (let step = 0; step <= STEPS; step++) {
    const started = performance.now();
    await trainStep(run, { step, steps: 100, multiplier: 1, passes });
    seconds.push((performance.now() - started) / 1000);
  }
  run.dispose();
  return seconds.slice(1);
}

async function peerStep(script: string): Promise<number> {
  const args = [script, "step", "--layers", "1,1,1,1", "--width", "0.5", "--crop", `${CROP}`];
  const { stdout } = await new Deno.Command("/usr/bin/python3", {
    args: [...args, "--batch", `${BATCH}`, "--repeat", `${STEPS}`],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).seconds_median;
}

/** Measures ours, and the peer's when its script is given. */
export async function step([script]: readonly string[]): Promise<void> {
  await selectBackend("native");
  const own: number[] = [], peer: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(median(await ourStep()));
    if (script !== undefined) peer.push(await peerStep(script));
  }
  const ratios = peer.map((seconds, k) => own[k]! / seconds);
  const cells = (values: readonly number[], digits: number) =>
    values.length > 0 ? medianAndRange(values, digits) : "not measured";
  await record("step", {
    title: "One training step",
    text: [
      `Seconds of a step, the median of ${STEPS}, and over ${ROUNDS} rounds the median and range; a round measures ours ` +
      "and then the peer. The peer is dense PyTorch.",
    ],
    columns: ["work", "plca, native", "peer", "ours/peer"],
    rows: [[
      `layers 1,1,1,1, width 0.5, crop ${CROP}, batch ${BATCH} + ${BATCH}, full objective`,
      cells(own, 3),
      cells(peer, 3),
      cells(ratios, 2),
    ]],
    commands: [`deno task bench step${script === undefined ? "" : " torch_plca.py"}`],
  });
}
