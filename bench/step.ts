/**
 * Seconds of one training step, ours and the PyTorch peer's, in alternating runs:
 *
 *     deno run --allow-read --allow-env --allow-ffi --allow-sys --allow-run bench/step.ts [torch_plca.py]
 *
 * Slim DeepLab-v2 (layers 1,1,1,1, width 0.5), crop 144, two images per domain, 19 classes, full objective, SGD.
 */
import { builtins } from "../builtins.ts";
import { selectBackend } from "../backends/select.ts";
import { loadRecipe } from "../config/load.ts";
import { Random } from "../core/random.ts";
import { assemble } from "../train/assemble.ts";
import { trainStep } from "../train/step.ts";

const STEPS = 8, ROUNDS = 3;
const CROP = 144, BATCH = 2, CLASSES = 19;

const RECIPE = `
extends: street
backend: native
baseline: null
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.5 } }
optimizer: { type: sgd, options: { lr: 0.00025 } }
`;

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function ourStep(): Promise<number[]> {
  const plan = await loadRecipe({ path: "bench.yaml", text: RECIPE }, {
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

const [script] = Deno.args;
await selectBackend("native");
const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const ours = median(await ourStep());
  if (script === undefined) {
    console.log(`plca ${ours.toFixed(3)} s`);
    continue;
  }
  const peer = await peerStep(script);
  ratios.push(ours / peer);
  console.log(`plca ${ours.toFixed(3)} s, peer ${peer.toFixed(3)} s, ratio ${(ours / peer).toFixed(2)}`);
}
if (ratios.length > 0) console.log(`median ratio ${median(ratios).toFixed(2)}`);
