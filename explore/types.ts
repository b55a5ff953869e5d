/**
 * What the association explorer and its page say to each other: plain data, every value survives JSON. Pixels
 * are indices into a level's rows of `height` x `width`, counted from 0 at the top left.
 *
 * A *cycle* starts at a source pixel i, goes to the most similar target pixel j*, and from there back to the
 * most similar source pixel i*. It is consistent when i and i* have the same label; then i and j* are
 * associated.
 */

/** Why a cycle counts or not, in the order of {@linkcode LevelView.outcome}'s numbers. */
export const OUTCOMES = ["consistent", "other class", "ignored"] as const;

/** A place in the network where a term of the recipe associates pixels. */
export interface LevelInfo {
  /** The term's name in the recipe. */
  readonly term: string;
  /** As in `layer4`; unique in its term. */
  readonly label: string;
  readonly tap: string;
  readonly similarity: string;
  /** Whether similarities are contrast-normalised. */
  readonly contrast: boolean;
  /** Null: the level does not aggregate. */
  readonly aggregation: { readonly alpha: number; readonly contrast: boolean } | null;
}

/** A checkpoint file of the run. */
export interface CheckpointInfo {
  /** Its place in the run's folder, with `/`. */
  readonly id: string;
  /** As in `last.1`, `best` and, of an earlier phase, `baseline last`. */
  readonly name: string;
  /** Null where the file does not say. */
  readonly phase: string | null;
  /** Updates done; null where the file does not say. */
  readonly step: number | null;
  /** Why its header could not be read; null: it could. */
  readonly problem: string | null;
}

/** Where images come from: `source` and `target` are those of training. */
export type ImageSet = "source" | "target" | "val";

/** A dataset as far as it could be opened. */
export interface SetInfo {
  readonly set: ImageSet;
  readonly images: number;
  /** Why it cannot be used; null: it can. */
  readonly problem: string | null;
}

/** What there is to choose from. */
export interface ExplorerOverview {
  readonly levels: readonly LevelInfo[];
  readonly checkpoints: readonly CheckpointInfo[];
  readonly sets: readonly SetInfo[];
  /** Class names in train-id order. */
  readonly classes: readonly string[];
  /** RGB in 0..255 by train id, as the dataset's authors draw it; null: they do not say. */
  readonly colours: readonly (readonly [number, number, number])[] | null;
  /** The id of pixels without a label. */
  readonly ignore: number;
  /** What differs from training, for the person. */
  readonly notes: readonly string[];
}

/**
 * How batch normalisation is computed: by the running statistics, as in evaluation, or by those of the one
 * image, as in training.
 */
export type Statistics = "running" | "image";

/** A question: two images under the weights of a checkpoint, compared at a level. */
export interface LevelRequest {
  /** {@linkcode CheckpointInfo}'s id. */
  readonly checkpoint: string;
  readonly statistics: Statistics;
  /** The index of the source's image. */
  readonly source: number;
  readonly targetSet: Exclude<ImageSet, "source">;
  /** The index of the target's image. */
  readonly target: number;
  /** The index into {@linkcode ExplorerOverview}'s levels. */
  readonly level: number;
}

/** An image's pixels at a level, row-major: `height` x `width` of them. */
export interface LevelSide {
  readonly id: string;
  readonly height: number;
  readonly width: number;
  /** Of the image as the network saw it, in pixels. */
  readonly imageHeight: number;
  readonly imageWidth: number;
  /** Of the image as read, in pixels. */
  readonly originalHeight: number;
  readonly originalWidth: number;
  /** Train ids by the nearest pixel; null: the image has none. */
  readonly labels: readonly number[] | null;
  /** The network's classes. */
  readonly predictions: readonly number[];
}

/** Every cycle of a level: P source pixels, Q target pixels. */
export interface LevelView {
  readonly checkpoint: CheckpointInfo;
  readonly source: LevelSide;
  readonly target: LevelSide;
  /** j*, [P]: the target pixel that a source pixel is most similar to. */
  readonly forward: readonly number[];
  /** [P]: how similar; null where nothing could be compared. */
  readonly similarity: readonly (number | null)[];
  /** i*, [P]: the source pixel that this target pixel is most similar to. */
  readonly back: readonly number[];
  /** [P]: what becomes of the cycle, an index into {@linkcode OUTCOMES}. */
  readonly outcome: readonly number[];
  /** Source pixels whose cycle is consistent. */
  readonly associated: number;
  /** Target pixels that one of them chose. */
  readonly covered: number;
  /** Associated source pixels whose target pixel has their own label; null where the target has no labels. */
  readonly correct: { readonly right: number; readonly labelled: number } | null;
}

/** One row of a similarity matrix, one value for each pixel of the other image. */
export interface RowView {
  /** D, of the pixel with all others. */
  readonly similarities: readonly (number | null)[];
  /** The softmax over them, of contrast-normalised ones where the level says so. */
  readonly weights: readonly number[];
  /** What enters the softmax. */
  readonly normalised: readonly number[];
}

/**
 * Which row: of a source pixel over the target, of a target pixel back over the source, or of a target pixel
 * over the target.
 */
export type RowKind = "forward" | "back" | "aggregation";

/** A row of a level. */
export interface RowRequest extends LevelRequest {
  readonly kind: RowKind;
  /** The pixel whose row it is: of the source for `forward`, else of the target. */
  readonly pixel: number;
}
