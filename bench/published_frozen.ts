/**
 * The published network's update by one pass of four images of each domain, where tensors leave the heap, beside
 * the same update by four passes of one, where none does; statistics are frozen, so that both are equal:
 *
 *     deno task bench published frozen [CROP...]
 */
import { join } from "node:path";
import { HEAP_ALONE } from "../backends/wasm/room.ts";
import { runScript } from "./processes.ts";
import type { Frozen, Written } from "./published_frozen_child.ts";
import { record } from "./record.ts";

const CROPS = ["321"], PUBLISHED = 730, IMAGES = 4;

/** Bytes that weights, gradients and momentum take, and kernels beside the images. */
const WEIGHTS = 0.6e9;

/** So much smaller than the real heap as the images are than the published ones, so that as much leaves it. */
function heapFor(crop: number): number {
  return Math.min(HEAP_ALONE.heap, Math.round(WEIGHTS + HEAP_ALONE.heap * (crop / PUBLISHED) ** 2));
}

/** How far two lists of tensors are apart. */
export interface Difference {
  /** The largest, over the tensors, of the norm of the difference by the norm of the second. */
  readonly norm: number;
  /** The tensor that has it. */
  readonly name: string;
  /** The largest difference of two numbers, as a share of the largest number of their tensor. */
  readonly element: number;
}

/** Compares tensors that lie one after another. @throws Error where the lists are not of the same form */
export function differenceOf(
  tensors: readonly Written[],
  [a, b]: readonly [Float32Array, Float32Array],
): Difference {
  const length = tensors.reduce((sum, { count }) => sum + count, 0);
  if (a.length !== length || b.length !== length) {
    throw new Error(`${a.length} and ${b.length} of ${length} numbers`);
  }
  let found: Difference = { norm: 0, name: "", element: 0 }, start = 0;
  for (const { name, count } of tensors) {
    let squares = 0, off = 0, largest = 0, farthest = 0;
    for (let k = start; k < start + count; k++) {
      const value = b[k]!, distance = Math.abs(a[k]! - value);
      squares += value ** 2;
      off += distance ** 2;
      largest = Math.max(largest, Math.abs(value));
      farthest = Math.max(farthest, distance);
    }
    start += count;
    // Where all numbers of the second are zero, any other one is infinitely far from it.
    const norm = off === 0 ? 0 : Math.sqrt(off / squares), element = off === 0 ? 0 : farthest / largest;
    if (exceeds(norm, found.norm)) found = { ...found, norm, name };
    if (exceeds(element, found.element)) found = { ...found, element };
  }
  return found;
}

/** Whether a difference is larger than the largest so far; NaN is larger than any number. */
function exceeds(difference: number, largest: number): boolean {
  return !Number.isNaN(largest) && !(difference <= largest);
}

/** Measures each crop in two processes, one after the other. */
export async function publishedFrozen(crops: readonly string[]): Promise<void> {
  const rows: string[][] = [], apart: string[] = [];
  for (const crop of crops.length === 0 ? CROPS : crops) {
    const folder = await Deno.makeTempDir();
    try {
      const { cells, differences } = await compared(Number(crop), folder);
      rows.push(...cells);
      apart.push(differences);
      cells.forEach((row) => console.log(row.join(" | ")));
      console.log(differences);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  await record("published_frozen", {
    title: "The published batch beside single images",
    text: [
      "Nothing that leaves the heap and comes back may change a number. ResNet-101 with the published head, frozen batch " +
      "statistics, `checkpointing`, cross-entropy and label smoothing, which are means over images; random weights, random " +
      "images, running statistics of random images. So one pass of four images of each domain is the same update as four " +
      "passes of one, but for rounding. The first has a heap as small beside its images as the real one is at 730x730, the " +
      "second fits the heap. Each in a process of its own; the first update of it.",
      "The objective is a sum over all pixels in 32 bits, of four images at once or of one, and so differs from the fifth " +
      "digit on; gradients do not depend on that sum.",
      ...apart,
    ],
    columns: [
      "images of each domain",
      "s",
      "objective",
      "resident set, GB",
      "heap it may take, GB",
      "heap at most, GB",
      "outside at most, GB",
      "left the heap, GB",
      "came back, GB",
    ],
    rows,
    commands: [`deno task bench published frozen${crops.map((crop) => ` ${crop}`).join("")}`],
  });
}

async function compared(crop: number, folder: string) {
  const heap = heapFor(crop);
  const update = async (images: number, file: string, ...limit: string[]) => {
    const path = join(folder, file), args = [`${crop}`, `${images}`, `${IMAGES / images}`, path, ...limit];
    const found = await runScript("published_frozen_child.ts", args, [`write=${path}`]) as Frozen;
    return { found, values: new Float32Array((await Deno.readFile(path)).buffer) };
  };
  const whole = await update(IMAGES, "whole", `${heap}`), single = await update(1, "single");
  const { gradients, weights } = single.found;
  const split = gradients.reduce((sum, { count }) => sum + count, 0);
  const gradient = differenceOf(gradients, [
    whole.values.subarray(0, split),
    single.values.subarray(0, split),
  ]);
  const weight = differenceOf(weights, [whole.values.subarray(split), single.values.subarray(split)]);
  const cells = [
    row(`${IMAGES} at once, ${crop}x${crop}`, whole.found, heap),
    row("one after another", single.found, HEAP_ALONE.heap),
  ];
  return {
    cells,
    differences: `At ${crop}x${crop} the gradients of ${gradients.length} parameters are apart by at most ` +
      `${gradient.norm.toExponential(1)} of their norm (\`${
        gradient.name.replace(/\/momentum$/, "")
      }\`), a number by at most ` +
      `${gradient.element.toExponential(1)} of the largest of its gradient; the updated weights by at most ` +
      `${weight.norm.toExponential(1)} of their norm, and ${
        weight.element.toExponential(1)
      } of the largest weight.`,
  };
}

function row(title: string, { seconds, total, peak, moved }: Frozen, heap: number): string[] {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);
  const sizes = [heap, moved.heapPeak, moved.outsidePeak, moved.out, moved.back].map(gigabytes);
  return [title, seconds.toFixed(1), total.toPrecision(7), peak.toFixed(2), ...sizes];
}
