/** Whether anything in the batches with labels is labelled: losses of nothing are 0, and a training ends without a word. */
import { countOf } from "../core/words.ts";
import type { Batches } from "./context.ts";
import type { OpenStream } from "./loaders.ts";

/** After so many images without a label it is said; fewer where a dataset has fewer. */
const MANY = 100;

/** Watches the streams with labels until each has shown one. */
export class LabelWatch {
  readonly #ignore: number;
  /** Images that were seen and are to be seen of streams that showed no label yet. */
  readonly #bare: Map<string, { seen: number; readonly wanted: number }>;

  constructor(streams: readonly Pick<OpenStream, "stream" | "dataset">[], ignore: number) {
    this.#ignore = ignore;
    this.#bare = new Map(
      streams.filter(({ stream }) => stream.labels)
        .map(({ stream, dataset }) => [stream.name, { seen: 0, wanted: Math.min(MANY, dataset.length) }]),
    );
  }

  /** What there is to say after these batches, one sentence a stream, once. */
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

  /** What there is to say of streams of which only a few images were seen. */
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
