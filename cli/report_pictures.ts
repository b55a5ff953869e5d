/**
 * The images of a report: those of the val split that a run labels best and worst. Choosing takes labelling
 * the whole split with the last weights; the chosen ones are then labelled by every phase, so that a row
 * shows baseline and result of the same image.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { zlibSync } from "fflate";
import sharp from "sharp";
import { selectBackend } from "../backends/select.ts";
import { DataError, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Sample } from "../core/plugin.ts";
import { diskFiles } from "../datasets/files.ts";
import { openInput } from "../datasets/input.ts";
import { resizeNearest } from "../datasets/transforms/resize.ts";
import { classIou, countPixels, emptyConfusion, meanIou } from "../metrics/confusion.ts";
import { bestAndWorst } from "../report/best_worst.ts";
import type { Picture, Pictures } from "../report/report_data.ts";
import { phaseFolders } from "../run_folder/layout.ts";
import { finalEvaluation, openSplit } from "../train/evaluate.ts";
import { openPredictor } from "../train/mod.ts";
import { newestWhole } from "../train/resume.ts";

/** The longer side of what is shown, in pixels. */
const LONGEST_SIDE = 512;

/** The run whose images are wanted, how many, and functions that are told of the progress. */
export interface PicturesWanted {
  readonly plan: RunPlan;
  /** The run's, absolute. */
  readonly folder: string;
  /** Best images, and as many worst ones. */
  readonly count: number;
  /** Chosen among the first so many; absent: all. */
  readonly limit: number | undefined;
  readonly signal: AbortSignal;
  /** Called after each image: how many of how many are done. */
  readonly onImage: (done: number, images: number) => void;
  /** Called for a damaged checkpoint; an older one is then used. */
  readonly onDamage: (message: string) => void;
}

/** Weights that label images, and the recipe of their network. */
export interface LabellingNetwork {
  readonly title: string;
  /** The phase that wrote its weights. */
  readonly phase: string;
  readonly checkpoint: string;
  /** Of its run. */
  readonly plan: RunPlan;
}

/**
 * Labels the val split with the run's last weights as its recipe's `evaluation` says, at the size of the
 * label files, and the images that are shown by its earlier phases as well. No plugin file of the recipe is
 * run.
 * @throws UserError that says why there are no images, AbortError when the signal fires
 */
export async function reportPictures(wanted: PicturesWanted): Promise<ChosenPictures> {
  const networks = await networksOf(wanted);
  const chosen = await chosenBy(networks.at(-1)!, wanted);
  return { chosen, pictures: await picturesBy(networks, chosen, wanted) };
}

/** Images of a val split, by their index, best and worst first. */
export interface ChosenImages {
  /** Among so many. */
  readonly of: number;
  readonly best: readonly number[];
  readonly worst: readonly number[];
}

/** What {@linkcode reportPictures} makes. */
export interface ChosenPictures {
  readonly chosen: ChosenImages;
  readonly pictures: Pictures;
}

/** The images that a network labels best and worst. @throws UserError where no image has a labelled pixel */
async function chosenBy(
  network: LabellingNetwork,
  wanted: Pick<PicturesWanted, "count" | "limit" | "signal" | "onImage">,
): Promise<ChosenImages> {
  const { plan } = network;
  return await withSplit(plan, async (dataset) => {
    const images = Math.min(dataset.length, plan.evaluation.limit ?? Infinity, wanted.limit ?? Infinity);
    const scores: (number | null)[] = [];
    await labelling(wanted, network, async (label) => {
      for (let index = 0; index < images; index++) {
        scores.push((await label(await labelled(dataset, index))).miou);
        wanted.onImage(index + 1, images);
      }
    });
    const { best, worst } = bestAndWorst(scores, wanted.count);
    if (best.length === 0) throw new UserError("no image of the val split has a labelled pixel");
    return { of: images, best, worst };
  });
}

/** Calls `use` with the val split opened and the run's backend selected. */
async function withSplit<T>(
  plan: RunPlan,
  use: (dataset: Awaited<ReturnType<typeof openSplit>>) => Promise<T>,
): Promise<T> {
  const input = openInput(plan, diskFiles());
  try {
    const dataset = await openSplit(plan, "val", input);
    await selectBackend(plan.backend, plan);
    return await use(dataset);
  } finally {
    await input.close();
  }
}

/**
 * The chosen images as each of these networks labels them, at least one. Networks of several runs must have
 * one val split.
 * @throws UserError, AbortError
 */
export async function picturesBy(
  networks: readonly LabellingNetwork[],
  { of, best, worst }: ChosenImages,
  wanted: Pick<PicturesWanted, "signal">,
): Promise<Pictures> {
  return await withSplit(networks.at(-1)!.plan, async (dataset) => {
    const samples: LabelledSample[] = [];
    for (const index of [...best, ...worst]) samples.push(await labelled(dataset, index));
    const results: Labelled[][] = [];
    for (const network of networks) {
      await labelling(wanted, network, async (label) => {
        const labels: Labelled[] = [];
        for (const sample of samples) labels.push(await label(sample));
        results.push(labels);
      });
    }
    const pictures: Picture[] = [];
    for (const [k, sample] of samples.entries()) {
      pictures.push(await pictureOf(sample, results.map((labels) => labels[k]!)));
    }
    return {
      networks: networks.map(({ title }) => title),
      of,
      best: pictures.slice(0, best.length),
      worst: pictures.slice(best.length),
    };
  });
}

/** The newest whole weights of each phase that has some, in order. @throws UserError when no phase has */
export async function networksOf(
  { plan, folder, onDamage }: Pick<PicturesWanted, "plan" | "folder" | "onDamage">,
): Promise<LabellingNetwork[]> {
  const networks: LabellingNetwork[] = [];
  for (const phase of phaseFolders(plan.resolved)) {
    const weights = await newestWhole(join(folder, phase.folder), diskFiles());
    if (weights === undefined) continue;
    if (weights.damage !== "") onDamage(weights.damage);
    networks.push({ title: phase.name, phase: phase.name, checkpoint: weights.path, plan });
  }
  if (networks.length === 0) throw new UserError("its training wrote no weights yet");
  return networks;
}

/** An image that has labels. */
type LabelledSample = Sample & { readonly labels: Uint8Array };

/** An image with its labels. @throws DataError when it has none */
async function labelled(
  dataset: { read(index: number, want: { readonly labels: boolean }): Promise<Sample> },
  index: number,
): Promise<LabelledSample> {
  const sample = await dataset.read(index, { labels: true });
  const { labels } = sample;
  if (labels === undefined) throw new DataError(sample.id, "has no labels to compare with");
  return { ...sample, labels };
}

/** What a network says of an image. */
interface Labelled {
  readonly labels: Uint8Array;
  /** Null when no pixel of the image is labelled. */
  readonly miou: number | null;
}

/** Calls `body` with a function that labels images by this network, which is freed afterwards. */
async function labelling(
  { signal }: Pick<PicturesWanted, "signal">,
  { phase, checkpoint, plan }: LabellingNetwork,
  body: (label: (sample: LabelledSample) => Promise<Labelled>) => Promise<void>,
): Promise<void> {
  const { classes, ignore } = plan.labelSpace;
  const evaluation = finalEvaluation(plan, plan.phases.find(({ name }) => name === phase));
  const predictor = await openPredictor({ ...plan, evaluation }, { checkpoint, files: diskFiles() });
  try {
    await body(async (sample) => {
      signal.throwIfAborted();
      const { labels: predictions } = await predictor.predict(sample);
      // Kernels run synchronously; a Ctrl-C gets its turn here.
      await setImmediate();
      signal.throwIfAborted();
      const confusion = emptyConfusion(classes.length);
      countPixels(confusion, { labels: sample.labels, predictions, ignore });
      return { labels: predictions, miou: meanIou(classIou(confusion)) };
    });
  } finally {
    predictor.dispose();
  }
}

/** An image with its labels and predictions, made small and packed for the page. */
async function pictureOf(sample: LabelledSample, results: readonly Labelled[]): Promise<Picture> {
  const { id, width, height, image } = sample;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const size = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  const picture = sharp(image, { raw: { width, height, channels: 3 } })
    .resize(size.width, size.height, { fit: "fill" }).webp({ quality: 80 });
  const plane = (data: Uint8Array) =>
    base64(zlibSync(resizeNearest({ width, height, channels: 1, data }, size).data, { level: 9 }));
  return {
    id,
    ...size,
    original: `data:image/webp;base64,${base64(await picture.toBuffer())}`,
    truth: plane(sample.labels),
    predictions: results.map(({ labels }) => plane(labels)),
    miou: results.map(({ miou }) => miou),
  };
}

/** Bytes as base64. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
