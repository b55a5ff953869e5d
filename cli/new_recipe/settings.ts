/**
 * Sizes, batch and steps for a first run on a processor: small enough to end within minutes, so that the
 * person sees early whether data and classes are right. Pure.
 */

/** What the settings depend on. */
export interface Circumstances {
  /** Median of the shorter sides of the images, in pixels, of every data set. */
  readonly shortSides: readonly number[];
  /** Labelled images. */
  readonly images: number;
  /** Bytes. */
  readonly freeMemory: number;
}

/** What is written into the recipe. */
export interface Settings {
  /** Pixels; images are scaled to it. */
  readonly shortSide: number;
  /** Pixels of a square. */
  readonly crop: number;
  /** Images per domain. */
  readonly batch: number;
  readonly steps: number;
  readonly validateEvery: number;
  /** Memory that a step takes by a rough estimate, in GB. */
  readonly memory: number;
}

/** The short side of the recipes for CamVid, which train within minutes on two cores (bench/RESULTS.md). */
const SHORT_SIDE = 180;

/** The share of the short side that a crop has there. */
const CROPPED = 0.8;

/**
 * GB that a pair of images takes at a crop of 144, and that are taken without any: measured with the slim
 * network.
 */
const [PAIR, REST] = [0.1, 0.2] as const;

/** GB that the backend `native` can have. */
const NATIVE = 4;

/** How often every labelled image is seen. */
const EPOCHS = 8;

/** The settings of a first run. */
export function settingsFor({ shortSides, images, freeMemory }: Circumstances): Settings {
  const shortSide = Math.max(8, Math.min(SHORT_SIDE, ...shortSides));
  const crop = Math.max(8, Math.floor(shortSide * CROPPED / 16) * 16);
  const pair = PAIR * (crop / 144) ** 2;
  const fits = Math.floor((Math.min(NATIVE, freeMemory / 1e9) / 2 - REST) / pair);
  const batch = Math.max(1, Math.min(2, fits));
  const steps = Math.min(4000, Math.max(200, Math.round(EPOCHS * images / batch / 100) * 100));
  const validateEvery = Math.max(50, Math.round(steps / 12 / 50) * 50);
  return { shortSide, crop, batch, steps, validateEvery, memory: REST + batch * pair };
}
