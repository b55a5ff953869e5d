/** The processes of one run. */
import type { Tensor } from "./tensors.ts";

/** How a run's processes see each other; {@linkcode solo} is the one that is alone. */
export interface World {
  /** This process, counted from 0; rank 0 writes. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /**
   * The mean over all processes, element by element; null where a tensor is null in all of them. Called in the same order
   * everywhere. Belongs to the caller's tidy scope.
   */
  mean(tensors: readonly (Tensor | null)[]): readonly (Tensor | null)[];
}

/** One process: every mean is its own value. */
export const solo: World = { rank: 0, size: 1, mean: (tensors) => tensors };
