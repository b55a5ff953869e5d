import type { MovedMemory, MovedTensors } from "../../core/memory.ts";
import type { Place } from "./place.ts";

/**
 * Counts the bytes and seconds of moving tensors, in all and by the kernel and shape that the tensors came
 * from, so that a report can say what is worth changing.
 */
export class Tally {
  readonly #moved = { out: 0, back: 0 };
  #seconds = 0;
  readonly #tensors = new Map<string, { -readonly [K in keyof MovedTensors]: MovedTensors[K] }>();

  /** Counts one move of a tensor that took so many milliseconds. */
  add(way: "out" | "back", { maker, shape, bytes }: Place, milliseconds: number): void {
    this.#moved[way] += bytes;
    this.#seconds += milliseconds / 1000;
    const what = `${maker} [${shape.join(", ")}]`;
    const counts = this.#tensors.get(what) ?? { what, timesOut: 0, timesBack: 0, bytes: 0, seconds: 0 };
    this.#tensors.set(what, counts);
    counts[way === "out" ? "timesOut" : "timesBack"] += 1;
    counts.bytes += bytes;
    counts.seconds += milliseconds / 1000;
  }

  /** All counts so far; tensors with the most bytes come first. */
  get sums(): Pick<MovedMemory, "out" | "back" | "seconds" | "tensors"> {
    const tensors = [...this.#tensors.values()].map((each) => ({ ...each }));
    return { ...this.#moved, seconds: this.#seconds, tensors: tensors.sort((a, b) => b.bytes - a.bytes) };
  }
}
