/** What a page that labels pictures is told by whoever made it. */
import type { Rgb } from "../core/label_space.ts";
import type { Normalization } from "../core/plan.ts";

/** A network whose file lies beside the page. */
export interface PageNetwork {
  /** As in `adapted`. */
  readonly name: string;
  /** Relative to the page. */
  readonly file: string;
}

/** A picture that lies beside the page. */
export interface PageSample {
  readonly name: string;
  /** Relative to the page. */
  readonly file: string;
}

/** How large pictures are when the network sees them. */
export interface PageSize {
  /** [height, width], whatever the picture's are. */
  readonly fixed?: readonly [number, number];
  /** The shorter side; absent: as it is. */
  readonly shortSide?: number;
  /** No side is longer. */
  readonly longest: number;
}

/** Everything. */
export interface LabelPageData {
  readonly title: string;
  readonly classes: readonly { readonly name: string; readonly colour: Rgb }[];
  /** One, or two to be compared: the one to the left of the line, and the one to the right. */
  readonly networks: readonly PageNetwork[];
  readonly samples: readonly PageSample[];
  readonly normalization: Normalization;
  readonly size: PageSize;
  /** Lines of `name: value` at the foot. */
  readonly facts: readonly (readonly [string, string])[];
}
