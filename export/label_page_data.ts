/**
 * What a page that labels pictures is told by `plca export --page`. It stands as JSON in the page, so it
 * holds only what JSON can.
 */
import type { Rgb } from "../core/label_space.ts";
import type { Normalization } from "../core/plan.ts";

/** A network whose file lies beside the page. */
export interface PageNetwork {
  /** Shown to visitors, as `adapted`. */
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

/** How large pictures are when the network sees them: `fixed`, or by the shorter side. */
export interface PageSize {
  /** [height, width], whatever the picture's are. */
  readonly fixed?: readonly [number, number];
  /** The wanted length of the shorter side; absent: as it is. */
  readonly shortSide?: number;
  /** The most that the longer side may have; counts before `shortSide`. */
  readonly longest: number;
}

/** Everything that the page is told. */
export interface LabelPageData {
  readonly title: string;
  readonly classes: readonly { readonly name: string; readonly colour: Rgb }[];
  /** One, or two to be compared: left of the line and right of it. */
  readonly networks: readonly PageNetwork[];
  readonly samples: readonly PageSample[];
  readonly normalization: Normalization;
  readonly size: PageSize;
  /** Pairs of name and value at the foot of the page. */
  readonly facts: readonly (readonly [string, string])[];
}
