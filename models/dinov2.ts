import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, type ConfigPath } from "../core/errors.ts";
import { definePlugin, type ModelPlan, type Segmenter, type Setup, type TapInfo } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { drawnForOwn, solo } from "../core/world.ts";
import type { Pass } from "../ops/layers/batch_norm.ts";
import { type Layers, layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { classifier } from "./classifier.ts";
import { DINOV2_NAMES } from "./dinov2_names.ts";
import { lightHead } from "./light_head.ts";
import { visionTransformer, type VisionTransformerShape } from "./vision_transformer.ts";

/** The published sizes. */
const SIZES = {
  s: { width: 384, blocks: 12, heads: 6 },
  b: { width: 768, blocks: 12, heads: 12 },
  l: { width: 1024, blocks: 24, heads: 16 },
} as const;

const size = z.union([
  z.enum(["s", "b", "l"]),
  z.strictObject({
    width: z.int().min(4).multipleOf(4).max(4096).describe("channels of a token"),
    blocks: z.int().min(1).max(64),
    heads: z.int().min(1).max(64).describe("of attention; they divide the width"),
  }),
]);

const options = z.strictObject({
  size: size.default("b").describe("s, b or l, or numbers of one's own"),
  registers: z.int().min(0).max(64).default(0).describe(
    "tokens beside the patches: 4 in the published variant with registers, whose positions are sampled otherwise",
  ),
  patch: z.int().min(1).max(64).default(14).describe("pixels along a side of a patch"),
  table: z.int().min(1).max(256).default(37).describe(
    "patches along a side of the table of positions: 37 in published files",
  ),
  image_scale: z.number().min(0.1).max(4).default(1.1).describe(
    "images are resized to this times their sides, rounded down to whole patches",
  ),
  head: z.enum(["light", "deeplab-v2"]).default("light").describe(
    "light: VFM-UDA's, at four times the patches' resolution; deeplab-v2: summed dilated convolutions of the patches",
  ),
  aspp_rates: z.array(z.int().min(1)).min(1).max(16).default([1, 2, 3, 4]).describe(
    "dilations of head deeplab-v2, in patches",
  ),
  checkpointing: z.boolean().default(false).describe(
    "keep only the blocks' inputs for the gradient and compute the rest again: less memory, more time",
  ),
});

type Options = z.output<typeof options>;

/** The numbers of a network that no option changes, since all published sizes share them. */
export interface Dinov2Constants {
  /** The channels within the feed-forward parts are so many times the width. */
  readonly ratio: number;
  /** Of the transformer's norms. */
  readonly epsilon: number;
  /** Of the light head's norms. */
  readonly headEpsilon: number;
}

/**
 * DINOv2 (Oquab et al. 2024), a vision transformer that learned from images without labels, with VFM-UDA's
 * light head (Englert et al. 2024). Images of any size are resized bilinearly to whole patches: `image_scale`
 * times their sides, rounded down, but at least one patch. At the default, 1.1 as in VFM-UDA, no side of 140
 * pixels and more becomes smaller. Logits come at a quarter of a patch and are resized to the images by their
 * reader.
 *
 * Taps: `block0` and so on, the patches after a block through the last norm; `decoded`, what the light head
 * classifies. It has no batch norms, so it runs alike in training and evaluation, except for hidden patches.
 */
export const dinov2 = dinov2With({ ratio: 4, epsilon: 1e-6, headEpsilon: 1e-6 });

/** The plugin `dinov2` with other constants, as recorded networks may have them. */
export function dinov2With(constants: Dinov2Constants) {
  return definePlugin({
    kind: "model",
    name: "dinov2",
    summary: "DINOv2: a vision transformer of 14x14 patches, with VFM-UDA's light head; masks on tokens",
    source: "Oquab et al. 2024; Darcet et al. 2024; Englert et al. 2024",
    options,
    plan: (given, at) => dinov2Plan(given, at, constants),
  });
}

/** The plan: taps, groups and names, which are known before any weight exists. @throws ConfigError */
function dinov2Plan(given: Options, at: ConfigPath, constants: Dinov2Constants): ModelPlan {
  const sides = typeof given.size === "string" ? SIZES[given.size] : given.size;
  if (sides.width % sides.heads !== 0) {
    throw new ConfigError([{
      path: [...at, "size", "heads"],
      message: `${sides.heads} heads do not divide a width of ${sides.width}; choose a divisor of the width`,
    }]);
  }
  const shape: VisionTransformerShape = {
    ...sides,
    patch: given.patch,
    table: given.table,
    registers: given.registers,
    ratio: constants.ratio,
    epsilon: constants.epsilon,
    positions: given.registers > 0 ? { offset: 0, antialias: true } : { offset: 0.1, antialias: false },
    checkpointing: given.checkpointing,
  };
  return {
    featureTap: given.head === "light" ? "decoded" : blockTap(sides.blocks - 1),
    hides: true,
    groups: [
      ...["token", "position", "patch", "block", "block/norm", "block/scale", "norm"].map((part) =>
        `backbone/${part}`
      ),
      "head",
      ...given.head === "light" ? ["head/norm"] : [],
    ],
    ...(typeof given.size === "string" ? { published: `DINOv2 of size ${given.size}` } : {}),
    weightNames: DINOV2_NAMES,
    taps: (numClasses) => tapsOf(shape, given, numClasses),
    create: (setup) => network(setup, shape, { given, constants }),
  };
}

function blockTap(block: number): string {
  return `block${block}`;
}

/** The taps of a network. Strides are in pixels of the image, and no whole numbers if images are scaled. */
function tapsOf(
  { width, blocks, patch }: VisionTransformerShape,
  { head, image_scale }: Options,
  classes: number,
) {
  const stride = patch / image_scale, fine = head === "light" ? stride / 4 : stride;
  const logits: TapInfo = { channels: classes, stride: fine, space: "real", head: headPrefix(head) };
  return {
    ...Object.fromEntries(
      Array.from({ length: blocks }, (_, k): [string, TapInfo] => [
        blockTap(k),
        { channels: width, stride, space: "real" },
      ]),
    ),
    ...head === "light" ? { decoded: { channels: width / 4, stride: fine, space: "real" as const } } : {},
    logits,
    probabilities: { channels: classes, stride: fine, space: "simplex" as const },
  };
}

function headPrefix(head: Options["head"]): string {
  return head === "light" ? "out." : "classifier.";
}

/** A head: a map made of the last block's patches, and the logits of that map. */
interface Head {
  /** float32 [N, h, w, C] to the map that is classified. */
  decode(features: tf.Tensor4D): tf.Tensor4D;
  classify(features: tf.Tensor4D): tf.Tensor4D;
}

/** What a network is made of beside its shape. */
interface Numbers {
  readonly given: Options;
  readonly constants: Dinov2Constants;
}

/** Builds the chosen head. */
function headOf(
  layers: Layers,
  { width }: VisionTransformerShape,
  { given, constants }: Numbers,
  classes: number,
): Head {
  if (given.head === "light") return lightHead(layers, { width, classes, epsilon: constants.headEpsilon });
  const rates = given.aspp_rates;
  const classify = classifier(
    layers,
    { prefix: headPrefix(given.head), rates, bias: true, part: undefined },
    [
      width,
      classes,
    ],
  );
  return { decode: (features) => features, classify };
}

/** Allocates the network. */
function network(setup: Setup, shape: VisionTransformerShape, numbers: Numbers): Segmenter {
  const { given } = numbers;
  const layers = layersOf(setup);
  const encode = visionTransformer(layers, shape);
  const { decode, classify } = headOf(layers, shape, numbers, setup.numClasses);
  const names = Array.from({ length: shape.blocks }, (_, k) => blockTap(k));
  const run: RunNetwork = (images, pass) => {
    const [height, width] = [images.shape[1], images.shape[2]].map((side) => patchesOf(side, shape, given));
    const size = [height! * shape.patch, width! * shape.patch] as const;
    const input = size[0] === images.shape[1] && size[1] === images.shape[2]
      ? images
      : resizeBilinear(images, size);
    const wanted = names.flatMap((name, k) => !pass.taps || pass.taps.includes(name) ? [k] : []);
    const hidden = hiddenPatches([images.shape[0], height!, width!], pass);
    const { maps } = encode(input, { blocks: wanted, hidden });
    const decoded = decode(maps.get(shape.blocks - 1)!);
    const logits = classify(decoded);
    const blocks = Object.fromEntries([...maps].map(([k, map]) => [blockTap(k), map]));
    const ofHead = given.head === "light" ? { decoded } : {};
    return { logits, taps: { ...blocks, ...ofHead, logits, probabilities: tf.softmax(logits) } };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify,
    forward: forwardTogether(run, { batch: false }),
  };
}

/** How many patches a side of so many pixels becomes. */
function patchesOf(
  side: number,
  { patch }: Pick<VisionTransformerShape, "patch">,
  { image_scale }: Pick<Options, "image_scale">,
): number {
  return Math.max(1, Math.floor(side * image_scale / patch));
}

/**
 * float32 [N, h, w]: 1 for hidden patches, each drawn with the probability that its part of the batch asks
 * for; undefined if none is hidden.
 */
function hiddenPatches(
  [count, h, w]: readonly [number, number, number],
  { random, hide, world = solo }: Pass,
): tf.Tensor3D | undefined {
  if (random === undefined || hide === undefined) return undefined;
  const data = new Float32Array(count * h * w);
  let at = 0;
  random.images.forEach((images, part) => {
    const share = hide[part]!, end = at + images * h * w;
    // A part that hides nothing draws nothing, so what it draws elsewhere does not depend on who is beside
    // it.
    const drawn = () => Number(random.streams[part]!.next() < share);
    if (share > 0) data.set(drawnForOwn(end - at, world, drawn), at);
    at = end;
  });
  return tf.tensor3d(data, [count, h, w]);
}
