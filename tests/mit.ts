/** The recorded Mix Transformers: what their cases say beside the tensors. */
import * as tf from "@tensorflow/tfjs-core";
import type { ModelPlan } from "../core/plugin.ts";
import { Registry } from "../core/registry.ts";
import { mitWith } from "../models/mit.ts";
import type { FuseOrder } from "../models/mit_heads.ts";
import { mixTransformer, type MixTransformerShape } from "../models/mix_transformer.ts";
import type { Layers } from "../ops/layers/scope.ts";
import { layersOf } from "../ops/layers/scope.ts";
import { assignStored } from "../train/checkpoint.ts";
import type { StoredTensor } from "../weights/stored_tensor.ts";
import type { BackboneCase } from "./backbones.ts";

/** The numbers of a recorded network. */
export interface MitOptions extends Pick<MixTransformerShape, "dims" | "blocks" | "heads" | "reductions"> {
  readonly mlp_ratio: number;
  readonly eps: MixTransformerShape["epsilon"];
  readonly training?: boolean;
  /** Of every block. */
  readonly drop_path?: readonly number[];
  readonly dropout?: number;
  readonly classes?: number;
  readonly head_width?: number;
  /** The stages in the order in which the head puts them together, counted from 1. */
  readonly concat?: readonly number[];
}

/** A case of a Mix Transformer. */
export interface MitCase extends BackboneCase {
  readonly options: MitOptions;
}

/** The encoder of these numbers. */
export function encoderShape({ mlp_ratio, eps, drop_path, ...numbers }: MitOptions): MixTransformerShape {
  const { dims, blocks, heads, reductions } = numbers;
  return {
    dims,
    blocks,
    heads,
    reductions,
    ratio: mlp_ratio,
    dropPath: drop_path?.at(-1) ?? 0,
    epsilon: eps,
    checkpointing: false,
  };
}

/** The head of a recorded network, by what its weights are called. */
function headOf({ weights = {} }: MitCase): "segformer" | "daformer" {
  return Object.keys(weights).some((name) => name.startsWith("decode_head.embed_layers."))
    ? "daformer"
    : "segformer";
}

/** The order in which the head puts the stages together, counted from 0. */
export function fuseOrder({ options }: MitCase): FuseOrder {
  return options.concat!.map((stage) => stage - 1);
}

/** The model `mit` with all recorded numbers. @param more options that the case has otherwise, or not at all */
export function mitPlanOf(one: MitCase, more: object = {}): ModelPlan {
  const { dims, blocks, heads, reductions, head_width, concat, mlp_ratio: ratio, eps: epsilon } = one.options;
  const head = headOf(one);
  const finestFirst = head === "segformer" && concat?.[0] === 1;
  const options = {
    ...{ dims, blocks, heads, reductions, head, head_width },
    ...(finestFirst ? { fuse_order: "finest-first" } : {}),
    ...more,
  };
  return new Registry([mitWith({ ratio, epsilon })]).plan("model", { type: "mit", options });
}

/** As many classes as the recorded network tells apart. */
export function recordedSpace({ options }: MitCase) {
  const classes = Array.from({ length: options.classes! }, (_, k) => `class ${k}`);
  return { name: "recorded", classes, ignore: 255 };
}

/** Layers that belong to the test. @param classes the network's */
export function looseLayers(classes = 1): Layers {
  return layersOf({
    seed: 0,
    numClasses: classes,
    variable: (_, initial, trainable) => tf.variable(initial, trainable),
  });
}

/** The encoder alone, with the recorded numbers added to variances and weights by their names after `backbone.`. */
export function encoderOf(
  options: MitOptions,
  { checkpointing, weight }: { readonly checkpointing: boolean; weight(name: string): StoredTensor },
) {
  const layers = looseLayers();
  const encode = mixTransformer(layers, { ...encoderShape(options), checkpointing });
  fill(layers, (name) => weight(name.replace(/^backbone\./, "")));
  return { layers, encode };
}

/** Gives every parameter and buffer its tensor. */
export function fill({ params, buffers }: Layers, weight: (name: string) => StoredTensor): void {
  const all = [...params, ...Object.entries(buffers).map(([name, value]) => ({ name, value }))];
  for (const { name, value } of all) {
    assignStored({ name, variable: value, filter: value.rank === 4 }, weight(name));
  }
}

/** A tensor's values and shape as PyTorch keeps them. */
export function asStored(x: tf.Tensor): { readonly shape: number[]; readonly values: ArrayLike<number> } {
  return tf.tidy(() => {
    const y = x.rank === 4 ? tf.transpose(x, [3, 2, 0, 1]) : x;
    return { shape: y.shape, values: y.dataSync() };
  });
}
