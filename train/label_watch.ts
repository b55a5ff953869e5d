/**
 * Notices streams whose labels are all the ignore label, as when labels of other classes are read. The losses
 * of such a stream are 0, so that training would run to its end without an error and learn nothing.
 *
 * The loop shows it every batch, and writes what it says as notes of the run; nothing else changes.
 */
import { countOf } from "../core/words.ts";
import type { BatchWatch } from "./batch_watch.ts";
import type { Batches } from "./context.ts";
import type { OpenStream } from "./loaders.ts";

/** Number of images without a label after which a note is given; fewer where the dataset has fewer. */
const MANY = 100;

/** Watches each stream with labels until it has shown one, or a note was given about it. */
export class LabelWatch implements BatchWatch {
  readonly #ignore: number;
  /** The streams that showed no label yet: how many images were seen, and after how many a note is given. */
  readonly #bare: Map<string, { seen: number; readonly wanted: number }>;

  constructor(streams: readonly Pick<OpenStream, "stream" | "dataset">[], ignore: number) {
    this.#ignore = ignore;
    this.#bare = new Map(
      streams.filter(({ stream }) => stream.labels)
        .map(({ stream, dataset }) => [stream.name, { seen: 0, wanted: Math.min(MANY, dataset.length) }]),
    );
  }

  /** Looks at the batches of a pass. @returns a sentence for each stream that has shown enough, given once */
  see(batches: Batches): string[] {
    return [...this.#bare].flatMap(([name, state]) => {
      const batch = batches[name];
      if (batch === undefined) return [];
      if (batch.labels?.some((label) => label !== this.#ignore)) {
        this.#bare.delete(name);
        return [];
      }
      state.seen += batch.ids.length;
      return state.seen >= state.wanted ? this.#tell(name) : [];
    });
  }

  /** To be called at the end. @returns a sentence for each stream that showed images, but no label */
  end(): string[] {
    return [...this.#bare].flatMap(([name, { seen }]) => seen === 0 ? [] : this.#tell(name));
  }

  #tell(name: string): string[] {
    const { seen } = this.#bare.get(name)!;
    this.#bare.delete(name);
    return [
      `no pixel of ${name} was labelled in ${
        countOf(seen, "image")
      } so far: all have the ignore label, from which ` +
      "nothing is learnt; plca data check counts the labels of every image",
    ];
  }
}
