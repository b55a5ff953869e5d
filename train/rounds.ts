/**
 * Exchange of images during an evaluation by several processes. In a round each process predicts at most one
 * image; these functions give the results of all to whoever needs them, in the order of the images, so that
 * sums and pictures are those that a single process would make.
 *
 * evaluate.ts calls them in each round, also in processes that have no image in it.
 */
import { exchangeJson, type World } from "../core/world.ts";
import type { Grid } from "../ops/resize_bilinear.ts";
import type { ValidatedImage } from "../report/logger.ts";

/**
 * The probabilities of all images of a round, in the order of the images. All processes must call it.
 * @param own those of this process's image; none where it has no image
 */
export function allGrids(world: World, own: readonly Grid[]): readonly Grid[] {
  if (world.size === 1) return own;
  const shapes = exchangeJson(world, own.map(({ height, width, channels }) => ({ height, width, channels })));
  const data = world.exchange(bytesOf(own.map((grid) => grid.data)));
  return shapes.flatMap((grids, rank) => {
    const all = floatsOf(data[rank]!);
    let at = 0;
    return grids.map((grid) => ({
      ...grid,
      data: all.subarray(at, at += grid.height * grid.width * grid.channels),
    }));
  });
}

/**
 * Calls `show` in the first process with each image of a round, in their order. All processes must call it.
 * @param own this process's image; undefined where it has none
 */
export function showRound(
  world: World,
  own: ValidatedImage | undefined,
  show: (image: ValidatedImage, k: number) => void,
): void {
  if (world.size === 1) {
    if (own) show(own, 0);
    return;
  }
  const shapes = exchangeJson(
    world,
    own && {
      input: { height: own.input.height, width: own.input.width },
      labelHeight: own.labelHeight,
      labelWidth: own.labelWidth,
    },
  );
  const images = world.exchange(own ? bytesOf([own.input.images]) : new Uint8Array(0));
  const labels = world.exchange(own ? Uint8Array.from(own.labels) : new Uint8Array(0));
  const predictions = world.exchange(own ? Uint8Array.from(own.predictions) : new Uint8Array(0));
  if (world.rank > 0) return;
  shapes.forEach((shape, k) => {
    if (!shape) return;
    const input = { ...shape.input, images: floatsOf(images[k]!) };
    show({ ...shape, input, labels: labels[k]!, predictions: predictions[k]! }, k);
  });
}

function bytesOf(parts: readonly Float32Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return all;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
