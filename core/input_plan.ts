/**
 * How images become a network's input, as a plan says it: resize, crop and mirror in training, rare classes
 * first where that is asked for, and the normalisation that training and evaluation share.
 *
 * `datasets/` does what stands here; everything random of it is drawn by the loader (datasets/loader.ts).
 */

/** How a decoded image becomes the network's input: training transforms, then normalisation. */
export interface InputPlan {
  /** Random changes of training images. */
  readonly training: TrainingTransforms;
  /** Of streams that have their own, by name, instead of `training`; absent: none has. */
  readonly streams?: Readonly<Record<string, TrainingTransforms>>;
  /** From bytes to network input, in training and evaluation. */
  readonly normalization: Normalization;
  /**
   * Whether maps are resized with aligned corners instead of half-pixel centres, in training and evaluation.
   */
  readonly alignCorners?: boolean;
  /**
   * Threads that read and transform images while the main one computes; 0: the main thread does it. Changes
   * no result.
   */
  readonly workers: number;
  /** Absent: every source image comes once an epoch. */
  readonly rareClassSampling?: RareClassSampling;
}

/**
 * Rare-class sampling (Hoyer et al. 2022): draws a class first, by P(c) = softmax over c of (1 - f_c) / T,
 * f_c being the class's share of labelled pixels, and then an image that holds it.
 */
export interface RareClassSampling {
  /**
   * Absolute path of what `plca data stats` wrote; absent: the run counts the source once, into its folder.
   */
  readonly stats?: string;
  /** T of P(c) = softmax((1 - f_c) / T). */
  readonly temperature: number;
  /** Images with so many pixels of the drawn class are chosen from. */
  readonly minPixels: number;
  /** The crop is drawn again until it has more pixels of the drawn class. */
  readonly cropPixels: number;
  /** At most so many crops; the last one is taken as it is. */
  readonly tries: number;
}

/** What a labelled training crop should be like; else it is drawn again, at most `tries` times. */
export interface CropCriteria {
  /** At most so many crops; the last one is taken as it is. */
  readonly tries: number;
  /** Of the crop's labelled pixels, the share below which every class must stay; 1: none need to. */
  readonly mostShare: number;
  /** How many classes must each have more than `leastShare`; 0: none. */
  readonly leastClasses: number;
  /** Of all pixels of the crop, in [0, 1). */
  readonly leastShare: number;
}

/**
 * What training does to an image, in this order: resize, crop, mirror. Sizes in pixels. What of it is random
 * is drawn, or seeded, by the loader (datasets/loader.ts), never where it is applied.
 */
export interface TrainingTransforms {
  /** The short side becomes a random integer of [low, high], aspect kept; absent: size as read. */
  readonly shortSide?: readonly [number, number];
  /** [height, width] that the whole image becomes, whatever its aspect; absent: as `shortSide` says. */
  readonly size?: readonly [number, number];
  /** [height, width]; smaller images are padded with the mean colour and the ignore label. */
  readonly crop: readonly [number, number];
  /** Mirror horizontally with probability 1/2. */
  readonly flip: boolean;
  /** Of images whose labels are read; absent: the first crop is taken. */
  readonly criteria?: CropCriteria;
  /**
   * Shares of the whole image at its top, right, bottom and left whose pixels weigh 0, as does padding;
   * absent: all weigh alike.
   */
  readonly margins?: readonly [number, number, number, number];
}

/**
 * How a byte becomes a float, per channel: value = (pixel * scale - mean) / deviation, pixel in 0..255,
 * channels in `order`.
 */
export interface Normalization {
  /** Channel order the network sees. */
  readonly order: "rgb" | "bgr";
  /** Applied to 0..255 before the mean is subtracted. */
  readonly scale: number;
  /** Per channel, in `order`, after scaling. */
  readonly mean: readonly [number, number, number];
  /** Per channel, in `order`, after scaling. */
  readonly deviation: readonly [number, number, number];
}
