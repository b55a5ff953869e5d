/**
 * The sections of a recipe that have no plugins, as schemas: types, ranges, defaults, and the words for them.
 *
 * This is the single source for four readers. The planner checks with these schemas and takes defaults from
 * them, the JSON Schema for editors is derived from them, and editors show their descriptions.
 * So a description is written for the person who writes YAML, and says what an absent key means.
 *
 * Names are `snake_case` here and `camelCase` in plans; `plan_sections.ts` translates. Keys and entries of
 * the other sections stand in recipe.ts.
 */
import { MEASURES, type Normalization } from "../core/plan.ts";
import { pluginChoice } from "../core/plugin_choice.ts";
import { z } from "../core/schema.ts";
import { runName } from "./recipe.ts";

/** A length of an image. */
const pixels = z.int().min(1).max(100_000);

/** How large an image becomes before it is cropped; at most one of the two (plan_sections.ts checks it). */
const imageSize = {
  short_side: z.union([pixels, z.tuple([pixels, pixels])]).optional()
    .describe("pixels, or [low, high] for a random integer; absent: size as read"),
  size: z.tuple([pixels, pixels]).optional()
    .describe("[height, width] that the whole image becomes, whatever its aspect; instead of short_side"),
};

/** A share of an image's side. */
const margin = z.number().min(0).lt(1);

/** A square, or [height, width]. */
const cropSize = z.union([pixels, z.tuple([pixels, pixels])]);

/** A number for each channel. */
const triple = z.tuple([z.number(), z.number(), z.number()]);

/**
 * The named normalisations: what torchvision's networks were trained with, and what Caffe's were (BGR,
 * 0..255, mean only).
 */
export const NORMALIZATIONS: Readonly<Record<"imagenet" | "caffe", Normalization>> = {
  imagenet: { order: "rgb", scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  caffe: {
    order: "bgr",
    scale: 1,
    mean: [104.00698793, 116.66876762, 122.67891434],
    deviation: [1, 1, 1],
  },
};

/** The names of `backend`. */
const backendName = z.enum(["auto", "native", "tensorflow", "wasm", "webgpu", "cpu"]);

/** The sections without plugins. */
export const sections = {
  name: runName.describe("names the run folder; absent: the file's name"),
  seed: z.int().min(0).max(2 ** 31 - 1).default(0).describe("seeds weights, order and transforms"),
  backend: z.union([
    backendName,
    z.strictObject({
      name: backendName.default("auto").describe("as above"),
      memory: z.number().min(0.25).max(2 ** 20).optional().describe(
        "GB that all tensors may take on native and wasm: what does not fit the 4 GB of their heap waits outside of it; " +
          "absent: what the machine has free, less 2 GB",
      ),
      precision: z.enum(["full", "half"]).optional().describe(
        "in which webgpu keeps maps for the gradient: half, numbers of 16 bits, takes less memory; " +
          "weights, sums and everything that is computed stay at 32 bits; absent: full",
      ),
    }),
  ]).default("auto").describe("where tensors live; auto takes a GPU, then native"),
  input: z.strictObject({
    ...imageSize,
    crop: cropSize.describe("pixels of a square, or [height, width]"),
    flip: z.boolean().default(true).describe("mirror horizontally with probability 1/2"),
    crop_criteria: z.strictObject({
      tries: z.int().min(1).max(100).default(10).describe("crops at most; the last one is taken as it is"),
      most_share: z.number().positive().max(1).default(1).describe(
        "of the labelled pixels, below which every class must stay; 1: none need to",
      ),
      least_classes: z.int().min(0).max(255).default(0).describe(
        "so many classes must each have more than least_share; 0: none",
      ),
      least_share: z.number().min(0).lt(1).default(0.02).describe("of all pixels of the crop"),
    }).optional().describe(
      "a labelled crop is drawn again until it is like this; absent: the first is taken",
    ),
    normalization: z.union([
      z.enum(["imagenet", "caffe"]),
      z.strictObject({
        order: z.enum(["rgb", "bgr"]).default("rgb").describe("order of the channels"),
        scale: z.number().positive().default(1).describe("factor on 0..255 before the mean"),
        mean: triple.describe("subtracted, per channel in `order`"),
        deviation: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()])
          .default([1, 1, 1]).describe("divided by, per channel in `order`"),
      }),
    ]).default("imagenet").describe("value = (pixel * scale - mean) / deviation"),
    align_corners: z.boolean().optional().describe(
      "resize maps with corner pixels on corner pixels, in training and evaluation; absent: half-pixel centres",
    ),
    streams: z.record(
      runName,
      z.strictObject({
        ...imageSize,
        crop: cropSize.describe("pixels of a square, or [height, width]"),
        flip: z.boolean().optional().describe("mirror with probability 1/2; absent: as the others"),
        margins: z.tuple([margin, margin, margin, margin]).optional().describe(
          "[top, right, bottom, left]: shares of the whole image whose pixels weigh 0, as does padding; absent: none",
        ),
      }),
    ).optional().describe(
      "sizes of training images by stream, instead of those above, as in {source: {crop: 512}}",
    ),
    workers: z.int().min(0).max(64).default(1)
      .describe("threads that read and transform images during the steps; 0: none; changes no result"),
    rare_class_sampling: z.strictObject({
      stats: z.string().min(1).optional().describe(
        "file that `plca data stats` wrote, relative to the recipe; absent: the run counts the source itself, once",
      ),
      temperature: z.number().min(1e-4).default(0.01)
        .describe(
          "T of P(class) = softmax((1 - its share of pixels) / T); small: hardly any but rare classes",
        ),
      min_pixels: z.int().min(1).default(3000)
        .describe("the image is one with at least so many pixels of the drawn class, where there is any"),
      crop_ratio: z.number().min(0).max(16).default(0.5).describe(
        "the crop is drawn again until it has more than this times min_pixels of the class",
      ),
      tries: z.int().min(1).max(100).default(10).describe("crops at most; the last one is taken as it is"),
    }).optional().describe("source images that hold rare classes come more often; absent: all alike"),
  }),
  training: z.strictObject({
    steps: z.int().min(1).describe("optimiser updates"),
    batch: z.int().min(1).default(2).describe("images per domain in a forward pass"),
    accumulation: z.int().min(1).default(1).describe("forward passes whose gradients make one update"),
    clip_norm: z.number().positive().optional().describe(
      "largest Euclidean norm of the network's gradient, to which a larger one is scaled; absent: any",
    ),
    validate_every: z.int().min(0).default(0).describe("steps between validations; 0: only at the end"),
    checkpoint_every: z.int().min(0).default(200).describe("steps between checkpoints; 0: only at the end"),
    keep_checkpoints: z.int().min(1).max(1000).default(2).describe(
      "how many of the latest checkpoints are kept, beside the best one",
    ),
    log_every: z.int().min(1).default(10).describe("steps between step lines of the event log"),
    order: z.array(runName).min(1).optional().describe(
      "streams whose views are made first, in this order, which their running statistics follow; absent: target, source",
    ),
    diagnostics: z.union([
      z.literal(false),
      z.strictObject({
        every: z.int().min(1).default(100).describe("steps from one measurement to the next"),
        measure: z.array(z.enum([...MEASURES, "associations"])).min(1).default([...MEASURES]).describe(
          "terms: what terms measure of themselves, as shares associated and covered; entropy: of the predictions; " +
            "gradients: norm by term; seconds: by stage of the step; memory: what left the heap and came back; associations: an earlier name of terms",
        ),
        target_labels: z.boolean().default(false).describe(
          "read the target's labels to measure how many associations are right; training never sees them",
        ),
      }),
    ], "as in {every: 100}").optional().describe(
      "measure beside some steps, without any effect on the run; absent or false: nothing",
    ),
  }),
  evaluation: z.strictObject({
    size: z.union([pixels, z.tuple([pixels, pixels])]).optional()
      .describe("short side in pixels, or [height, width]; absent: size as read"),
    label_size: z.enum(["original", "input"]).default("original")
      .describe(
        "original: predictions are resized to the label file; input: labels are resized to the input",
      ),
    limit: z.int().min(1).optional().describe("at most this many images; absent: all"),
    aggregation: z.union([
      z.literal(false),
      z.strictObject({
        alpha: z.number().min(0).max(1).default(0.5).describe("share of the aggregated value"),
        features: pluginChoice("similarity").default("cosine").describe("similarity between feature pixels"),
        predictions: pluginChoice("similarity").default("negative-kl").describe(
          "similarity between predicted pixels",
        ),
      }),
    ]).default(false).describe("spatial aggregation at inference (the paper's section 3.5); false: off"),
    label_free: z.union([
      z.literal(false),
      z.strictObject({
        features: pluginChoice("similarity").default("cosine").describe(
          "compares features in cycles between source and target",
        ),
      }),
    ]).default({ features: "cosine" }).describe(
      "measures that need no labels of the target, logged beside each validation during training; false: none",
    ),
    flip: z.boolean().default(false).describe("average the probabilities of the image and of its mirror"),
    scales: z.array(z.number().positive().max(16)).min(1).default([1])
      .describe("factors on the input's size, whose probabilities are averaged at the label size"),
    window: z.union([
      z.literal(false),
      z.strictObject({
        size: z.union([pixels, z.tuple([pixels, pixels])])
          .describe("pixels of a square, or [height, width], of the input"),
        stride: z.union([pixels, z.tuple([pixels, pixels])])
          .describe("pixels from one window to the next, at most its size"),
      }),
    ]).default(false).describe("predict in windows that slide over the input; false: the whole at once"),
    network: runName.optional().describe(
      "the network that predicts, as a teacher of `networks`; absent: student, the one that is trained",
    ),
    heads: z.array(z.strictObject({
      tap: z.string().min(1).describe("a tap with a channel per class, before softmax"),
      weight: z.number().default(1).describe("factor in the sum"),
    })).min(1).optional().describe("taps whose weighted sum is taken for the logits; absent: logits"),
    ensemble: z.array(z.strictObject({
      checkpoint: z.string().min(1).describe("a checkpoint of the same model, relative to this file"),
      weight: z.number().positive().default(1).describe(
        "of its probabilities, beside 1 for the network's own",
      ),
    })).min(1).optional().describe(
      "further checkpoints whose probabilities are averaged; not in validation during training",
    ),
    average: z.enum(["probabilities", "logits"]).optional().describe(
      "what is resized to the labels and averaged, of networks, mirrors, scales and windows; absent: probabilities",
    ),
  }).prefault({}),
  method: z.strictObject({
    title: z.string().min(1).max(60).describe("as tables call it, as in AdaptSeg"),
    kind: z.string().min(1).max(12).optional().describe(
      "as tables group it: AT, adversarial training; ST, self-training; absent: neither",
    ),
    unofficial: z.boolean().default(false).describe(
      "whether details of it were never published, so that no published number is promised",
    ),
    source: z.string().min(1).optional().describe("who published it, as in Tsai et al. 2018"),
    paper: z.string().min(1).optional().describe(
      "its name in the tables of Kang et al. 2020, as in MaxSquare; absent: they do not have it",
    ),
  }).describe("what the objective is known as, for tables; absent: the recipe's name"),
  logs: z.union([
    z.literal("tensorboard"),
    z.strictObject({
      type: z.literal("tensorboard").describe("event files in the run folder's tensorboard"),
      images: z.int().min(0).max(100).default(4)
        .describe("images of each validation, with labels and predictions; 0: none"),
      histograms: z.int().min(0).default(0).describe("steps between distributions of all weights; 0: none"),
    }),
  ]).describe("what is written beside events.jsonl; absent: nothing"),
} as const;
