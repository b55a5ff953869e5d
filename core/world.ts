/**
 * Several processes that train one network together (data parallelism), as an interface. plca itself brings
 * {@linkcode solo}, one process; the general case keeps the step free of "if there are several".
 */
import type { Tensor } from "./tensors.ts";

/**
 * How a run's processes act as one. In every step the values and the gradients of the student and of owners
 * are averaged over all processes, nothing else: each process reads the images of its own plan, keeps its own
 * running statistics and writes its own folder. All have the same weights as long as they began with the same
 * ones.
 */
export interface World {
  /**
   * The mean over all processes, element by element; null where a tensor is null in all of them. Called in
   * the same order everywhere. Belongs to the caller's tidy scope.
   */
  mean(tensors: readonly (Tensor | null)[]): readonly (Tensor | null)[];
}

/** One process: every mean is its own value. */
export const solo: World = { mean: (tensors) => tensors };
