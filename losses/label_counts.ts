import { UserError } from "../core/errors.ts";
import type { BeginTools } from "../core/plugin.ts";

/** What is counted, and in which grid. */
export interface Counting {
  /** A labelled stream. */
  readonly stream: string;
  /** At most so many of its images are counted. */
  readonly images: number;
  /** Rows and columns of the grid. */
  readonly cells: readonly [number, number];
  readonly numClasses: number;
}

/**
 * The classes' shares of the labelled pixels in each cell of a grid over the image, [rows, columns,
 * numClasses]; a cell without a labelled pixel gets the shares of all cells together.
 * @throws UserError when the stream has no labels, or none of its images a labelled pixel
 */
export async function countClasses(tools: BeginTools, counting: Counting): Promise<Float32Array> {
  const { stream, images, cells: [rows, columns], numClasses } = counting;
  const counts = new Float64Array(rows * columns * numClasses);
  let seen = 0;
  for await (const { labels, size: [height, width] } of tools.batches(stream)) {
    if (!labels) throw new UserError(`the classes of "${stream}" are counted, which has no labels`);
    labels.forEach((label, k) => {
      if (label >= numClasses) return;
      const row = Math.floor(Math.floor(k / width) % height * rows / height);
      const column = Math.floor(k % width * columns / width);
      counts[(row * columns + column) * numClasses + label]!++;
    });
    if (++seen === images) break;
  }
  const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
  const all = Float64Array.from(
    { length: numClasses },
    (_, c) => sum(counts.filter((_, k) => k % numClasses === c)),
  );
  if (sum(all) === 0) throw new UserError(`no pixel of "${stream}" has a label to count`);
  const shares = new Float32Array(counts.length);
  for (let at = 0; at < counts.length; at += numClasses) {
    const cell = counts.subarray(at, at + numClasses);
    const from = sum(cell) > 0 ? cell : all;
    const whole = sum(from);
    shares.set(from.map((count) => count / whole), at);
  }
  return shares;
}
