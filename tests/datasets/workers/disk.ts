/** Data for workers: they read the disk, so it lies there. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DatasetOrigin, EvaluationPlan, Normalization, RunPlan } from "../../../core/plan.ts";
import type { DatasetPlan, FileReader } from "../../../core/plugin.ts";
import { Registry } from "../../../core/registry.ts";
import type { Batch } from "../../../datasets/batch.ts";
import { type EvaluationImage, evaluationImages } from "../../../datasets/evaluation.ts";
import { diskFiles } from "../../../datasets/files.ts";
import { type Input, type InputDataset, openInput } from "../../../datasets/input.ts";
import { trainLoader, type TrainLoaderOptions } from "../../../datasets/loader.ts";
import { datasets } from "../../../datasets/mod.ts";
import { labelPng, picture } from "../memory_files.ts";

export const normalization: Normalization = {
  order: "bgr",
  scale: 1,
  mean: [104.00698793, 116.66876762, 122.67891434],
  deviation: [1, 1, 1],
};

export const loading: TrainLoaderOptions = {
  transforms: { crop: [20, 24], flip: true, shortSide: [18, 40] },
  normalization,
  batch: 3,
  seed: 5,
  stream: "source",
  labels: true,
  ignoreLabel: 255,
};

/** Calls `body` with a folder of `count` PNGs and JPEGs in `images` and their labels in `labels`. */
export async function onDisk(count: number, body: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "images"));
    await Deno.mkdir(join(root, "labels"));
    for (let index = 0; index < count; index++) {
      const [width, height] = [40 + 3 * index, 30 + index];
      const format = index % 2 === 0 ? "png" : "jpeg";
      const ids = Array.from({ length: width * height }, (_, k) => (k + index) % 3);
      await Deno.writeFile(join(root, "images", `${index}.${format}`), await picture(width, height, format));
      await Deno.writeFile(join(root, "labels", `${index}.png`), labelPng(width, height, ids));
    }
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What the examples below are made of. */
export const FOLDER = { images: "images", labels: "labels", classes: { a: [0], b: [1], c: [2] } };
export const STREET = { domain: "dusk", width: 64, height: 40, count: 7 };

/** A dataset as a recipe plans it. */
export function planned(name: string, options: unknown): [DatasetPlan, DatasetOrigin] {
  const registry = new Registry(datasets);
  const plugin = registry.get("dataset", name, []);
  return [registry.plan("dataset", { type: name, options }), { plugin, options }];
}

/** How {@linkcode withInput} reads. */
export interface Reading {
  readonly workers: number;
  readonly root?: string;
  readonly files?: FileReader;
  /** Whether labels must be there; absent: yes. */
  readonly labels?: boolean;
}

/** Opens `dataset` with these workers, and closes it. */
export async function withInput<T>(
  [dataset, origin]: readonly [DatasetPlan, DatasetOrigin?],
  { workers, root = "", files = diskFiles(), labels = true }: Reading,
  body: (dataset: InputDataset, input: Input) => Promise<T>,
): Promise<T> {
  const plan: Pick<RunPlan, "data" | "input" | "seed"> = {
    data: {
      root,
      source: dataset,
      target: dataset,
      splits: {},
      ...(origin ? { origins: new Map([[dataset, origin]]) } : {}),
    },
    input: { training: loading.transforms, normalization, workers },
    seed: 5,
  };
  const input = openInput(plan, files);
  try {
    return await body(await input.open(dataset, { labels }), input);
  } finally {
    await input.close();
  }
}

/** The first batches of a loader. */
export async function batchesOf(
  dataset: InputDataset,
  count: number,
  options: Partial<TrainLoaderOptions> = {},
) {
  const loader = trainLoader(dataset, { ...loading, ...options });
  const batches = [];
  for (let k = 0; k < count; k++) batches.push(digested(await loader.next()));
  loader.close();
  return batches;
}

/** Every image of an evaluation. */
export async function imagesOf(dataset: InputDataset, evaluation: EvaluationPlan) {
  const images = [];
  for await (const image of evaluationImages(dataset, { evaluation, normalization })) {
    images.push(digested(image));
  }
  return images;
}

/** Arrays by their SHA-256: a difference is told in a line, not in a million numbers. */
function digested(made: Batch | EvaluationImage) {
  const digest = (data: Float32Array | Uint8Array) =>
    `${data.length} ${
      createHash("sha256").update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest("hex")
    }`;
  const { labels, ...rest } = made;
  const inputs = "inputs" in rest ? rest.inputs : [{ images: rest.images }];
  return {
    ...rest,
    inputs: inputs.map((input) => ({ ...input, images: "" })),
    images: inputs.map((input) => digest(input.images)).join(),
    ...(labels ? { labels: digest(labels) } : {}),
  };
}
