/** The training step that benchmarks measure: random images and labels, the full objective, SGD. */
import { builtins } from "../builtins.ts";
import { loadRecipe } from "../config/load.ts";
import { type BackendName, lastPhase, type RunPlan } from "../core/plan.ts";
import { Random } from "../core/random.ts";
import { assemble, type Run } from "../train/assemble.ts";
import type { StepInput } from "../train/step.ts";

/** The number of classes, that of Cityscapes. */
export const CLASSES = 19;

/** A model that is measured, each line in YAML. */
export interface MeasuredModel {
  readonly model: string;
  /** The tap whose features are associated. */
  readonly tap: string;
  readonly optimizer: string;
}

/** DeepLab-v2, trained by SGD. @param options in YAML */
export function deeplab(options: string): MeasuredModel {
  return {
    model: `{ type: deeplab-v2, options: ${options} }`,
    tap: "layer4",
    optimizer: "{ type: sgd, options: { lr: 0.00025 } }",
  };
}

/** A Mix Transformer with SegFormer's head, trained by AdamW. @param size `b0` to `b5` */
export function mixTransformer(size: string): MeasuredModel {
  return {
    model: `{ type: mit, options: { size: ${size}, head: segformer } }`,
    tap: "fused",
    optimizer: "{ type: adamw, options: { lr: 0.0006, weight_decay: 0.01 } }",
  };
}

/** The default recipe's plan with another model. */
export async function modelPlan(
  backend: BackendName,
  { model, tap, optimizer }: MeasuredModel,
): Promise<RunPlan> {
  const text = `
extends: street
backend: ${backend}
baseline: null
model: ${model}
losses:
  association:
    options:
      levels:
        - { tap: ${tap}, similarity: cosine }
        - { tap: probabilities, similarity: negative-kl }
optimizer: ${optimizer}
`;
  const plan = await recipePlan(text);
  const classes = Array.from({ length: CLASSES }, (_, k) => `class ${k}`);
  return { ...plan, labelSpace: { name: "19", classes, ignore: 255 } };
}

/** The plan of a recipe. @param text in YAML */
export async function recipePlan(text: string): Promise<RunPlan> {
  return await loadRecipe({ path: "bench.yaml", text }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: Deno.cwd(),
  });
}

/** The network and the batches of a step, on the current backend. Sides in pixels, images per domain. */
export async function trainingStep({ backend, model, crop, batch }: {
  readonly backend: BackendName;
  readonly model: MeasuredModel;
  readonly crop: number;
  readonly batch: number;
}): Promise<{ run: Run; passes: StepInput["passes"] }> {
  const plan = await modelPlan(backend, model);
  return {
    run: assemble(plan, lastPhase(plan)),
    passes: [randomBatches(Random.stream(0, "bench"), { crop, batch })],
  };
}

/** An update of gtav_to_cityscapes as published but for its weights and images, which are random. */
export async function publishedUpdate(
  { recipe = "gtav_to_cityscapes", crop, batch, passes, checkpointing, seed = 0 }: {
    /** That recipe, or one that extends it. */
    readonly recipe?: string;
    readonly crop: number;
    readonly batch: number;
    readonly passes: number;
    readonly checkpointing: boolean;
    /** Of the images. */
    readonly seed?: number;
  },
): Promise<{ run: Run; passes: StepInput["passes"] }> {
  const text = `
extends: ${recipe}
data: { root: . }
model: { options: { checkpointing: ${checkpointing} } }
`;
  const plan = await recipePlan(text);
  const random = Random.stream(seed, "bench");
  return {
    run: assemble(plan, lastPhase(plan)),
    passes: Array.from({ length: passes }, () => randomBatches(random, { crop, batch })),
  };
}

/** Random images, and labels of the source's. @param batch images of each domain */
export function randomBatches(
  random: Random,
  { crop, batch }: { readonly crop: number; readonly batch: number },
): StepInput["passes"][number] {
  const size = [crop, crop] as const, ids = Array.from({ length: batch }, (_, k) => String(k));
  const pixels = batch * crop * crop;
  const images = () => Float32Array.from({ length: 3 * pixels }, () => random.normal());
  const labels = Uint8Array.from({ length: pixels }, () => random.integer(0, CLASSES - 1));
  return { source: { ids, size, labels, images: images() }, target: { ids, size, images: images() } };
}
