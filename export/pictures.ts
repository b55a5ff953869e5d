/**
 * Images on which an exported file and its network are compared: images of the run's own data, since what
 * matters is whether both label these alike. Noise stands in where no image can be read.
 */
import { DataError, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { countOf } from "../core/words.ts";
import { evaluationImages } from "../datasets/evaluation.ts";
import { openInput } from "../datasets/input.ts";
import { AS_BYTES, type Picture, pictureOf } from "./trials.ts";
import { openSplit } from "../train/evaluate.ts";

/** Pictures, and in words what they are. */
export interface Pictures {
  /** At the size that the network sees. */
  readonly pictures: readonly Picture[];
  /** As in `4 images of val`. */
  readonly from: string;
}

/** [height, width] of noise that stands for images that are not there. */
const SIDES = [192, 256] as const;

/**
 * The first images of the first of val, test and train that can be read, at the size that the network sees;
 * noise where none can be.
 */
export async function picturesOf(
  plan: RunPlan,
  { size, count, files }: {
    readonly size: readonly [number, number] | undefined;
    readonly count: number;
    readonly files: FileReader;
  },
): Promise<Pictures> {
  const input = openInput(plan, files);
  const { scales: _, ...once } = plan.evaluation;
  const evaluation = { ...once, ...(size ? { size } : {}), limit: count };
  try {
    const faults: string[] = [];
    for (const split of ["val", "test", "train"] as const) {
      try {
        const pictures: Picture[] = [];
        const dataset = await openSplit(plan, split, input);
        for await (const { inputs } of evaluationImages(dataset, { evaluation, normalization: AS_BYTES })) {
          pictures.push(pictureOf(inputs[0]!));
        }
        if (pictures.length > 0) {
          return { pictures, from: `${countOf(pictures.length, "image")} of ${split}` };
        }
      } catch (error) {
        if (!(error instanceof DataError || error instanceof UserError)) throw error;
        faults.push(error.message);
      }
    }
    const [height, width] = size ?? SIDES;
    return {
      pictures: Array.from({ length: count }, (_, k) => noise(width, height, k)),
      from: `${countOf(count, "image")} of noise (no image of the run can be read: ${
        faults[0] ?? "there are none"
      })`,
    };
  } finally {
    await input.close();
  }
}

/** A picture of uniform noise; the k-th is always the same. */
function noise(width: number, height: number, k: number): Picture {
  const random = Random.stream(k, "export");
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, () => 256 * random.next()) };
}
