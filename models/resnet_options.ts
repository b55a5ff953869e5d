/**
 * Options that networks share: those of a bottleneck ResNet's size, and those of training with batch norms.
 */
import type { ModelPlan } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { ResnetShape } from "./resnet.ts";

const PRESETS = { resnet50: [3, 4, 6, 3], resnet101: [3, 4, 23, 3] } as const;

/** The options of a ResNet's size. */
export const sizeOptions = {
  layers: z.union([z.enum(["resnet50", "resnet101"]), z.array(z.int().min(1)).length(4)]).default("resnet101")
    .describe("blocks in each of the four stages, or a preset's name"),
  width: z.number().min(1 / 16).max(4).default(1).describe("factor on every channel count"),
};

/** The options of how a network is trained. */
export const trainingOptions = {
  batch_norm: z.enum(["train", "affine-frozen", "frozen"]).default("train").describe(
    "train: the batch's statistics while training; affine-frozen: those too, and weights and biases stay as they are; " +
      "frozen: always the running statistics",
  ),
  checkpointing: z.boolean().default(false)
    .describe(
      "keep only the blocks' inputs for the gradient and compute the rest again: less memory, more time",
    ),
};

/** A plan's `published`, where weights of a ResNet of such blocks and width are published. */
export function publishedResnet({ layers, width }: ResnetShape): Pick<ModelPlan, "published"> {
  const preset = Object.entries(PRESETS).find(([, blocks]) => String(blocks) === String(layers));
  if (preset === undefined || width !== 1) return {};
  return { published: `${preset[0].replace("resnet", "ResNet-")} trained on ImageNet` };
}

/** The number of blocks in each stage, by preset or as given. */
export function blocksOf(layers: keyof typeof PRESETS | readonly number[]): ResnetShape["layers"] {
  return typeof layers === "string" ? PRESETS[layers] : layers as unknown as ResnetShape["layers"];
}
