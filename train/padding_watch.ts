/**
 * Notices crops that are larger than the images they are cut from. What is missing is filled with the mean
 * colour and the ignore label: a training on such crops works, but most of its time goes into padding.
 *
 * The loop shows it the batches of every pass, and writes what it says as notes of the run.
 */
import { percent } from "../core/words.ts";
import type { BatchWatch } from "./batch_watch.ts";
import type { Batches } from "./context.ts";

/** From this share of padding on a note is given; somewhat too large crops are often meant. */
const MUCH = 0.2;

/** Looks at the first batch of each stream. */
export class PaddingWatch implements BatchWatch {
  readonly #seen = new Set<string>();

  /** @returns a sentence for each stream whose first batch is to a large part padding */
  see(batches: Batches): string[] {
    return Object.entries(batches).flatMap(([name, { padding = 0, size: [height, width] }]) => {
      if (this.#seen.has(name)) return [];
      this.#seen.add(name);
      if (padding < MUCH) return [];
      return [
        `${
          percent(padding)
        } % of the first crops of ${name} are padding, since its images are smaller than ` +
        `input.crop, ${width}x${height} pixels; a smaller crop takes less time and memory`,
      ];
    });
  }
}
