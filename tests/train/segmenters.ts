/** Networks that are one formula, so that what is made of them can be computed another way. */
import * as tf from "@tensorflow/tfjs-core";
import type { Segmenter } from "../../core/plugin.ts";
import type { NetworkInput } from "../../datasets/evaluation.ts";

/** Logits of a pixel of an input. */
export type Logits = (
  pixel: readonly number[],
  at: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
) => readonly number[];

/** A network whose features are its logits, of every `stride`-th pixel, and the sizes of the inputs it saw as `WxH`. */
export function segmenterOf(logits: Logits, stride = 1) {
  const seen: string[] = [];
  const segmenter: Segmenter = {
    params: [],
    buffers: {},
    classify: (features) => tf.clone(features),
    forward: (batches) =>
      batches.map((images) => {
        const [, height, width] = images.shape;
        seen.push(`${width}x${height}`);
        const every = logitsOf(logits, { images: images.dataSync(), height, width });
        const taken = <T>(list: T[]) => list.filter((_, k) => k % stride === 0);
        const made = tf.tensor4d([taken(every).map(taken)]);
        return { logits: made, taps: { logits: made } };
      }),
  };
  return { network: { networks: [{ segmenter, weight: 1 }], featureTap: "logits" }, seen };
}

function logitsOf(
  logits: Logits,
  { images, height, width }: { images: ArrayLike<number>; height: number; width: number },
) {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const at = 3 * (y * width + x);
      return [...logits([images[at]!, images[at + 1]!, images[at + 2]!], { x, y, width, height })];
    }));
}

/** Probabilities [y][x][class], in plain numbers. */
export type Map3 = number[][][];

/** What a network of one formula says about an input. */
export function softmaxOf(logits: Logits, input: NetworkInput): Map3 {
  return logitsOf(logits, input).map((row) =>
    row.map((values) => {
      const powers = values.map(Math.exp);
      const sum = powers.reduce((a, b) => a + b);
      return powers.map((power) => power / sum);
    })
  );
}

/** Bilinear with half-pixel centres, pixel by pixel. */
export function resized(map: Map3, height: number, width: number): Map3 {
  const along = (from: number, to: number, k: number) => {
    const centre = Math.min(from - 1, Math.max(0, (k + 0.5) * from / to - 0.5));
    const low = Math.floor(centre);
    return { low, high: Math.min(from - 1, low + 1), share: centre - low };
  };
  return Array.from({ length: height }, (_, y) => {
    const row = along(map.length, height, y);
    return Array.from({ length: width }, (_, x) => {
      const column = along(map[0]!.length, width, x);
      return map[0]![0]!.map((_, k) => {
        const mixed = (line: number[][]) =>
          (1 - column.share) * line[column.low]![k]! + column.share * line[column.high]![k]!;
        return (1 - row.share) * mixed(map[row.low]!) + row.share * mixed(map[row.high]!);
      });
    });
  });
}

/** The mean of maps of one size. */
export function meanOf(maps: readonly Map3[]): Map3 {
  return maps[0]!.map((row, y) =>
    row.map((values, x) =>
      values.map((_, k) => maps.reduce((sum, map) => sum + map[y]![x]![k]!, 0) / maps.length)
    )
  );
}

/** Mirrored left to right. */
export function mirroredInput({ images, height, width }: NetworkInput): NetworkInput {
  const out = new Float32Array(images.length);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const x = pixel % width, to = pixel - x + width - 1 - x;
    out.set(images.subarray(3 * pixel, 3 * pixel + 3), 3 * to);
  }
  return { images: out, height, width };
}
