/**
 * Pseudo-labels for a round of self-training. A round is a phase of the recipe: before it, this job lets the
 * network that the phase starts from label the images of a stream, and the phase then trains on these labels
 * as if they were true. The next round begins with the weights of this one.
 *
 * Two passes over the images: the first counts confidences by class, the second predicts again and writes
 * labels. Keeping the first pass's probabilities would take a float for each class and pixel of the dataset.
 * With fixed thresholds (and no crops to prefer) one pass is enough. A job that was stopped begins again; its
 * files follow from the network and the images alone.
 */
import { packSoft, SOFT_BYTES } from "../core/soft_labels.ts";
import { definePlugin, type JobImage, type JobTools, type PredictionChange } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { PredictedClasses } from "./confidences.ts";
import { report } from "./outcome.ts";
import { ownLabels, relativeLabels, softLabels, type ThresholdRule, thresholdsOf } from "./label_choice.ts";

const options = z.strictObject({
  of: z.string().default("target").describe("the stream whose images get labels"),
  thresholds: z.enum(["portion", "quantile", "fixed"]).default("fixed").describe(
    "of each class: portion, reached by a share of its pixels, the surest; quantile, of their confidences, at most " +
      "`confidence`; fixed, `confidence` for all",
  ),
  share: z.number().gt(0).max(1).default(0.5).describe("portion: of the pixels; quantile: 0.5 is the median"),
  confidence: z.number().gt(0).max(1).default(0.9).describe(
    "fixed: the threshold; quantile: the highest there is",
  ),
  every: z.int().min(1).default(1).describe(
    "pixels of a class in an image from one that counts for the thresholds to the next",
  ),
  labels: z.enum(["own", "relative", "soft"]).default("own").describe(
    "own: the likeliest class, where it reaches its threshold; relative: that with the largest ratio to its threshold, " +
      "where it reaches it; soft: distributions (LRENT), where they cost less than to ignore the pixel",
  ),
  alpha: z.number().positive().default(0.25).describe("soft: how flat distributions are"),
  flip: z.boolean().optional().describe("predict as the mean with the mirror; absent: as `evaluation` says"),
  scales: z.array(z.number().positive().max(16)).min(1).optional().describe(
    "factors on the input's size that are predicted; absent: as `evaluation` says",
  ),
  aggregation: z.literal(false).optional().describe(
    "false: predict without aggregation; absent: as `evaluation` says",
  ),
  prefer: z.strictObject({
    below: z.number().gt(0).max(1).default(0.001).describe(
      "classes with less than this share of the predictions",
    ),
    chance: z.number().min(0).max(1).default(0.8).describe(
      "of a crop to be centred on one of their pixels, where the image has some",
    ),
  }).optional().describe("crops of the labelled images rather show rare classes; absent: they do not"),
});

type Options = z.infer<typeof options>;

/**
 * Labels the images of a stream from the network's own predictions. The dataset that it leaves has the same
 * images with these labels, and a recipe reads it as `{job: NAME}`. `thresholds.json` in the job's folder
 * says what the thresholds were and how many pixels of each class got a label. It is an error if no pixel of
 * any image did.
 */
export const pseudoLabels = definePlugin({
  kind: "job",
  name: "pseudo-labels",
  summary: "labels the images of a stream by what the network predicts, where it is sure",
  source: "Zou et al. 2018 (CBST), 2019 (CRST); Li et al. 2019 (the median)",
  options,
  plan: (chosen) => ({
    reads: [chosen.of],
    dataset: ({ datasets, relabelled }) => relabelled(datasets[chosen.of]!),
    run: (tools) => labelAll(tools, chosen),
  }),
});

/** Does the job: counts if need be, then labels every image and reports. */
async function labelAll(tools: JobTools, chosen: Options): Promise<void> {
  const { of, flip, scales, aggregation, prefer } = chosen;
  const { images, classes } = tools;
  const how: PredictionChange = {
    ...(flip === undefined ? {} : { flip }),
    ...(scales === undefined ? {} : { scales }),
    ...(aggregation === undefined ? {} : { aggregation }),
  };
  const predictions = new PredictedClasses(classes.length, chosen.every);
  if (chosen.thresholds !== "fixed" || prefer) {
    for await (const image of images(of)) {
      predictions.add(await image.predict(how));
      tellProgress(image, "counted", tools);
    }
  }
  const thresholds = thresholdsOf(ruleOf(chosen), predictions.confidences);
  const rare = prefer ? predictions.rarerThan(prefer.below) : [];
  if (prefer) tools.preferCrops({ classes: rare, chance: prefer.chance });
  const kept = classes.map(() => 0);
  let pixels = 0;
  for await (const image of images(of)) {
    await labelImage(image, { tools, chosen, how, thresholds, kept });
    pixels += image.width * image.height;
    tellProgress(image, "labelled", tools);
  }
  await report(tools, { thresholds, predicted: predictions.pixels, kept, rare, pixels });
}

/** Notes the progress at every tenth of the images. */
function tellProgress({ index, count }: JobImage, what: string, { note }: JobTools): void {
  const tenths = (done: number) => Math.floor(10 * done / count);
  if (tenths(index + 1) > tenths(index)) note(`${index + 1} of ${count} images ${what}`);
}

function ruleOf({ thresholds, share, confidence }: Options): ThresholdRule {
  switch (thresholds) {
    case "portion":
      return { kind: "portion", share };
    case "quantile":
      return { kind: "quantile", share, cap: confidence };
    case "fixed":
      return { kind: "fixed", confidence };
  }
}

/** What labelling one image needs. */
interface Labelling {
  readonly tools: JobTools;
  readonly chosen: Options;
  readonly how: PredictionChange;
  readonly thresholds: Float32Array;
  /** Receives the number of labelled pixels by class. */
  readonly kept: number[];
}

/** Labels one image, some rows at a time, and writes its file. */
async function labelImage(
  image: JobImage,
  { tools, chosen, how, thresholds, kept }: Labelling,
): Promise<void> {
  const { width, height } = image;
  const soft = chosen.labels === "soft" ? new Uint8Array(width * height * SOFT_BYTES) : undefined;
  const labels = new Uint8Array(width * height).fill(tools.ignoreLabel);
  for await (const { first, probabilities } of image.rows(how)) {
    const pixels = { probabilities, thresholds };
    if (!soft) {
      const label = chosen.labels === "own" ? ownLabels : relativeLabels;
      labels.set(label(pixels, tools.ignoreLabel), first * width);
      continue;
    }
    const shares = softLabels(pixels, chosen.alpha), classes = thresholds.length;
    for (let k = 0; k * classes < shares.length; k++) {
      const pixel = first * width + k;
      packSoft(shares.subarray(k * classes, (k + 1) * classes), { out: soft, pixel });
      if (soft[pixel * SOFT_BYTES + 1]! > 0) labels[pixel] = soft[pixel * SOFT_BYTES]!;
    }
  }
  for (const label of labels) if (label !== tools.ignoreLabel) kept[label]! += 1;
  await (soft ? tools.writeSoft(image, soft) : tools.writeLabels(image, labels));
}
