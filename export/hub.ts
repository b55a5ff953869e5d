/**
 * A folder that can be pushed to a hub of models as it is: weights, configuration, ONNX files, recipe and
 * model card. If transformers has the same network, weights and configuration are in its layout, and two
 * lines of Python load it; else they are in plca's own, and plca loads it.
 */
import type { TransformersLayout } from "../core/hub.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { Normalization } from "../core/plan.ts";
import { torchStateDict } from "../weights/export.ts";
import { encodeSafetensors } from "../weights/safetensors.ts";
import { type StoredTensor, toFloat32 } from "../weights/stored_tensor.ts";
import { type CardFacts, modelCard } from "./model_card.ts";
import type { PageFile } from "./page.ts";

/** Everything the folder is made of. */
export interface HubParts {
  /** The network's tensors by its own state-dict names. */
  readonly state: ReadonlyMap<string, StoredTensor>;
  /** The network in transformers; absent if it has none like it, or cannot prepare images for it. */
  readonly layout?: TransformersLayout | undefined;
  readonly model: { readonly type: string; readonly options: unknown };
  readonly labelSpace: LabelSpace;
  readonly normalization: Normalization;
  /** Height and width to which images are resized for the network. */
  readonly size: readonly [number, number];
  /** ONNX files by path in the folder. */
  readonly onnx: ReadonlyMap<string, Uint8Array>;
  /** The recipe as YAML, in which no path of this machine stands. */
  readonly recipe: string;
  readonly card: CardFacts;
}

/** The file of weights in the folder. */
const HUB_WEIGHTS = "model.safetensors";

/** The recipe in the folder; the commands of the model card name it. */
export const HUB_RECIPE = "recipe.yaml";

/** Every file of the folder. */
export function hubFiles(parts: HubParts): readonly PageFile[] {
  const { layout, card, onnx, recipe } = parts;
  const json = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  return [
    { path: "README.md", bytes: new TextEncoder().encode(modelCard(card)) },
    { path: "config.json", bytes: json(configOf(parts)) },
    { path: "preprocessor_config.json", bytes: json(preprocessorOf(parts)) },
    {
      path: HUB_WEIGHTS,
      bytes: encodeSafetensors({
        tensors: torchStateDict(layout ? inLayout(parts.state, layout) : parts.state),
        // transformers refuses a file without this entry.
        metadata: { format: "pt" },
      }),
    },
    { path: HUB_RECIPE, bytes: new TextEncoder().encode(recipe) },
    ...[...onnx].map(([path, bytes]) => ({ path, bytes })),
  ];
}

/** The tensors as transformers keeps them. */
function inLayout(
  state: ReadonlyMap<string, StoredTensor>,
  layout: TransformersLayout,
): Map<string, StoredTensor> {
  const floats = new Map(
    [...state].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]),
  );
  return new Map(
    [...layout.tensors(floats)].map(([name, { shape, data }]): [string, StoredTensor] => [
      name,
      { dtype: "F32", shape, data: data as Float32Array<ArrayBuffer> },
    ]),
  );
}

/** config.json: transformers' own, or the model plugin with its options; and the classes. */
function configOf({ layout, model, labelSpace: { classes, ignore } }: HubParts): Record<string, unknown> {
  const named = {
    id2label: Object.fromEntries(classes.map((name, id) => [id, name])),
    label2id: Object.fromEntries(classes.map((name, id) => [name, id])),
  };
  return layout
    ? { ...layout.config, semantic_loss_ignore_index: ignore, ...named }
    : { library_name: "plca", model_type: model.type, options: model.options, ...named };
}

/** preprocessor_config.json: how images become the network's input. */
function preprocessorOf(
  { layout, normalization: { order, scale, mean, deviation }, size: [height, width] }: HubParts,
): Record<string, unknown> {
  return {
    ...(layout ? { image_processor_type: layout.imageProcessor } : { channel_order: order }),
    do_resize: true,
    size: { height, width },
    // Bilinear.
    resample: 2,
    do_rescale: true,
    rescale_factor: scale,
    do_normalize: true,
    image_mean: mean,
    image_std: deviation,
    do_reduce_labels: false,
  };
}
