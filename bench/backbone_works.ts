/**
 * The operators of a Mix Transformer at the sizes they have in it: what bench/backbone_operators.ts measures.
 */

/** One operator, as both sides read it. */
export interface OperatorWork {
  readonly title: string;
  readonly operator: "layer_norm" | "gelu" | "linear" | "depthwise" | "attention" | "convolution";
  /** Of the input: tokens [N, T, C], or a map [N, H, W, C]. */
  readonly shape: readonly number[];
  /** Outputs of linear maps and convolutions. */
  readonly outputs?: number;
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly heads?: number;
  /** Keys of attention. */
  readonly keys?: number;
}

/** What a stage is made of. Head sizes and reductions follow from `width`, `heads` and `keys`. */
interface Stage {
  readonly images: number;
  readonly sides: readonly [number, number];
  readonly width: number;
  readonly heads: number;
  readonly reduction: number;
}

function stageWorks(name: string, { images, sides: [height, width], ...stage }: Stage): OperatorWork[] {
  const { width: channels, heads, reduction } = stage;
  const pixels = height * width, keys = pixels / reduction ** 2, inner = 4 * channels;
  const tokens = [images, pixels, channels], wide = [images, pixels, inner];
  return [
    { title: `${name}: layer norm`, operator: "layer_norm", shape: tokens },
    { title: `${name}: linear, query`, operator: "linear", shape: tokens, outputs: channels },
    { title: `${name}: attention`, operator: "attention", shape: tokens, heads, keys },
    ...(reduction === 1 ? [] : [{
      title: `${name}: reduction`,
      operator: "convolution" as const,
      shape: [images, height, width, channels],
      outputs: channels,
      kernel: reduction,
      stride: reduction,
      padding: 0,
    }]),
    { title: `${name}: linear, fc1`, operator: "linear", shape: tokens, outputs: inner },
    {
      title: `${name}: depthwise 3x3`,
      operator: "depthwise",
      shape: [images, height, width, inner],
      kernel: 3,
      stride: 1,
      padding: 1,
    },
    { title: `${name}: GELU`, operator: "gelu", shape: wide },
    { title: `${name}: linear, fc2`, operator: "linear", shape: wide, outputs: channels },
  ];
}

/** MiT-B0 at crop 256, four images, and B2 on an image of 1024x512. */
export const BACKBONE_WORKS: readonly OperatorWork[] = [
  {
    title: "B0 stage 1: patches 7x7",
    operator: "convolution",
    shape: [4, 256, 256, 3],
    outputs: 32,
    kernel: 7,
    stride: 4,
    padding: 3,
  },
  ...stageWorks("B0 stage 1", { images: 4, sides: [64, 64], width: 32, heads: 1, reduction: 8 }),
  {
    title: "B0 stage 2: patches 3x3",
    operator: "convolution",
    shape: [4, 64, 64, 32],
    outputs: 64,
    kernel: 3,
    stride: 2,
    padding: 1,
  },
  ...stageWorks("B0 stage 2", { images: 4, sides: [32, 32], width: 64, heads: 2, reduction: 4 }),
  ...stageWorks("B0 stage 3", { images: 4, sides: [16, 16], width: 160, heads: 5, reduction: 2 }),
  ...stageWorks("B0 stage 4", { images: 4, sides: [8, 8], width: 256, heads: 8, reduction: 1 }),
  ...stageWorks("B2 stage 1", { images: 1, sides: [128, 256], width: 64, heads: 1, reduction: 8 }),
  ...stageWorks("B2 stage 3", { images: 1, sides: [32, 64], width: 320, heads: 5, reduction: 2 }),
];
