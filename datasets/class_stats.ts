/**
 * How often each class occurs in each image of a dataset: the file that `plca data stats` writes and
 * rare-class sampling reads. It says of which dataset and classes it is, so that a file of other data is
 * refused rather than used.
 */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { Dataset, FileReader } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

const FORMAT = "plca class statistics 1";

const counts = z.array(z.int().min(0));

const schema = z.object({
  format: z.literal(FORMAT),
  dataset: z.string(),
  labelSpace: z.string(),
  classes: z.array(z.string()).min(1),
  frequency: z.array(z.number().min(0).max(1)),
  images: z.array(z.object({ id: z.string(), pixels: counts })),
});

/**
 * `dataset` is the plugin's name; `frequency` each class's share of all labelled pixels, in [0, 1], 0
 * everywhere when nothing is labelled; `images` in the dataset's order, `pixels` by train id, ignored ones
 * left out.
 */
export type ClassStats = Readonly<z.infer<typeof schema>>;

/** What {@linkcode classStats} is made from. */
export interface CountedDataset {
  /** The plugin's name. */
  readonly dataset: string;
  readonly space: LabelSpace;
  readonly images: ClassStats["images"];
}

/** Statistics of counted images; frequencies are computed here. */
export function classStats({ dataset, space, images }: CountedDataset): ClassStats {
  return {
    format: FORMAT,
    dataset,
    labelSpace: space.name,
    classes: [...space.classes],
    frequency: frequencies(images.map(({ pixels }) => pixels), space.classes.length),
    images,
  };
}

/** Each class's share of all pixels that are counted; 0 everywhere when none is. */
export function frequencies(images: readonly (readonly number[])[], classes: number): number[] {
  const sums = new Array<number>(classes).fill(0);
  for (const pixels of images) pixels.forEach((count, id) => sums[id]! += count);
  const all = sums.reduce((total, count) => total + count, 0);
  return sums.map((count) => all === 0 ? 0 : count / all);
}

/** JSON with one image a line, so that the file of a large dataset can still be read and compared by line. */
export function renderStats({ images, ...rest }: ClassStats): string {
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  const lines = images.map((image) => `  ${JSON.stringify(image)}`);
  return `${head},\n "images": [\n${lines.join(",\n")}\n ]\n}\n`;
}

/** Reads such a file. @throws DataError when it is not there, is damaged or holds something else */
export async function readStats(file: string, files: FileReader): Promise<ClassStats> {
  let bytes;
  try {
    bytes = await files.read(file);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const why = cause.message.slice(`${cause.file}: `.length);
    throw new DataError(file, `${why}; expected class statistics, which plca data stats writes`, { cause });
  }
  try {
    const stats = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    const { classes, frequency, images } = stats;
    if ([frequency, ...images.map(({ pixels }) => pixels)].every(({ length }) => length === classes.length)) {
      return stats;
    }
  } catch {
    // Told below.
  }
  throw new DataError(file, "these are no class statistics; expected a file that plca data stats wrote");
}

/**
 * Checks that statistics are those of a dataset: the same classes, as many images, and the same ids in the
 * same order where the dataset knows its ids.
 * @throws DataError that says what differs
 */
export function requireFit(
  stats: ClassStats,
  { file, dataset, space }: {
    readonly file: string;
    readonly dataset: Pick<Dataset, "length" | "ids">;
    readonly space: LabelSpace;
  },
): void {
  const differ = (what: string) => {
    throw new DataError(file, `${what}; write it anew with plca data stats`);
  };
  if (stats.classes.join("\n") !== space.classes.join("\n")) {
    differ(
      `it counts the ${stats.classes.length} classes of ${stats.labelSpace}, ` +
        `the source has the ${space.classes.length} of ${space.name}`,
    );
  }
  if (stats.images.length !== dataset.length) {
    differ(`it counts ${stats.images.length} images of ${stats.dataset}, the source has ${dataset.length}`);
  }
  const { ids } = dataset;
  const other = ids === undefined ? -1 : stats.images.findIndex(({ id }, k) => id !== ids[k]);
  if (other >= 0) {
    differ(`image ${other + 1} is ${stats.images[other]!.id} in it and ${ids![other]} in the source`);
  }
}
